"""Pagination: `limit` and `cursor` in the request, `next` in the response."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Generic, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from salepixel.attribution.sale_store import Cursor
from salepixel.orders.queue import FailedPlace
from salepixel.report.periods import Period, Range
from salepixel_plugin.access import Refusal
from salepixel_plugin.languages import N_

Next = Annotated[str | None, Field(description="The cursor of the next page; null on the last one.")]

_BAD_CURSOR = N_("Invalid cursor. Start again without `cursor`.")


class PageQuery(BaseModel):
    """Which page of a list to return."""

    model_config = ConfigDict(extra="ignore")
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=2000, description="`next` of the previous page.")


_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
Day = Annotated[date, Field(ge=_FIRST_DAY, le=_LAST_DAY, examples=["2026-11-23"])]


class Days(BaseModel):
    """A range of days (UTC), with its first and its last day."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)
    since: Day | None = Field(None, alias="from", description="The first day, UTC.")
    to: Day | None = Field(None, description="The last day, UTC.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since and self.to and self.since > self.to:
            raise ValueError("`from` must not be after `to`")
        return self

    @property
    def range(self) -> Range:
        """The days."""
        return Range(self.since, self.to)

    @property
    def period(self) -> Period:
        """The same range as times (UTC)."""
        return self.range.period


class PageOfDays(PageQuery, Days):
    """Which page of a range of days to return."""


def write_cursor(*parts: object) -> str:
    """An opaque text for the position of the last row on a page."""
    texts = [_as_text(part) for part in parts]
    return urlsafe_b64encode(json.dumps(texts).encode()).rstrip(b"=").decode()


def _as_text(part: object) -> object:
    if isinstance(part, bytes):
        return part.hex()
    return part.isoformat() if isinstance(part, datetime) else str(part) if isinstance(part, int) else part


def read_cursor(cursor: str, length: int) -> list[str]:
    """The parts of a cursor. Raises a Refusal (422) for any text that is not from `write_cursor`."""
    try:
        parts = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        parts = None
    if not (
        isinstance(parts, list)
        and len(parts) == length
        and all(isinstance(part, str) and part.isprintable() for part in parts)
    ):
        raise bad_cursor()
    return parts


def read_cursor_time(text: str) -> datetime:
    """The time in a cursor. Raises a Refusal (422)."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise bad_cursor() from None
    if time.tzinfo is None:
        raise bad_cursor()
    return time


def read_cursor_number(text: str) -> int:
    """The number in a cursor, of at most 18 digits. Raises a Refusal (422)."""
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 19):
        raise bad_cursor()
    return int(text)


def read_sales_cursor(cursor: str | None) -> Cursor | None:
    """The position of the last sale on a page. Raises a Refusal (422)."""
    if cursor is None:
        return None
    time, shop, order, line, click = read_cursor(cursor, 5)
    try:
        return read_cursor_time(time), shop, order, line, bytes.fromhex(click)
    except ValueError:
        raise bad_cursor() from None


def read_amount_cursor(cursor: str | None) -> tuple[object, ...] | None:
    """The position of the last sale on a page of sales by amount. Raises a Refusal (422)."""
    if cursor is None:
        return None
    currency, amount, time, shop, order, line, click = read_cursor(cursor, 7)
    place = read_sales_cursor(write_cursor(time, shop, order, line, click)) or ()
    return currency, read_cursor_number(amount), *place


def read_click_cursor(cursor: str | None) -> bytes | None:
    """The position of the last click on a page. Raises a Refusal (422)."""
    if cursor is None:
        return None
    try:
        return bytes.fromhex(read_cursor(cursor, 1)[0])
    except ValueError:
        raise bad_cursor() from None


def read_order_cursor(cursor: str | None) -> FailedPlace | None:
    """The position of the last order on a page: time, shop, order. Raises a Refusal (422)."""
    if cursor is None:
        return None
    time, shop_id, order_id = read_cursor(cursor, 3)
    return read_cursor_time(time), shop_id, order_id


def read_dated_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """The position of the last row on a page of rows with time and id, such as campaigns.

    Raises a Refusal (422).
    """
    if cursor is None:
        return None
    time, its_id = read_cursor(cursor, 2)
    return read_cursor_time(time), its_id


Row = TypeVar("Row")


class Cut(NamedTuple, Generic[Row]):
    """The rows of a page, and whether there are pages on both sides."""

    rows: Sequence[Row]
    has_previous: bool
    has_next: bool


def cut_page(found: Sequence[Row], size: int, *, after: object, before: object) -> Cut[Row]:
    """The page of `size` rows among one more than that.

    `after`, `before`: what the page begins behind or ends before, None if it is the first one. A page before
    another one has the additional row at its beginning.
    """
    has_more = len(found) > size
    if before is not None:
        return Cut(found[1:] if has_more else found, has_more, True)
    return Cut(found[:size], after is not None, has_more)


def bad_cursor() -> Refusal:
    """The refusal of an invalid cursor."""
    return Refusal(422, "bad_cursor", _BAD_CURSOR)
