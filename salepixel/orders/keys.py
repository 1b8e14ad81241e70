"""Conditions for many orders by their keys, the same for each table with rows of orders."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from salepixel.storage.many import as_rows, table_of

OrderKey = tuple[str, str]
"""Shop and id of an order."""


def is_of_orders(dialect: str, shop_id: sa.Column[Any], order_id: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """The condition for rows of the orders in the parameter `these`; `as_keys` makes its value."""
    these = table_of(dialect, "these", shop=sa.Text, id=sa.Text)
    return sa.tuple_(shop_id, order_id).in_(sa.select(these.c.shop, these.c.id))


def as_keys(keys: Iterable[OrderKey]) -> str:
    """The value of the parameter `these`."""
    return as_rows({"shop": shop_id, "id": order_id} for shop_id, order_id in keys)
