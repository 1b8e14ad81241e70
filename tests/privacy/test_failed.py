"""An erasure that cannot continue says why, delays no other one, and ends once the cause is gone."""

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.clicks.tokens import ClickSealer
from salepixel.privacy.erase import NO_KEY, continue_erasures, finish_erasure
from salepixel.privacy.erasures import Erasure, count_unfinished
from salepixel.privacy.use_cases import begin_erasure, see_erasures
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import NOON
from tests.privacy.village import REF, Village

NOT_AN_ORDER = "[]"


@pytest.fixture
def village(database: Database, sealer: ClickSealer) -> Village:
    return Village(database, sealer)


def spoil(village: Village, snapshot: str) -> str:
    """Replace the snapshot of an order of Bo; returns what it was."""
    its = schema.orders.c.id == "A-bo"
    with village.database.write() as connection:
        before = connection.scalar(sa.select(schema.orders.c.snapshot).where(its))
        connection.execute(sa.update(schema.orders).where(its).values(snapshot=snapshot))
    return str(before)


def begin(village: Village, who: str) -> Erasure:
    with village.database.write() as connection:
        return begin_erasure(connection, INSTALLATION, village.keys, 1, who, NOON)


def unfinished(village: Village) -> tuple[int, int]:
    with village.database.read() as connection:
        return count_unfinished(connection)


def test_a_damaged_row_is_reported_and_the_erasure_ends_when_it_is_repaired(village: Village) -> None:
    before = spoil(village, NOT_AN_ORDER)
    begun = begin(village, REF)
    assert unfinished(village) == (1, 0)
    failed = finish_erasure(village.database, village.sealer, begun, 60)
    assert (failed.ended_at, failed.error) == (None, "AttributeError")
    since = failed.failed_at
    assert since is not None
    assert unfinished(village) == (0, 1)
    again = finish_erasure(village.database, village.sealer, begun, 60)
    assert (again.error, again.failed_at) == ("AttributeError", since)
    spoil(village, before)
    done = finish_erasure(village.database, village.sealer, begun, 60)
    assert (done.ended_at is None, done.error) == (False, "")
    assert unfinished(village) == (0, 0)
    assert list(village.found()) == []


def test_a_failed_erasure_delays_no_other_one(village: Village) -> None:
    first, second = begin(village, REF), begin(village, "bo")
    with village.database.write() as connection:
        this = schema.erasures.c.id == first.id
        connection.execute(sa.update(schema.erasures).where(this).values(work="spoilt"))
    assert continue_erasures(village.database, village.sealer, 60) == 1
    with village.database.read() as connection:
        found = {one.id: one for one in see_erasures(connection, INSTALLATION, 1, 9)}
    assert (found[first.id].error, found[second.id].error) == (NO_KEY, "")
    assert found[second.id].ended_at is not None
