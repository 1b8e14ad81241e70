"""Reading the campaign sales report."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa

from salepixel.attribution.sale_store import Cursor, StoredSale, _stored, refunds_of
from salepixel.money.amounts import Rate, from_minor
from salepixel.money.quantities import from_thousandths
from salepixel.report.sums import great_sum, read_sum
from salepixel.report.totals import ConvertedTotal, Total
from salepixel.storage.schema import accounts, decisions, sale_refunds, sales


@dataclass(frozen=True, slots=True)
class Period:
    """From a time on and until before another; None: open."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, column: sa.Column[datetime]) -> list[sa.ColumnElement[bool]]:
        """The conditions that a time lies in it."""
        from_on = [] if self.since is None else [column >= self.since]
        return from_on if self.until is None else [*from_on, column < self.until]


ALWAYS = Period()


def list_sales(
    connection: sa.Connection,
    campaign_id: str,
    limit: int,
    after: Cursor | None = None,
    period: Period = ALWAYS,
) -> list[StoredSale]:
    """A campaign's sales of a period, newest first; `after`: cursor of the last row seen."""
    key = (sales.c.purchased_at, sales.c.shop_id, sales.c.order_id, sales.c.line_id, sales.c.click_id)
    query = sa.select(sales).where(sales.c.campaign_id == campaign_id, *period.holds(sales.c.purchased_at))
    if after is not None:
        query = query.where(sa.tuple_(*key) < after)
    rows = connection.execute(query.order_by(*(column.desc() for column in key)).limit(limit)).all()
    refunds = refunds_of(connection, [(row.shop_id, row.order_id) for row in rows])
    return [
        _stored(row, refunds.get((row.shop_id, row.order_id, row.line_id, row.click_id), ())) for row in rows
    ]


def all_sales(connection: sa.Connection, campaign_id: str) -> Iterator[StoredSale]:
    """Every sale of a campaign, newest first, page by page: a long export needs little memory."""
    after = None
    while page := list_sales(connection, campaign_id, 1000, after):
        yield from page
        after = page[-1].cursor


def sale_totals(connection: sa.Connection, campaign_id: str, period: Period = ALWAYS) -> list[Total]:
    """Sums per currency, by code, of what was sold in a period: what report.totals gives for the rows."""
    return totals_of_campaigns(connection, [campaign_id], period).get(campaign_id, [])


def totals_of_campaigns(
    connection: sa.Connection, ids: Sequence[str], period: Period = ALWAYS
) -> dict[str, list[Total]]:
    """Sums per currency, by code, of each campaign that has sales in a period."""
    by_order = (
        sa.select(
            sales.c.campaign_id,
            sales.c.currency,
            *great_sum(sa.type_coerce(sales.c.quantity, sa.BigInteger), "quantity"),
            *great_sum(sales.c.amount, "gross"),
            *great_sum(sales.c.refunded, "refunded"),
        )
        .where(sales.c.campaign_id.in_(ids), *period.holds(sales.c.purchased_at))
        .group_by(sales.c.campaign_id, sales.c.shop_id, sales.c.order_id, sales.c.currency)
        .subquery()
    )
    parts = [f"{name}_{half}" for name in ("quantity", "gross", "refunded") for half in ("high", "low")]
    query = sa.select(
        by_order.c.campaign_id,
        by_order.c.currency,
        sa.func.count().label("orders"),
        *(sa.func.sum(by_order.c[name]).label(name) for name in parts),
    )
    group = by_order.c.campaign_id, by_order.c.currency
    found: dict[str, list[Total]] = {}
    for row in connection.execute(query.group_by(*group).order_by(*group)):
        total = Total(
            row.currency,
            row.orders,
            from_thousandths(read_sum(row, "quantity")),
            from_minor(read_sum(row, "gross"), row.currency),
            from_minor(read_sum(row, "refunded"), row.currency),
        )
        found.setdefault(row.campaign_id, []).append(total)
    return found


