"""Sales per campaign and part of it, of all days: by link, and by evidence.

The sums by day have a row for each day and part, so those of a flow that never ends grow by the day. These do
not. An order counts once for each of its links, and once for its evidence.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import part_sums, sales
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells
from salepixel.sums.large import kept_sum, sum_of_halves
from salepixel.sums.sales import first_of

EVIDENCE, LINK = "evidence", "link"
"""The kinds of parts."""

_LARGE = ("gross", "refunded")


def add(connection: sa.Connection, changed: Cells) -> None:
    """Add changes of `sale_sums`."""
    add_cells(connection, part_sums, sums_of(changed))


def sums_of(changed: Cells) -> Cells:
    """The cells that follow from those of `sale_sums`."""
    cells: dict[Key, list[int]] = {}
    for (campaign, _, link, _, evidence, currency, _), measures in changed.items():
        orders, link_orders, _, _, *money = measures[:8]
        for kind, name, count in ((EVIDENCE, evidence, orders), (LINK, link, link_orders)):
            so_far = cells.get((campaign, kind, name, currency), [0] * 5)
            cells[campaign, kind, name, currency] = [
                a + b for a, b in zip(so_far, (count, *money), strict=True)
            ]
    return {key: measures for key, measures in cells.items() if any(measures)}


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of all sales."""
    order = sales.c.shop_id, sales.c.order_id, sales.c.campaign_id
    kinds = []
    for kind, name in ((EVIDENCE, sales.c.evidence), (LINK, sales.c.link_id)):
        its = sa.literal_column(f"'{kind}'", sa.Text).label("kind"), name.label("name"), sales.c.currency
        money = sales.c.amount.label("gross"), sales.c.refunded
        first = first_of(*order) if kind == EVIDENCE else first_of(*order, sales.c.link_id)
        kinds.append(sa.select(sales.c.campaign_id, *its, first.label("orders"), *money))
    rows = sa.union_all(*kinds).subquery()
    key = [rows.c[name] for name in ("campaign_id", "kind", "name", "currency")]
    large = (half for name in _LARGE for half in sum_of_halves(rows.c[name], name))
    return sa.select(*key, sa.func.sum(rows.c.orders).label("orders"), *large).group_by(*key)


SUM = KeptSum(part_sums, definition)


def orders_by_evidence(connection: sa.Connection, campaign_id: str) -> dict[str, int]:
    """The number of a campaign's orders by each type of evidence."""
    return _count(connection, campaign_id, EVIDENCE)


def orders_by_link(connection: sa.Connection, campaign_id: str) -> dict[str, int]:
    """The number of orders of each link of a campaign; an order shared by several links counts for each."""
    return _count(connection, campaign_id, LINK)


def _count(connection: sa.Connection, campaign_id: str, kind: str) -> dict[str, int]:
    table = part_sums.c
    count = sa.func.sum(table.orders)
    query = sa.select(table.name, count).where(table.campaign_id == campaign_id, table.kind == kind)
    rows = connection.execute(query.group_by(table.name).having(count > 0))
    return {row[0]: int(row[1]) for row in rows}


def sold_by_link(connection: sa.Connection, campaign_id: str) -> Sequence[sa.Row[Any]]:
    """The sales of each link of a campaign: currency, link_id, orders.

    And, for `large.read_sum`, gross and refunded (minor units). An order that several links share counts for
    each.
    """
    table = part_sums.c
    key = table.currency, table.name.label("link_id")
    count = sa.func.sum(table.orders).label("orders")
    large = (column for name in _LARGE for column in kept_sum(part_sums, name))
    query: sa.Select[Any] = sa.select(*key, count, *large)
    query = query.where(table.campaign_id == campaign_id, table.kind == LINK)
    return connection.execute(query.group_by(table.currency, table.name).having(count > 0)).all()
