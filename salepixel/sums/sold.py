"""All sums that depend on sales, updated by one call."""

import sqlalchemy as sa

from salepixel.sums import buyers, item_days, items, parts, sales
from salepixel.sums.sales import Sold


def add(connection: sa.Connection, before: Sold, after: Sold) -> None:
    """Add what changed from the rows of some orders before to the rows of the same orders after.

    Call it after writing the rows, in the same transaction, and once for all orders that it writes: then two
    writers lock the rows of buyers in the same sequence.
    """
    parts.add(connection, sales.add(connection, before, after))
    items.add(connection, before.sales, after.sales)
    item_days.add(connection, before.sales, after.sales)
    buyers.add(connection, before.sales, after.sales)
