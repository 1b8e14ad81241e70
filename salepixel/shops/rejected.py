"""Rejected deliveries of known shops, by reason: how many, and when the last one came.

A rejected delivery may come from anybody, so it is not stored: only its reason is counted, and a shop has one
row for each reason.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.storage.schema import shop_rejections, shops
from salepixel.storage.upsert import insert_into

Counts = Mapping[tuple[str, str], tuple[int, datetime]]
"""(shop id, reason) -> the number of rejections, and the time of the last one (UTC)."""


class ShopRejection(NamedTuple):
    """The rejections of a shop's deliveries for one reason; `last_at` is UTC."""

    shop_id: str
    reason: str
    deliveries: int
    last_at: datetime


def count_shop_rejections(connection: sa.Connection, counts: Counts) -> None:
    """Add counts. Shops that do not exist are left out: anybody may name any shop."""
    named = {shop_id for shop_id, _ in counts}
    known = set(connection.scalars(sa.select(shops.c.id).where(shops.c.id.in_(named))))
    rows = [
        {"shop_id": shop_id, "reason": reason, "count": count, "last_at": last_at}
        for (shop_id, reason), (count, last_at) in sorted(counts.items())
        if shop_id in known
    ]
    if rows:
        connection.execute(_add(connection.dialect.name), rows)


@cache
def _add(dialect: str) -> Any:
    statement = insert_into(dialect, shop_rejections)
    new, table = statement.excluded, shop_rejections.c
    return statement.on_conflict_do_update(
        index_elements=["shop_id", "reason"],
        set_={"count": table["count"] + new["count"], "last_at": new.last_at},
    )


def list_shop_rejections(connection: sa.Connection, emp_id: int) -> list[ShopRejection]:
    """The rejections of an account's shops, the latest first."""
    table = shop_rejections.c
    query = sa.select(table.shop_id, table.reason, table["count"], table.last_at)
    query = query.join(shops, shops.c.id == table.shop_id).where(shops.c.emp_id == emp_id)
    return [ShopRejection(*row) for row in connection.execute(query.order_by(table.last_at.desc()))]
