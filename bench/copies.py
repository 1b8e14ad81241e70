"""Orders many times over, by SQL: each copy is an hour and a bit older, and has other names."""

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
    """Have every order with its decision and its sales `times` times in all, and the sums of these.

    The product would take a day for 10 M sales; these rows are those that it wrote, but for names and times.
    """
    for table in (orders, decisions, candidates, refunds, sales, sale_refunds):
        for number in range(1, times):
            with database.write() as connection:
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                # The originals alone: a copy has a dash and a number behind its name.
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