def totals_by_refund_date(
    connection: sa.Connection, campaign_id: str, period: Period = ALWAYS, sold: Sequence[Total] | None = None
) -> list[Total]:
    """Sums per currency, by code: what was sold in a period, less what was refunded in it, of any sale.

    `sold`: what `sale_totals` gave for the period, where it was asked for already.
    """
    its = sale_refunds.c.campaign_id == campaign_id, *period.holds(sale_refunds.c.refunded_at)
    query = sa.select(sale_refunds.c.currency, *great_sum(sale_refunds.c.amount, "refunded")).where(*its)
    refunded = {
        row.currency: from_minor(read_sum(row, "refunded"), row.currency)
        for row in connection.execute(query.group_by(sale_refunds.c.currency))
    }
    totals = sale_totals(connection, campaign_id, period) if sold is None else sold
    by_code = {total.currency: total for total in totals}
    found = []
    for code in sorted({*by_code, *refunded}):
        nothing = from_minor(0, code)
        total = by_code.get(code) or Total(code, 0, Decimal(0), nothing, nothing)
        found.append(replace(total, refunded=refunded.get(code, nothing)))
    return found


def converted_total(
    connection: sa.Connection, campaign_id: str, currency: str, period: Period = ALWAYS
) -> ConvertedTotal:
    """The sum of what was sold in a period in the account's currency: what report.converted gives."""
    kind = sales.c.currency, sales.c.converted_currency
    sums = *great_sum(sales.c.converted, "gross"), *great_sum(sales.c.converted_refunded, "refunded")
    its = sales.c.campaign_id == campaign_id, *period.holds(sales.c.purchased_at)
    gross, refunded, without = 0, 0, set()
    for row in connection.execute(sa.select(*kind, *sums).where(*its).group_by(*kind)):
        if row.converted_currency == currency:
            gross, refunded = gross + read_sum(row, "gross"), refunded + read_sum(row, "refunded")
        else:
            without.add(row.currency)
    in_money = from_minor(gross, currency), from_minor(refunded, currency)
    return ConvertedTotal(currency, *in_money, tuple(sorted(without)))


def orders_of_other_rates(
    connection: sa.Connection, rate: Callable[[str, str, date], Rate | None]
) -> list[tuple[str, str]]:
    """Orders (shop, order) with sales that `rate` would convert by the rate of another day than they are."""
    query = (
        sa.select(sales, accounts.c.currency.label("into"))
        .join(accounts, accounts.c.emp_id == sales.c.emp_id)
        .where(sales.c.currency != accounts.c.currency)
    )
    found = set()
    for row in connection.execute(query.execution_options(yield_per=1000)):
        fits = rate(row.currency, row.into, row.purchased_at.date())
        if fits is not None and (row.converted_currency, row.rate_date) != (fits.into, fits.on.isoformat()):
            found.add((row.shop_id, row.order_id))
    return sorted(found)


def count_evidence(connection: sa.Connection, campaign_id: str) -> dict[str, int]:
    """How many orders a campaign earned by each kind of evidence."""
    an_order = sa.select(sales.c.evidence, sales.c.shop_id, sales.c.order_id).distinct()
    pairs = an_order.where(sales.c.campaign_id == campaign_id).subquery()
    query = sa.select(pairs.c.evidence, sa.func.count()).group_by(pairs.c.evidence)
    return {row[0]: row[1] for row in connection.execute(query)}


def count_outcomes(connection: sa.Connection, emp_id: int) -> dict[tuple[str, str], int]:
    """How many orders of an account were decided for each (outcome, reason)."""
    query = (
        sa.select(decisions.c.outcome, decisions.c.reason, sa.func.count())
        .where(decisions.c.emp_id == emp_id)
        .group_by(decisions.c.outcome, decisions.c.reason)
    )
    return {(outcome, reason): count for outcome, reason, count in connection.execute(query)}
