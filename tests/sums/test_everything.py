"""Orders, refunds, clicks, settings, closings, retention and erasures, in any sequence and interrupted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.principal import INSTALLATION
from salepixel.clicks.store import clear_clicks, settle_clicks
from salepixel.clicks.tokens import ClickSealer
from salepixel.privacy import retention
from salepixel.privacy.erase import continue_erasures
from salepixel.privacy.retention import Kept, end_old_rows
from salepixel.privacy.use_cases import begin_erasure, change_retention
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.sums.check import SUMS, find_wrong_sums, rebuild_sums
from salepixel_worker.rebuild import verify_all
from tests.databases import empty
from tests.examples import costly
from tests.make import NOON
from tests.sums import test_sales as sales
from tests.sums.test_sales import CLICKS, DAY, RECONCILE, check, shop
from tests.worker.world import World

pytestmark = pytest.mark.long

INTERRUPTED, FINISHED = 0.0, 60.0


@dataclass(frozen=True)
class Retain:
    """So many days later, the sweep ends what is older; or it does one step, of one row."""

    days: int
    budget: float


@dataclass(frozen=True)
class Erase:
    contact: str
    budget: float


@dataclass(frozen=True)
class Settle:
    """Verdicts become final, or a purchase makes one human."""

    bought: int | None


Step = sales.Step | Retain | Erase | Settle

BUDGET = st.sampled_from([INTERRUPTED, INTERRUPTED, FINISHED])
STEP = st.one_of(
    sales.STEP,
    st.builds(sales.Clicked, st.integers(0, 4)),
    st.builds(Retain, st.sampled_from([43, 46, 46, 50]), BUDGET),
    st.builds(Erase, st.sampled_from(["ana", "bo"]), BUDGET),
    st.builds(Settle, st.sampled_from([None, 0, 1, 2])),
)
STEPS = st.lists(st.tuples(STEP, RECONCILE, st.booleans()), min_size=3, max_size=10)


def take(world: World, step: Step, serial: int) -> None:
    database = world.database
    match step:
        case Retain(days, budget):
            end_old_rows(database, NOON + days * DAY, budget)
        case Erase(contact, budget):
            with database.write() as connection:
                begin_erasure(connection, INSTALLATION, world.sealer.keys, 1, contact, NOON)
            continue_erasures(database, world.sealer, budget)
        case Settle(which):
            with database.write() as connection:
                if which is None:
                    settle_clicks(connection, NOON + timedelta(hours=2), 3)
                else:
                    clear_clicks(connection, [CLICKS[which].id])
        case _:
            sales.take(world, step, serial)


def stored(database: Database) -> set[bytes]:
    with database.read() as connection:
        return set(connection.scalars(sa.select(schema.clicks.c.id)))


def always_equal(database: Database, sealer: ClickSealer, steps: Sequence[tuple[Step, Step, bool]]) -> None:
    empty(database)
    world, seen = shop(database, sealer), set[bytes]()
    with database.write() as connection:
        days = dict.fromkeys((Kept.CLICKS, Kept.BOT_CLICKS, Kept.CONTACTS), 44)
        change_retention(connection, INSTALLATION, 1, dict.fromkeys(Kept) | days)
    for serial, (step, then, is_repeated) in enumerate(steps):
        for _ in range(1 + is_repeated):
            take(world, step, serial)
            seen |= stored(database)
        take(world, then, serial)
        with database.read() as connection:
            assert find_wrong_sums(connection) == []
    world.reconcile()
    continue_erasures(database, sealer, FINISHED)
    world.reconcile()
    # Everything of before ends, contacts after the clicks, and then every journal comes again.
    for _ in range(2):
        end_old_rows(database, NOON + 60 * DAY, FINISHED)
    assert stored(database) == set()
    assert not has_contacts(database)
    for click in CLICKS:
        world.click(click)
    world.reconcile()
    check(database)
    assert counted(database) == len(seen), "each click once, however often it came"
    assert verify_all(database, sealer).different == []
    rebuild_sums(database)
    check(database)
    assert counted(database) == len(seen)


def counted(database: Database) -> int:
    """The clicks in the sums, which are the same whether by link, hour or account."""
    with database.read() as connection:
        found = {
            int(connection.scalar(sa.select(sa.func.sum(table.c.clicks + table.c.ended))) or 0)
            for table in (schema.click_sums, schema.click_hours, schema.click_days)
        }
    (count,) = found
    return count


def has_contacts(database: Database) -> bool:
    """Whether there are contacts who did not opt out."""
    with database.read() as connection:
        return bool(connection.scalar(sa.select(sa.exists().where(schema.contacts.c.consent))))


@pytest.fixture(autouse=True)
def steps_of_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    monkeypatch.setattr(retention, "YIELD_SECONDS", 0)


def test_every_table_of_sums_is_compared_and_spoilt_by_a_test() -> None:
    tables = {table.name for table in vars(schema.sums).values() if isinstance(table, sa.Table)}
    assert {kept.table.name for kept in SUMS} == tables
    of_clicks = {"click_sums", "click_hours", "click_days", "reason_sums", "clickers", "link_sums"}
    assert tables == of_clicks | set(sales.SPOILT)


@costly(8)
@given(STEPS)
def test_sums_always_equal_the_rows(
    sqlite: Database, sealer: ClickSealer, steps: Sequence[tuple[Step, Step, bool]]
) -> None:
    always_equal(sqlite, sealer, steps)


@costly(3)
@given(STEPS)
def test_sums_always_equal_the_rows_on_postgresql(
    postgresql_database: Database, sealer: ClickSealer, steps: Sequence[tuple[Step, Step, bool]]
) -> None:
    always_equal(postgresql_database, sealer, steps)
