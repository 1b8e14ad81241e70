"""The shape of an e-mail platform: what tracked links need to know about it."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from salepixel.mailers.forms import Form


class Rewrites(StrEnum):
    """Whether a platform puts links of its own around the links of a mail."""

    ALWAYS = "always"
    UNLESS_OFF = "unless_off"
    ON_REQUEST = "on_request"
    UNKNOWN = "unknown"


class TestMail(StrEnum):
    """What is in place of a merge tag in a test mail."""

    __test__ = False  # not a class of tests

    FILLED = "filled"  # the value of a real contact
    INVENTED = "invented"  # a value that belongs to nobody
    RAW = "raw"  # the tag itself
    UNKNOWN = "unknown"


class Evidence(StrEnum):
    """Who documents a fact."""

    VENDOR = "vendor"  # the platform's own documentation
    CODE = "code"  # its source code
    OTHERS = "others"  # third parties; not confirmed by the vendor


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact is from. `page`: an address, or a repository and file. `read_on`: when we read it."""

    fact: str
    page: str
    evidence: Evidence
    read_on: date


@dataclass(frozen=True, slots=True)
class Platform:
    """An e-mail platform. `key`: its name in campaigns and in the API.

    `contact_tag`: its merge tag for an opaque reference of the contact; None if no tag suits every account.
    `address_tag`: its merge tag for the address of a product in a feed, encoded if it can; empty: not known.
    `field_for_reference`: where an account creates a field of its own for the reference then.
    `forms`: how its merge tags are written. `unfilled`: references that belong to nobody, which it uses if it
    does not fill the tag. `test_mail`: what is in place of the tag in a test mail.
    `off_for_link`: the attribute that stops its own tracking of one link. `off_for_mail`: the setting that
    stops it for a mail or for the account. Empty: none is known.
    `appends`: the names of the parameters that it may append to links. `paste`: where a mail's HTML goes.
    Settings and places are by the names in its English interface.
    `unverified`: the fields for which we have found no documentation by the vendor.
    """

    key: str
    name: str
    contact_tag: str | None
    forms: tuple[Form, ...] = ()
    address_tag: str = ""
    field_for_reference: str = ""
    unfilled: tuple[str, ...] = ()
    test_mail: TestMail = TestMail.UNKNOWN
    rewrites: Rewrites = Rewrites.UNKNOWN
    off_for_link: str = ""
    off_for_mail: str = ""
    appends: tuple[str, ...] = ()
    paste: str = ""
    sources: tuple[Source, ...] = ()
    unverified: frozenset[str] = field(default_factory=frozenset)


READ_ON = date(2026, 11, 28)


def vendor(fact: str, page: str) -> Source:
    """A fact that the vendor documents."""
    return Source(fact, page, Evidence.VENDOR, READ_ON)


def code(fact: str, page: str) -> Source:
    """A fact that the platform's source code shows."""
    return Source(fact, page, Evidence.CODE, READ_ON)


def others(fact: str, page: str) -> Source:
    """A fact that only third parties document."""
    return Source(fact, page, Evidence.OTHERS, READ_ON)
