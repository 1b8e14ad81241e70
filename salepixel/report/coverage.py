"""The coverage: of the orders that a shop has, how many are known, and by which way."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from salepixel.clicks.tokens import Signal, least_id_at
from salepixel.orders.outcome import Outcome
from salepixel.report.sales import Period
from salepixel.storage.schema import clicks, decisions, hits, orders, sales, shop_days, shops

_DAY = 86_400_000_000  # microseconds
_CREDITED = (Outcome.ATTRIBUTED, Outcome.LIKELY)
_FAMILIES = {"Chromium": Signal.CHROMIUM, "Firefox": Signal.FIREFOX, "Safari": Signal.SAFARI}


@dataclass(frozen=True, slots=True)
class DayCoverage:
    """The orders of a day (UTC) of all shops of an account that report their own orders.

    `in_shop`: the shops' own count, None if no shop was asked. `known` = `by_webhook` + `healed`: reported by
    a webhook (or the sales API) in time, or fetched from the shop. `missing`: in the shops and unknown here
    when they were last asked, None if none was.
    """

    day: date
    known: int
    by_webhook: int
    healed: int
    seen: int
    attributed: int
    in_shop: int | None = None
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """How many orders of a kind there are, and how many of them the pixel has seen."""

    name: str
    orders: int
    seen: int

    @property
    def lost(self) -> float:
        """The share that the pixel did not see."""
        return 1 - self.seen / self.orders if self.orders else 0.0


@dataclass(frozen=True, slots=True)
class PixelProblem:
    """How many pixel hits had a problem, named by `reason`, and how many of them are ignored for it."""

    reason: str
    hits: int
    ignored: int


def pixel_problems(connection: sa.Connection, emp_id: int, period: Period) -> list[PixelProblem]:
    """Why pixel hits of a period (UTC) were ignored, or what could not be read of them, most hits first."""
    columns = (
        hits.c.problem,
        sa.func.count().label("hits"),
        _sum_of(hits.c.ignored != "").label("ignored"),
    )
    # As the partial index has it: SQLite compares the texts.
    query = sa.select(*columns).where(hits.c.emp_id == emp_id, sa.text("hits.problem != ''"))
    if period.since is not None:
        query = query.where(hits.c.id >= least_id_at(period.since))
    if period.until is not None:
        query = query.where(hits.c.id < least_id_at(period.until))
    rows = connection.execute(query.group_by(hits.c.problem))
    found = [PixelProblem(row.problem, row.hits, row.ignored) for row in rows]
    return sorted(found, key=lambda one: (-one.hits, one.reason))


def coverage_by_day(connection: sa.Connection, emp_id: int, period: Period) -> list[DayCoverage]:
    """Each day of a period (UTC) on which there are orders, by us or by the shop, the newest first."""
    day = (sa.type_coerce(orders.c.placed_at, sa.BigInteger) // _DAY).label("day")
    columns = (
        orders.c.shop_id,
        day,
        sa.func.count().label("known"),
        _sum_of(orders.c.healed_at.is_not(None)).label("healed"),
        _sum_of(_is_seen()).label("seen"),
        _sum_of(decisions.c.outcome.in_(_CREDITED)).label("attributed"),
    )
    query = _orders_with_decisions(columns, emp_id, period).group_by(orders.c.shop_id, day)
    found = {(row.shop_id, date.fromordinal(_EPOCH + row.day)): row for row in connection.execute(query)}
    counts = _shop_counts(connection, emp_id, period)
    days = sorted({day for _, day in (*found, *counts)}, reverse=True)
    return [_day(day, found, counts) for day in days]


_EPOCH = date(1970, 1, 1).toordinal()


def _day(day: date, found: dict[tuple[str, date], Any], counts: dict[tuple[str, date], Any]) -> DayCoverage:
    ours = [row for (_, its_day), row in found.items() if its_day == day]
    counted = {shop_id: row for (shop_id, its_day), row in counts.items() if its_day == day}
    known = {row.shop_id: row.known for row in ours}
    total, healed = sum(known.values()), sum(row.healed for row in ours)
    return DayCoverage(
        day,
        known=total,
        by_webhook=total - healed,
        healed=healed,
        seen=sum(row.seen for row in ours),
        attributed=sum(row.attributed for row in ours),
        in_shop=sum(row.orders for row in counted.values()) if counted else None,
        missing=sum(_missing(row, known.get(shop, 0)) for shop, row in counted.items()) if counted else None,
    )


def _missing(counted: Any, known_now: int) -> int:
    # Counts from before `known` was kept are held against what is known now.
    known = known_now if counted.known is None else counted.known
    return int(max(0, counted.orders - known))


def seen_by_payment(connection: sa.Connection, emp_id: int, period: Period) -> list[Seen]:
    """How much of a period the pixel saw, by payment method, most orders first; empty: not reported."""
    kind = sa.func.coalesce(orders.c.payment, "").label("kind")
    columns = (kind, sa.func.count().label("orders"), _sum_of(_is_seen()).label("seen"))
    return _sorted(connection.execute(_orders_with_decisions(columns, emp_id, period).group_by(kind)))


def seen_by_browser(connection: sa.Connection, emp_id: int, period: Period) -> list[Seen]:
    """How much the pixel saw of the orders whose click is known, by the browser of the (last) click."""
    # Not max(): PostgreSQL has it of bytes from 18 on.
    its_click = (
        sa.select(sales.c.click_id)
        .where(sales.c.shop_id == orders.c.shop_id, sales.c.order_id == orders.c.id)
        .order_by(sales.c.click_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    families = {int(signal): name for name, signal in _FAMILIES.items()}
    family = clicks.c.signals.bitwise_and(sum(families))
    kind = sa.case(families, value=family, else_="").label("kind")
    columns = (kind, sa.func.count().label("orders"), _sum_of(_is_seen()).label("seen"))
    query = _orders_with_decisions(columns, emp_id, period).join(clicks, clicks.c.id == its_click)
    return _sorted(connection.execute(query.group_by(kind)))


def _orders_with_decisions(
    columns: Iterable[sa.ColumnElement[Any]], emp_id: int, period: Period
) -> sa.Select[Any]:
    """Of orders that a shop reports itself: those that pixel hits make are seen by the pixel, all of them."""
    its_decision = sa.and_(decisions.c.shop_id == orders.c.shop_id, decisions.c.order_id == orders.c.id)
    return (
        sa.select(*columns)
        .select_from(orders)
        .join(shops, shops.c.id == orders.c.shop_id)
        .outerjoin(decisions, its_decision)
        .where(orders.c.emp_id == emp_id, shops.c.platform != "pixel", *period.holds(orders.c.placed_at))
    )


def _is_seen() -> sa.ColumnElement[bool]:
    names = sa.or_(hits.c.order_ref == orders.c.id, hits.c.order_key == orders.c.number_key)
    return sa.exists().where(hits.c.emp_id == orders.c.emp_id, names, hits.c.ignored == "")


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


def _sorted(rows: Iterable[sa.Row[Any]]) -> list[Seen]:
    found = [Seen(row.kind, row.orders, int(row.seen)) for row in rows]
    return sorted(found, key=lambda one: (-one.orders, one.name))
