"""Deciding orders and storing evidence exclude each other, with a bounded number of locks on PostgreSQL."""

import pytest
import sqlalchemy as sa

from salepixel.accounts.lanes import GROUPS, LANES, lock_one_lane
from salepixel.accounts.store import Account, add_account, lock_accounts
from salepixel.storage.database import Database
from salepixel.storage.schema import accounts
from tests.make import NOON

THOUSANDS = range(1, 3001)
SAME_GROUP = GROUPS + 1  # as account 1


def test_evidence_of_thousands_of_accounts_is_stored_with_few_locks(postgresql_database: Database) -> None:
    """With eight locks for each account, PostgreSQL's lock table was full after 1,035 of them."""
    with postgresql_database.write() as connection:
        add_account(connection, Account(1, "Shoes", "EUR", NOON))
        row = connection.execute(sa.select(accounts)).mappings().one()
        more = [{**row, "emp_id": emp_id} for emp_id in THOUSANDS[1:]]
        connection.execute(sa.insert(accounts), more)
    locks = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    with postgresql_database.write() as storing:
        assert set(lock_accounts(storing, THOUSANDS)) == set(THOUSANDS)
        assert storing.scalar(locks) == GROUPS * LANES


@pytest.mark.parametrize("emp_id", [1, 2, 2999, 3000, SAME_GROUP])
def test_no_order_is_decided_while_evidence_of_its_account_is_stored(
    postgresql_database: Database, emp_id: int
) -> None:
    with postgresql_database.write() as storing, postgresql_database.write() as deciding:
        lock_accounts(storing, [5, emp_id, 7])
        deciding.exec_driver_sql("SET LOCAL lock_timeout = 1")
        lock_one_lane(deciding, [4, 6])
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            lock_one_lane(deciding, [emp_id])


@pytest.mark.parametrize("emp_ids", [[1], [SAME_GROUP], [1, 2, SAME_GROUP]], ids=str)
def test_orders_of_accounts_with_the_same_lanes_are_decided_side_by_side(
    postgresql_database: Database, emp_ids: list[int]
) -> None:
    with postgresql_database.write() as one, postgresql_database.write() as other:
        lock_one_lane(one, [1])
        other.exec_driver_sql("SET LOCAL lock_timeout = 1")
        lock_one_lane(other, emp_ids)
