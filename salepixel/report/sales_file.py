"""The SALES table as a file: rows as they are stored become text, without an object for each.

An export of a million sales took 47 us a row, most of it for decimals and times that are written as they were
read. Here amounts are texts made of minor units, and a day is formatted once.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from salepixel.money.amounts import from_minor, minor_digits
from salepixel.money.quantities import from_thousandths
from salepixel.report.periods import Period
from salepixel.report.totals import Total
from salepixel.storage.schema import EPOCH, sale_refunds, sales

ROWS_AT_ONCE = 2000
"""Rows of a page: 30 ms and 2 MB."""

Place = Sequence[Any]
"""Where a page ended: purchased_at (microseconds), shop, order, line, click (hex)."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet treats a cell that begins with one of these as a formula (OWASP, "CSV Injection")."""

_DAY = 86_400_000_000


class Row(NamedTuple):
    """A row as stored: amounts in minor units, times in microseconds, the quantity in thousandths."""

    contact: str
    item: str
    sku: str | None
    quantity: int
    amount: int
    refunded: int
    currency: str
    purchased_at: int
    order_number: str
    campaign_id: str
    link_id: str
    evidence: str
    confidence: float
    status: str
    share: float
    refunded_at: int | None
    converted: int | None
    converted_currency: str | None
    rate: str | None
    rate_date: str | None
    shop_id: str
    order_id: str
    line_id: str
    click_id: bytes
    all_refunds: int | None

    @property
    def place(self) -> list[Any]:
        """Where a page with this row as its last ends."""
        return [self.purchased_at, self.shop_id, self.order_id, self.line_id, bytes(self.click_id).hex()]


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is written, with its words in the reader's language. `zone`: the time zone of its times.

    `campaign`: its name in place of its id; `links`, `evidence`, `status`: texts in place of names.
    """

    header: Sequence[str]
    separator: str
    mark: str
    campaign: str
    links: Mapping[str, str]
    evidence: Mapping[str, str]
    status: Mapping[str, str]
    shipping: str
    zone: str = "UTC"

    def as_json(self) -> dict[str, Any]:
        """For the parameters of a computation."""
        return asdict(self) | {"header": list(self.header)}


PROGRAM_COLUMNS = (
    *("contact", "item", "sku", "quantity", "amount", "currency", "refunded", "purchased_at", "order"),
    *("campaign", "link", "evidence", "confidence", "status", "share", "refunded_at", "converted"),
    *("converted_currency", "rate", "rate_date", "refunded_later"),
)
"""The names of the API, in the sequence of a row of `GET /campaigns/<id>/sales`."""


def read_rows(
    connection: sa.Connection, campaign_id: str, period: Period, after: Place | None, limit: int
) -> list[Row]:
    """The next rows of a campaign's sales, newest first."""
    key = [sales.c[name] for name in ("purchased_at", "shop_id", "order_id", "line_id", "click_id")]
    query = _ROWS.where(sales.c.campaign_id == campaign_id, *period.holds(sales.c.purchased_at))
    if after is not None:
        micros, shop_id, order_id, line_id, click_id = after
        at = sa.literal(EPOCH + timedelta(microseconds=micros), sales.c.purchased_at.type)
        texts = map(sa.literal, (shop_id, order_id, line_id))
        query = query.where(sa.tuple_(*key) < sa.tuple_(at, *texts, sa.literal(bytes.fromhex(click_id))))
    rows = connection.execute(query.order_by(*(column.desc() for column in key)).limit(limit))
    return [Row._make(row) for row in rows]


def read_chosen(
    connection: sa.Connection,
    conditions: Sequence[sa.ColumnElement[bool]],
    sequence: Sequence[sa.ColumnElement[Any]],
) -> list[Row]:
    """All sales with these conditions, sorted, for a file that is not large."""
    rows = connection.execute(_ROWS.where(*conditions).order_by(*sequence))
    return [Row._make(row) for row in rows]


def totals_of(rows: Sequence[Row]) -> list[Total]:
    """The sums of rows per currency, sorted by code."""
    found = []
    for currency in sorted({row.currency for row in rows}):
        its = [row for row in rows if row.currency == currency]
        found.append(
            Total(
                currency,
                orders=len({(row.shop_id, row.order_id) for row in its}),
                quantity=from_thousandths(sum(row.quantity for row in its)),
                gross=from_minor(sum(row.amount for row in its), currency),
                refunded=from_minor(sum(row.refunded for row in its), currency),
            )
        )
    return found


