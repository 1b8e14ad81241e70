"""Lanes: an account's orders are decided side by side, but never while evidence for them is being stored.

Two transactions at once do not see what the other one stores. An order would be decided without a new click,
and the transaction that stores the click would not see yet that the order names it. So deciding and storing
exclude each other, while several transactions can decide, or store, at once. No row lock can do this. A
transaction that decides orders locks one lane of the account, the first that is free. A transaction that
stores evidence shares all lanes.

PostgreSQL's lock table is bounded (max_locks_per_transaction), and a fold may have clicks of thousands of
accounts. So accounts with the same number modulo GROUPS have their lanes in common.
"""

import os
from collections.abc import Collection

import sqlalchemy as sa

from salepixel.storage.locks import Name, lock_names, try_names

LANES = 8
"""The number of workers that decide orders of one account at once. The next one waits."""

GROUPS = 32
"""A transaction has at most GROUPS * LANES locks; the lock table has 6,400 entries by default."""


def lock_one_lane(connection: sa.Connection, emp_ids: Collection[int]) -> None:
    """Lock one lane of each of these accounts until the transaction ends, to decide orders."""
    for group in _groups(emp_ids):
        if not try_names(connection, _lanes(group), most=1):
            lock_names(connection, [_lanes(group)[os.getpid() % LANES]])


def lock_all_lanes(connection: sa.Connection, emp_ids: Collection[int]) -> None:
    """Wait until no order of these accounts is being decided, and let none be until the transaction ends."""
    for group in _groups(emp_ids):
        lock_names(connection, _lanes(group), shared=True)


def _groups(emp_ids: Collection[int]) -> list[int]:
    # One after the other, sorted, so that deciding and storing do not deadlock.
    return sorted({emp_id % GROUPS for emp_id in emp_ids})


def _lanes(group: int) -> list[Name]:
    return [("lane", group, lane) for lane in range(LANES)]
