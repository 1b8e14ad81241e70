"""Coupons: codes that a campaign gave to one contact, or to everybody."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.store import lock_account
from salepixel.orders.requeue import requeue_orders_with_codes
from salepixel.reading.names import name_key
from salepixel.storage.many import among, as_values, is_one_of
from salepixel.storage.schema import coupons
from salepixel.storage.upsert import insert


@dataclass(frozen=True, slots=True)
class Coupon:
    """A code of a campaign. `contact`: the only contact who got it; empty if everybody did."""

    code: str
    campaign: str
    contact: str = ""


def store_coupons(connection: sa.Connection, emp_id: int, batch: Sequence[Coupon], at: datetime) -> list[str]:
    """Add coupons; returns the codes that belong to another campaign or contact, which do not change.

    If a batch has several owners for one code, the first gets it. Orders that used one of the codes are
    decided again.
    """
    lock_account(connection, emp_id, exclusive=True)
    wanted = [(name_key(coupon.code), coupon) for coupon in batch]
    codes = list(dict(wanted))
    rows = [
        {
            "emp_id": emp_id,
            "code": code,
            "campaign_id": coupon.campaign,
            "contact": coupon.contact,
            "created_at": at,
        }
        for code, coupon in wanted
    ]
    if rows:
        connection.execute(insert(connection, coupons).on_conflict_do_nothing(), rows)
    requeue_orders_with_codes(connection, emp_id, codes)
    query = sa.select(coupons.c.code, coupons.c.campaign_id, coupons.c.contact).where(
        coupons.c.emp_id == emp_id, is_one_of(connection, coupons.c.code, codes)
    )
    owners = {row.code: (row.campaign_id, row.contact) for row in connection.execute(query)}
    return sorted(code for code, coupon in wanted if owners[code] != (coupon.campaign, coupon.contact))


def find_coupons(connection: sa.Connection, emp_id: int, codes: Collection[str]) -> dict[str, Coupon]:
    """The coupons with these codes, by code as it was asked for."""
    keys = {code: name_key(code) for code in codes}
    if not keys:
        return {}
    dialect = connection.dialect.name
    given = {"emp_id": emp_id, "codes": as_values(dialect, set(keys.values()))}
    found = {row.code: Coupon(*row) for row in connection.execute(_these_coupons(dialect), given)}
    return {code: found[key] for code, key in keys.items() if key in found}


@cache
def _these_coupons(dialect: str) -> Any:
    query = sa.select(coupons.c.code, coupons.c.campaign_id, coupons.c.contact)
    return query.where(coupons.c.emp_id == sa.bindparam("emp_id"), among(dialect, coupons.c.code, "codes"))
