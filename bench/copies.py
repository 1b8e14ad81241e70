"""Copies orders by SQL. Each copy is 72 minutes older, and has other ids and numbers."""

from typing import Any

import sqlalchemy as sa

from salepixel.storage.database import Database
from salepixel.storage.schema import candidates, decisions, orders, refunds, sale_refunds, sales
from salepixel.storage.schema.columns import UtcTime
from salepixel.sums.check import rebuild_sums

APART = 4_321_000_000
"""Microseconds between a copy and the next."""

_NAMES = ("order_id", "number", "number_key", "order_number")


def copy_orders(database: Database, times: int) -> None:
    """Copy each order with its decision and sales until there are `times` of it; then compute the sums.

    The product would take a day for 10 M sales. A copy differs from the rows that it wrote only in ids,
    numbers and times.
    """
    for table in (orders, decisions, candidates, refunds, sales, sale_refunds):
        for number in range(1, times):
            with database.write() as connection:
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                # Only originals are copied: the id of a copy ends in a dash and a number.
                its_name = table.c.id if table is orders else table.c.order_id
                originals = sa.select(*(_changed(table, c, number) for c in table.c)).where(
                    its_name.not_like("%-_"), its_name.not_like("%-__")
                )
                connection.execute(sa.insert(table).from_select([c.name for c in table.c], originals))
    rebuild_sums(database)


def _changed(table: sa.Table, column: sa.Column[Any], number: int) -> sa.ColumnElement[Any]:
    if column.name in _NAMES or (table is orders and column.name == "id"):
        return column + f"-{number}"
    if isinstance(column.type, UtcTime):
        return sa.type_coerce(column, sa.BigInteger) - number * APART
    return column
