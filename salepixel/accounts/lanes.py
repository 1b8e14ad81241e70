"""Lanes: an account's orders are decided side by side, but never while evidence for them is being stored.

Two transactions at once do not see what the other one stores. An order would be decided without a new click,
and the transaction that stores the click would not know yet that the order names it. So deciding and storing
exclude each other, and neither excludes itself, which no row lock can do. A transaction that decides orders
locks one lane of the account, the first that is free. A transaction that stores evidence shares all lanes.
"""

import os
from collections.abc import Collection

import sqlalchemy as sa

from salepixel.storage.locks import Name, lock_names, try_names

LANES = 8
"""The number of workers that decide orders of one account at once. The next one waits."""


def lock_one_lane(connection: sa.Connection, emp_ids: Collection[int]) -> None:
    """Lock one lane of each of these accounts until the transaction ends, to decide orders."""
    for emp_id in sorted(emp_ids):
        if not try_names(connection, _lanes(emp_id), most=1):
            lock_names(connection, [_lanes(emp_id)[os.getpid() % LANES]])


def lock_all_lanes(connection: sa.Connection, emp_id: int) -> None:
    """Wait until no order of an account is being decided, and let none be until the transaction ends."""
    lock_names(connection, _lanes(emp_id), shared=True)


def _lanes(emp_id: int) -> list[Name]:
    return [("lane", emp_id, lane) for lane in range(LANES)]
