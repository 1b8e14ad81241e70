"""A row of a list: a contact, or why it is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from salepixel.lists.layout import Layout, Role, read_consent, read_time
from salepixel.mailers.tags import is_merge_tag
from salepixel.reading.emails import is_email
from salepixel.reading.references import normal_reference


class Problem(StrEnum):
    """Why a line is not imported. Stored, and shown."""

    UNREADABLE = "unreadable"
    COLUMNS = "columns"
    NO_REFERENCE = "no_reference"
    REFERENCE = "reference"
    MERGE_TAG = "merge_tag"
    EMAIL = "email"
    CONSENT = "consent"
    SENT_AT = "sent_at"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Entry:
    """A contact in a list. `email`: empty if it has none. `opted_out`: the list says so.

    `sent_at`: when it got the e-mail, None if the list does not say.

    A list never ends an opt-out: it may be older than the opt-out.
    """

    ref: str
    email: str = ""
    opted_out: bool = False
    sent_at: datetime | None = None


def read_row(fields: Sequence[str] | None, layout: Layout) -> Entry | Problem:
    """The contact in the fields of a record (None: they could not be parsed), or what is wrong with them."""
    if fields is None:
        return Problem.UNREADABLE
    width = len(layout.roles)
    if any(field.strip() for field in fields[width:]):
        return Problem.COLUMNS
    cells: dict[Role, str] = {
        role: fields[place].strip() if place < len(fields) else ""
        for place, role in enumerate(layout.roles)
        if role is not Role.IGNORED
    }
    written = cells.get(Role.REFERENCE, "")
    if not written:
        return Problem.NO_REFERENCE
    if is_merge_tag(written):
        return Problem.MERGE_TAG
    ref = normal_reference(written)
    if not ref:
        return Problem.REFERENCE
    email = cells.get(Role.EMAIL, "")
    if email and not is_email(email):
        return Problem.EMAIL
    opted_out = False
    for role, out in ((Role.CONSENT, False), (Role.OPT_OUT, True)):
        if text := cells.get(role, ""):
            said = read_consent(text)
            if said is None:
                return Problem.CONSENT
            opted_out = opted_out or said is out
    written_at = cells.get(Role.SENT_AT, "")
    sent_at = read_time(written_at) if written_at else None
    if written_at and sent_at is None:
        return Problem.SENT_AT
    return Entry(ref, email, opted_out, sent_at)
