"""Tracking health: how many of the shops' orders arrived, how, and how many the pixel saw."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from salepixel.clicks.tokens import OTHER_BROWSER, least_id_at
from salepixel.orders.outcome import Outcome
from salepixel.report.periods import Period
from salepixel.storage.schema import hits, shop_days, shops
from salepixel.sums.decisions import BROWSER, PAYMENT, count_by_day, count_seen

_CREDITED = (Outcome.ATTRIBUTED, Outcome.LIKELY)


@dataclass(frozen=True, slots=True)
class DayCoverage:
    """The decided orders of a day (UTC), of all shops of an account that report orders.

    `in_shop`: the shops' own count, None if no shop was asked. `known` = `by_webhook` + `by_poll`: reported
    by a webhook (or the sales API) in time, or found by a poll. `missing`: orders in the shops that had not
    arrived when the shops were last asked, None if none was asked.
    """

    day: date
    known: int
    by_webhook: int
    by_poll: int
    seen: int
    attributed: int
    in_shop: int | None = None
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """The number of orders of one kind, and how many of them the pixel saw."""

    name: str
    orders: int
    seen: int

    @property
    def lost(self) -> float:
        """The share of orders that the pixel did not see."""
        return 1 - self.seen / self.orders if self.orders else 0.0


@dataclass(frozen=True, slots=True)
class PixelProblem:
    """The number of pixel hits with the problem `reason`, and how many of them were ignored for it."""

    reason: str
    hits: int
    ignored: int


def pixel_problems(connection: sa.Connection, emp_id: int, period: Period) -> list[PixelProblem]:
    """Why pixel hits of a period (UTC) were ignored or only partly read, most hits first."""
    columns = (
        hits.c.problem,
        sa.func.count().label("hits"),
        _sum_of(hits.c.ignored != "").label("ignored"),
    )
    # The exact text of the partial index's condition: SQLite compares the texts.
    query = sa.select(*columns).where(hits.c.emp_id == emp_id, sa.text("hits.problem != ''"))
    if period.since is not None:
        query = query.where(hits.c.id >= least_id_at(period.since))
    if period.until is not None:
        query = query.where(hits.c.id < least_id_at(period.until))
    rows = connection.execute(query.group_by(hits.c.problem))
    found = [PixelProblem(row.problem, row.hits, row.ignored) for row in rows]
    return sorted(found, key=lambda one: (-one.hits, one.reason))


def coverage_by_day(connection: sa.Connection, emp_id: int, period: Period) -> list[DayCoverage]:
    """The days of a period (UTC) with orders, here or in the shop, newest first."""
    rows = count_by_day(connection, emp_id, period.days, _CREDITED)
    found = {(row.shop_id, date.fromordinal(_EPOCH + row.day)): row for row in rows}
    counts = _shop_counts(connection, emp_id, period)
    days = sorted({day for _, day in (*found, *counts)}, reverse=True)
    return [_day(day, found, counts) for day in days]


_EPOCH = date(1970, 1, 1).toordinal()


def _day(day: date, found: dict[tuple[str, date], Any], counts: dict[tuple[str, date], Any]) -> DayCoverage:
    ours = [row for (_, its_day), row in found.items() if its_day == day]
    counted = {shop_id: row for (shop_id, its_day), row in counts.items() if its_day == day}
    known = {row.shop_id: int(row.orders) for row in ours}
    total, by_poll = sum(known.values()), sum(int(row.healed) for row in ours)
    return DayCoverage(
        day,
        known=total,
        by_webhook=total - by_poll,
        by_poll=by_poll,
        seen=sum(int(row.seen) for row in ours),
        attributed=sum(int(row.attributed) for row in ours),
        in_shop=sum(row.orders for row in counted.values()) if counted else None,
        missing=sum(_missing(row, known.get(shop, 0)) for shop, row in counted.items()) if counted else None,
    )


def _missing(counted: Any, known_now: int) -> int:
    # Old counts have no `known` of the same moment: compare them with the orders known now.
    known = known_now if counted.known is None else counted.known
    return int(max(0, counted.orders - known))


def seen_by_payment(connection: sa.Connection, emp_id: int, period: Period) -> list[Seen]:
    """How many orders the pixel saw, by payment method, most orders first; empty: not reported."""
    return _read(count_seen(connection, emp_id, period.days, PAYMENT))


def seen_by_browser(connection: sa.Connection, emp_id: int, period: Period) -> list[Seen]:
    """How many orders with a known click the pixel saw, by the browser of the (last) click.

    Most orders first; empty: another browser, or an unknown one.
    """
    return _read(count_seen(connection, emp_id, period.days, BROWSER), unknown=OTHER_BROWSER)


def _sum_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _shop_counts(connection: sa.Connection, emp_id: int, period: Period) -> dict[tuple[str, date], Any]:
    query = (
        sa.select(shop_days).join(shops, shops.c.id == shop_days.c.shop_id).where(shops.c.emp_id == emp_id)
    )
    if period.since is not None:
        query = query.where(shop_days.c.day >= period.since.date().isoformat())
    if period.until is not None:
        query = query.where(shop_days.c.day < period.until.date().isoformat())
    return {(row.shop_id, date.fromisoformat(row.day)): row for row in connection.execute(query)}


def _read(rows: Iterable[sa.Row[Any]], unknown: str = "") -> list[Seen]:
    found = [Seen("" if row.name == unknown else row.name, int(row.orders), int(row.seen)) for row in rows]
    return sorted(found, key=lambda one: (-one.orders, one.name))
