"""What every connector is: a module with the functions of `Connector`, and what they work on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Protocol

from salepixel.keys import BadSeal, Keys, token_place
from salepixel.orders.order import Order
from salepixel.shops.shop import Shop
from salepixel.shops.strict_json import load_object


@dataclass(frozen=True)
class Delivery:
    """A webhook as it arrived. `headers` have lower-case names; `body` is what the signature covers."""

    api_url: str
    event: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """The object in the body, parsed once: 28 MB take 300 MB of memory and a second. Raises BadJson.

        For a body whose signature was verified.
        """
        return load_object(self.body)


class Refused(Exception):
    """A delivery that we do not believe. `reason` is its counted name, `message` what to do about it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class BadSignature(Refused):
    """Not signed in the way that we accept, whatever the key."""


class UnknownKey(BadSignature):
    """Does not fit the keys that we have: forged, or the shop has a new one. `kid` is the key's name."""

    def __init__(self, reason: str, message: str, kid: str | None) -> None:
        super().__init__(reason, message)
        self.kid = kid


class Unreadable(ValueError):
    """A delivery of the shop from which no order can be read. `reason` is its counted name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ShopAway(Exception):
    """The shop did not give a usable answer now; the message says how.

    `reason` is its counted name: shop_away, or shop_ and the reason of an outgoing.CallFailed.
    """

    def __init__(self, message: str, reason: str = "shop_away") -> None:
        super().__init__(message)
        self.reason = reason


class AskForLess(ShopAway):
    """The shop cannot answer for so many orders at once: too large, too slow, or one of them fails."""


class TokenRefused(Exception):
    """The shop does not know this token, or not yet."""


@dataclass(frozen=True, slots=True)
class Access:
    """A shop with its token in clear: made when the shop is asked, and kept nowhere."""

    shop: Shop
    token: str = field(repr=False)


def open_access(keys: Keys, shop: Shop) -> Access:
    """What a shop is asked with. Raises TokenRefused where we have no token, or cannot open it."""
    try:
        token = keys.open(token_place(shop.id), shop.token) if shop.token else ""
    except BadSeal as error:
        raise TokenRefused from error
    if not token:
        raise TokenRefused
    return Access(shop, token)


@dataclass(frozen=True, slots=True)
class Unread:
    """An order of a shop that could not be read.

    `reason` is its counted name, `detail` what the shop said. `id` and `number` are empty where not even
    these could be read.
    """

    reason: str
    id: str = ""
    number: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Orders that a shop gave, and those of them that could not be read.

    `drafts`: the ids of those that are drafts now, which are no orders yet.
    """

    orders: tuple[Order, ...] = ()
    unread: tuple[Unread, ...] = ()
    drafts: tuple[str, ...] = ()


HashAddress = Callable[[str], tuple[str, str]]
"""Gives the hashes of an address, and of the mailbox that it leads to."""


class Connector(Protocol):
    """A kind of shop. Sister modules have the same functions; a dict is the registry.

    A shop is asked with the token that it gave us. What asks raises ShopAway or TokenRefused.
    """

    def verify(self, delivery: Delivery, shop: Shop) -> None:
        """Return when the shop sent this delivery, to us, as this event. Raises Refused."""

    def read_orders(self, delivery: Delivery, hash_address: HashAddress) -> Page:
        """The orders in a verified delivery, none where it is about something else. Raises Unreadable."""

    def changed_orders(
        self, access: Access, since: datetime, until: datetime, hash_address: HashAddress
    ) -> Iterator[Page]:
        """The orders that changed between two times (UTC, both included), page by page.

        A snapshot is older than any delivery about the same change.
        """

    def named_orders(
        self, access: Access, ids: Sequence[str], at: datetime, hash_address: HashAddress
    ) -> Iterator[Page]:
        """The orders with these ids as they are now, at `at` (UTC)."""

    def count_orders(self, access: Access, days: Sequence[date]) -> dict[date, int]:
        """How many orders the shop has of each day (UTC)."""

    def why_refused(self, access: Access) -> str:
        """Why the shop refuses our token: `app_inactive`, `permission_removed`, or else `token_refused`.

        Raises ShopAway.
        """