def _plain(name: str) -> sa.ColumnElement[Any]:
    """A column as the database stores it: typed values of a million rows took longer than their text."""
    column = sales.c[name]
    return sa.type_coerce(column, sa.BigInteger) if name in _NUMBERS else column


_NUMBERS = {"quantity", "purchased_at", "refunded_at"}
_REFUNDS = (
    sa.select(sa.func.sum(sale_refunds.c.amount))
    .where(*(sale_refunds.c[column.name] == column for column in sales.primary_key))
    .correlate(sales)
    .scalar_subquery()
)
_ROWS = sa.select(*map(_plain, Row._fields[:-1]), _REFUNDS)


def program_csv(rows: Sequence[Row]) -> str:
    """CSV for programs (RFC 4180): commas, points, the names of the API as columns."""
    cells = []
    for row in rows:
        digits = minor_digits(row.currency)
        later = (row.all_refunds or 0) - row.refunded
        cells.append(
            (
                safe_cell(row.contact),
                safe_cell(row.item),
                safe_cell(row.sku or ""),
                _fraction(row.quantity),
                money(row.amount, digits),
                row.currency,
                money(row.refunded, digits),
                _time(row.purchased_at, "T", "Z"),
                safe_cell(row.order_number),
                row.campaign_id,
                row.link_id,
                row.evidence,
                row.confidence,
                row.status,
                row.share,
                "" if row.refunded_at is None else _time(row.refunded_at, "T", "Z"),
                _converted(row),
                row.converted_currency,
                row.rate,
                row.rate_date,
                money(int(later), digits),
            )
        )
    return _csv(cells, ",")


def people_csv(style: Style, rows: Sequence[Row]) -> str:
    """CSV as a spreadsheet in the reader's language opens it."""
    cells, mark = [], style.mark
    for row in rows:
        digits = minor_digits(row.currency)
        later = int(row.all_refunds or 0) - row.refunded
        cells.append(
            (
                safe_cell(row.contact),
                safe_cell(style.shipping if row.line_id == "shipping" else row.item),
                safe_cell(row.sku or ""),
                _fraction(row.quantity).replace(".", mark),
                money(row.amount, digits).replace(".", mark),
                money(row.refunded, digits).replace(".", mark),
                row.currency,
                _time(_local(row.purchased_at, style.zone), " ", "")[
                    :19
                ],  # with T and Z, Excel reads it as text
                safe_cell(row.order_number),
                safe_cell(style.campaign),
                safe_cell(style.links.get(row.link_id, "")),
                safe_cell(style.evidence[row.evidence]),
                str(row.confidence).replace(".", mark),
                safe_cell(style.status[row.status]),
                str(row.share).replace(".", mark),
                "" if row.refunded_at is None else _time(_local(row.refunded_at, style.zone), " ", "")[:19],
                money(later, digits).replace(".", mark) if later else "",
                _converted(row).replace(".", mark),
                row.converted_currency,
                (row.rate or "").replace(".", mark),
                row.rate_date,
            )
        )
    return _csv(cells, style.separator)


MAX_ROWS = 1_048_576
"""The most rows of a sheet, with its header (support.microsoft.com, "Excel specifications and limits")."""

_MAX_TEXT = 32_767
_SPECIAL = re.compile(r'[&<>"\x00-\x08\x0b-\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_')
_DAYS_TO_1970 = 25_569  # from a workbook's day zero


def sheet_rows(style: Style, rows: Sequence[Row], first: int) -> str:
    """Rows of a sheet as SpreadsheetML, the first one with this number.

    A style is named in place of its number in the workbook: `s="@EUR"` for money, `@n` for a number, `@t` for
    a time, `@d` for a day. No text contains such a name, because quotes in texts are escaped.
    """
    return "".join(
        f'<row r="{number}">{_cells(style, row, number)}</row>' for number, row in enumerate(rows, first)
    )


