"""Reads the sales report of campaigns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.attribution.sale_store import StoredSale, _stored, refunds_of
from salepixel.money.amounts import Rate, from_minor
from salepixel.money.quantities import from_thousandths
from salepixel.report.periods import ALWAYS, Period
from salepixel.report.totals import ConvertedTotal, Total
from salepixel.storage.schema import accounts, sales
from salepixel.sums.large import read_sum
from salepixel.sums.sales import read_campaigns

BY_DATE = (sales.c.purchased_at, sales.c.shop_id, sales.c.order_id, sales.c.line_id, sales.c.click_id)
BY_AMOUNT = (sales.c.currency, sales.c.amount, *BY_DATE)

Place = tuple[Any, ...]
"""The values of BY_DATE or BY_AMOUNT of a sale: a cursor."""


def list_sales(
    connection: sa.Connection,
    campaign_id: str,
    limit: int,
    after: Place | None = None,
    period: Period = ALWAYS,
    before: Place | None = None,
) -> list[StoredSale]:
    """A campaign's sales of a period, newest first.

    `after`: cursor of the last row seen; `before`: of the first one, for the rows just newer than it.
    """
    query = newest(campaign_id, period, after, before).limit(limit)
    return read_sales(connection, query, is_newer=before is not None)


def newest(campaign_id: str, period: Period, after: Place | None, before: Place | None) -> sa.Select[Any]:
    """The rows of `list_sales` from the nearest to the cursor: with `before`, the oldest first."""
    query = in_sequence(campaign_id, BY_DATE, after, before)
    return query.where(*period.holds(sales.c.purchased_at))


def in_sequence(
    campaign_id: str,
    key: Sequence[sa.Column[Any]],
    after: Place | None,
    before: Place | None,
    *,
    descending: bool = True,
) -> sa.Select[Any]:
    """All sales of a campaign by a key, those behind `after`, or those before `before`, nearest first."""
    query, ascending = sa.select(sales).where(sales.c.campaign_id == campaign_id), not descending
    if after is not None:
        query = query.where(sa.tuple_(*key) > after if ascending else sa.tuple_(*key) < after)
    if before is not None:
        query = query.where(sa.tuple_(*key) < before if ascending else sa.tuple_(*key) > before)
        ascending = not ascending
    return query.order_by(*(column if ascending else column.desc() for column in key))


def read_sales(
    connection: sa.Connection, query: sa.Select[Any], *, is_newer: bool = False
) -> list[StoredSale]:
    """The sales of a query of their rows, each with its refunds; in reverse if `is_newer`."""
    rows = list(connection.execute(query))
    if is_newer:
        rows.reverse()
    refunds = refunds_of(connection, [(row.shop_id, row.order_id) for row in rows])
    return [
        _stored(row, refunds.get((row.shop_id, row.order_id, row.line_id, row.click_id), ())) for row in rows
    ]


def all_sales(connection: sa.Connection, campaign_id: str) -> Iterator[StoredSale]:
    """All sales of a campaign, newest first. Read in pages, so that a long export needs little memory."""
    after = None
    while page := list_sales(connection, campaign_id, 1000, after):
        yield from page
        after = page[-1].cursor


def sale_totals(connection: sa.Connection, campaign_id: str, period: Period = ALWAYS) -> list[Total]:
    """Sums per currency, sorted by code, of the sales in a period: the same as report.totals of the rows."""
    return totals_of_campaigns(connection, [campaign_id], period).get(campaign_id, [])


def totals_of_campaigns(
    connection: sa.Connection, ids: Sequence[str], period: Period = ALWAYS
) -> dict[str, list[Total]]:
    """Sums per currency, sorted by code, of each campaign with sales in a period."""
    sums: dict[tuple[str, str], list[int]] = {}
    for row in read_campaigns(connection, ids, period.days):
        more = row.orders, *(read_sum(row, name) for name in ("quantity", "gross", "refunded"))
        so_far = sums.get((row.campaign_id, row.currency), [0] * len(more))
        sums[row.campaign_id, row.currency] = [a + int(b) for a, b in zip(so_far, more, strict=True)]
    found: dict[str, list[Total]] = {}
    for (campaign_id, currency), (orders, quantity, *money) in sums.items():
        if orders:
            gross, refunded = (from_minor(amount, currency) for amount in money)
            total = Total(currency, orders, from_thousandths(quantity), gross, refunded)
            found.setdefault(campaign_id, []).append(total)
    return found


def totals_by_refund_date(
    connection: sa.Connection, campaign_id: str, period: Period = ALWAYS, sold: Sequence[Total] | None = None
) -> list[Total]:
    """Sums per currency, sorted by code: the sales of a period, less the refunds made in it for any sale.

    `sold`: the result of `sale_totals` for the period, if the caller has it already.
    """
    refunded: dict[str, int] = {}
    for row in read_campaigns(connection, [campaign_id], period.days):
        if amount := read_sum(row, "refunded_on"):
            refunded[row.currency] = refunded.get(row.currency, 0) + amount
    totals = sale_totals(connection, campaign_id, period) if sold is None else sold
    by_code = {total.currency: total for total in totals}
    found = []
    for code in sorted({*by_code, *refunded}):
        nothing = from_minor(0, code)
        total = by_code.get(code) or Total(code, 0, Decimal(0), nothing, nothing)
        found.append(replace(total, refunded=from_minor(refunded.get(code, 0), code)))
    return found


def converted_total(
    connection: sa.Connection, campaign_id: str, currency: str, period: Period = ALWAYS
) -> ConvertedTotal:
    """The sum of a period's sales in the account's currency: the same as report.converted of the rows."""
    gross, refunded, without = 0, 0, set()
    for row in read_campaigns(connection, [campaign_id], period.days):
        if row.converted_currency == currency:
            gross += read_sum(row, "converted")
            refunded += read_sum(row, "converted_refunded")
        elif row.orders:
            without.add(row.currency)
    in_money = from_minor(gross, currency), from_minor(refunded, currency)
    return ConvertedTotal(currency, *in_money, tuple(sorted(without)))


def orders_of_other_rates(
    connection: sa.Connection, rate: Callable[[str, str, date], Rate | None]
) -> list[tuple[str, str]]:
    """Orders (shop, order) with sales that `rate` now converts by the rate of a different day."""
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
