"""The audit list as the API and the page ask for it: filters, a cursor for each direction."""

from typing import Annotated

from pydantic import AfterValidator, Field

from salepixel.accounts.audit import Action
from salepixel.accounts.audit_list import Entry, Filter, Place, Step
from salepixel.accounts.principal import ActorKind
from salepixel_plugin.paging import PageOfDays, bad_cursor, read_cursor, read_cursor_time, write_cursor

_NEWER, _OLDER = "newer", "older"


def _known_kind(text: str) -> str:
    kind = text.partition(":")[0]
    if text and kind not in set(ActorKind):
        raise ValueError(f"must begin with one of {', '.join(ActorKind)}")
    return text


class AuditQuery(PageOfDays):
    """Which entries, and which page of them."""

    actor: Annotated[str, AfterValidator(_known_kind)] = Field(
        "", max_length=100, description="`actor` of an entry, such as `person:0123456789ab`."
    )
    action: Action | None = Field(None, description="What was done.")

    @property
    def filter(self) -> Filter:
        """The filters."""
        kind, _, its_id = self.actor.partition(":")
        days = self.period
        return Filter(ActorKind(kind) if kind else None, its_id, self.action, days.since, days.until)

    @property
    def step(self) -> Step | None:
        """Where the page begins. Raises a Refusal (422) for an invalid cursor."""
        if not self.cursor:
            return None
        direction, time, its_id = read_cursor(self.cursor, 3)
        if direction not in (_NEWER, _OLDER):
            raise bad_cursor()
        return Step((read_cursor_time(time), its_id), direction == _NEWER)


def actor_of(entry: Entry) -> str:
    """The value of `actor` for all entries of the same person or key."""
    return f"{entry.actor.kind}:{entry.actor.id}" if entry.actor.id else str(entry.actor.kind)


def older_cursor(place: Place | None) -> str | None:
    """The cursor of the page with the entries before a place."""
    return place and write_cursor(_OLDER, *place)


def newer_cursor(place: Place | None) -> str | None:
    """The cursor of the page with the entries after a place."""
    return place and write_cursor(_NEWER, *place)