def _cells(style: Style, row: Row, number: int) -> str:
    digits = minor_digits(row.currency)
    later = int(row.all_refunds or 0) - row.refunded
    cells = (
        _text(row.contact),
        _text(style.shipping if row.line_id == "shipping" else row.item),
        _text(row.sku or ""),
        _number(_fraction(row.quantity)),
        _number(money(row.amount, digits), row.currency),
        _number(money(row.refunded, digits), row.currency),
        _text(row.currency),
        _moment(row.purchased_at, style.zone),
        _text(row.order_number),
        _text(style.campaign),
        _text(style.links.get(row.link_id, "")),
        _text(style.evidence[row.evidence]),
        _number(str(row.confidence)),
        _text(style.status[row.status]),
        _number(str(row.share)),
        _moment(row.refunded_at, style.zone),
        _number(money(later, digits) if later else "", row.currency),
        _number(_converted(row)),
        _text(row.converted_currency or ""),
        _number(row.rate or ""),
        _number(str(_sheet_day(row.rate_date)), "d") if row.rate_date else "",
    )
    return "".join(
        f'<c r="{name}{number}"{cell}</c>' for name, cell in zip(_NAMES, cells, strict=True) if cell
    )


_NAMES = "ABCDEFGHIJKLMNOPQRSTU"


def _text(text: str) -> str:
    if not text:
        return ""
    kept = ' xml:space="preserve"' if text[0].isspace() or text[-1].isspace() else ""
    escaped = _SPECIAL.sub(_escape, text[:_MAX_TEXT])
    return f' t="inlineStr"><is><t{kept}>{escaped}</t></is>'


def _escape(found: re.Match[str]) -> str:
    """As Excel writes it: a control character by its number (ECMA-376 part 1, 22.9.2.19, ST_Xstring)."""
    known = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
    text = found[0]
    return known.get(text) or (f"_x005F{text}" if len(text) > 1 else f"_x{ord(text):04X}_")


def _number(text: str, style: str = "n") -> str:
    return f' s="@{style}"><v>{text}</v>' if text else ""


def _moment(micros: int | None, zone: str) -> str:
    return "" if micros is None else f' s="@t"><v>{_local(micros, zone) / _DAY + _DAYS_TO_1970!r}</v>'


def _local(micros: int, zone: str) -> int:
    """The time of the clocks in a time zone, as if it were UTC."""
    return micros + _offset(zone, micros // _QUARTER)


_QUARTER = 900_000_000
"""A quarter of an hour: no time zone changes its offset within one (tz database)."""


@lru_cache(10_000)
def _offset(zone: str, quarter: int) -> int:
    at = EPOCH + timedelta(microseconds=quarter * _QUARTER)
    return (at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()) // timedelta(microseconds=1)


@lru_cache(1000)
def _sheet_day(day: str) -> int:
    return (date.fromisoformat(day) - EPOCH.date()).days + _DAYS_TO_1970


def header(names: Sequence[str], separator: str) -> str:
    """The first line of a CSV."""
    return _csv([names], separator)


def _csv(rows: Sequence[Sequence[Any]], separator: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue()


def safe_cell(cell: str) -> str:
    """The cell with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def money(minor: int, digits: int) -> str:
    """An amount of minor units with so many digits: (3980, 2) -> 39.80."""
    if digits == 0:
        return str(minor)
    if minor < 0:
        return f"-{money(-minor, digits)}"
    whole, rest = divmod(minor, 10**digits)
    return f"{whole}.{rest:0{digits}d}"


def _converted(row: Row) -> str:
    if row.converted is None or row.converted_currency is None:
        return ""
    return money(row.converted, minor_digits(row.converted_currency))


def _fraction(thousandths: int) -> str:
    """A quantity without trailing zeros: 2000 -> 2, 500 -> 0.5."""
    whole, rest = divmod(thousandths, 1000)
    return f"{whole}.{rest:03d}".rstrip("0") if rest else str(whole)


@lru_cache(1000)
def _day(days: int) -> str:
    return (EPOCH + timedelta(days=days)).date().isoformat()


def _time(micros: int, between: str, zone: str) -> str:
    """A time in UTC, without fractions if they are zero, as `rfc3339` writes it."""
    days, rest = divmod(micros, _DAY)
    seconds, fraction = divmod(rest, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    more = f".{fraction:06d}" if fraction else ""
    return f"{_day(days)}{between}{hour:02d}:{minute:02d}:{second:02d}{more}{zone}"
