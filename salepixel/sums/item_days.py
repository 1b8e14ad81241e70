"""Items of an account by the day of their orders, in spans of days: any period is a few cells of each item.

With a cell for each day alone, a year of 4,000 items would be 1.5 M cells. Each sale is added to a span of
each length, and a period reads the longest spans within it and shorter ones at its ends: about 4 cells of an
item for a week, 7 for 28 days, 12 for a year.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.money.quantities import to_thousandths
from salepixel.storage.schema import item_days, sales
from salepixel.sums.days import Days, day_column, day_of
from salepixel.sums.items import MAX_CHARS, add_up_items
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells, difference
from salepixel.sums.large import halves, sum_of_halves

SPANS = (1, 4, 16, 64)
"""Days of a span. It begins at a multiple of its length since 1970, so it consists of whole shorter ones."""


class Run(NamedTuple):
    """Spans of one length: those that begin from a day (inclusive) to another (exclusive); None: open."""

    span: int
    first: int | None
    end: int | None


def runs_of(days: Days) -> list[Run]:
    """The fewest spans that make up these days; each day is in one span."""
    (first, end), found = days, list[Run]()
    for span, longer in pairwise(SPANS):
        from_here = None if first is None else -(-first // longer) * longer
        to_here = None if end is None else end // longer * longer
        if from_here is not None and to_here is not None and from_here > to_here:
            return [*found, Run(span, first, end)]
        found += [Run(span, first, from_here)] if first != from_here else []
        found += [Run(span, to_here, end)] if end != to_here else []
        first, end = from_here, to_here
    return [*found, Run(SPANS[-1], first, end)]


def add(
    connection: sa.Connection, before: Sequence[Mapping[Any, Any]], after: Sequence[Mapping[Any, Any]]
) -> None:
    """Add to the sums what changed in the rows of `sales` of some orders."""
    add_cells(connection, item_days, difference(sums_of(before), sums_of(after)))


def sums_of(rows: Sequence[Mapping[Any, Any]]) -> Cells:
    """The cells to which these rows of `sales` add up."""
    cells: dict[Key, list[int]] = {}
    for row in rows:
        day, its = day_of(row["purchased_at"]), (row["item"][:MAX_CHARS], row["sku"] or "", row["currency"])
        quantity, amount, refunded = to_thousandths(row["quantity"]), row["amount"], row["refunded"]
        measures = *halves(quantity), *halves(amount), *halves(refunded)
        for span in SPANS:
            key = row["emp_id"], span, day // span * span, *its
            so_far = cells.get(key, [0] * len(measures))
            cells[key] = [a + b for a, b in zip(so_far, measures, strict=True)]
    return dict(cells)


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of all sales."""
    spans = sa.union_all(
        *(sa.select(sa.literal_column(str(span)).label("span")) for span in SPANS)
    ).subquery()
    day = day_column(sales.c.purchased_at)
    # A subquery, because PostgreSQL takes two expressions with equal parameters for different ones.
    rows = (
        sa.select(
            sales.c.emp_id,
            spans.c.span,
            (day.element - day.element % spans.c.span).label("first"),
            sa.func.substr(sales.c.item, 1, MAX_CHARS).label("item"),
            sa.func.coalesce(sales.c.sku, "").label("sku"),
            sales.c.currency,
            sa.type_coerce(sales.c.quantity, sa.BigInteger).label("quantity"),
            sales.c.amount.label("gross"),
            sales.c.refunded,
        )
        .select_from(sales.join(spans, sa.true()))
        .subquery()
    )
    key = [rows.c[name] for name in ("emp_id", "span", "first", "item", "sku", "currency")]
    measures = (
        half for name in ("quantity", "gross", "refunded") for half in sum_of_halves(rows.c[name], name)
    )
    return sa.select(*key, *measures).group_by(*key)


SUM = KeptSum(item_days, definition)


def read_account_items(
    connection: sa.Connection, emp_id: int, days: Days, limit: int
) -> Sequence[sa.Row[Any]]:
    """The items that all campaigns of an account sold on some days, as `items.read_items`."""
    ours = item_days.c.emp_id == emp_id
    return add_up_items(connection, sa.union_all(*(_cells_of(ours, run) for run in runs_of(days))), limit)


def _cells_of(ours: sa.ColumnElement[bool], run: Run) -> sa.Select[Any]:
    table = item_days.c
    query = sa.select(item_days).where(ours, table.span == run.span)
    query = query if run.first is None else query.where(table.first >= run.first)
    return query if run.end is None else query.where(table.first < run.end)
