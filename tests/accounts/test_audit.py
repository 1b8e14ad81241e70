"""The audit list: what a row says, what it never says, and how it is read."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from salepixel.accounts.audit import FEED_PAUSE, Action, record, without_address
from salepixel.accounts.audit_list import Filter, Step, list_audit
from salepixel.accounts.principal import CANARY, FULL, HIDDEN, INSTALLATION, ActorKind, Principal
from salepixel.storage.database import Database
from salepixel.storage.schema import audit
from tests.conftest import newest_planner
from tests.storage.test_plans import statements
from tests.sums.test_plans import plan_of

ANA = Principal({7: FULL}, "Ana", "p1")
KEY = Principal({7: FULL}, "Mailer", key_id="k1")


def test_a_row_says_who_did_what_to_what_and_when(database: Database) -> None:
    before = datetime.now(UTC)
    with database.write() as connection:
        record(connection, ANA, 7, Action.CAMPAIGN_CHANGED, "c1", "Autumn", {"name": ("Old", "Autumn")})
        (one,) = list_audit(connection, 7, Filter(), None, 10).entries
    assert (one.actor.kind, one.actor.id, one.actor.name) == (ActorKind.PERSON, "p1", "Ana")
    assert (one.action, one.subject_kind, one.subject_id, one.subject) == (
        Action.CAMPAIGN_CHANGED,
        "campaign",
        "c1",
        "Autumn",
    )
    assert one.changes == {"name": ["Old", "Autumn"]}
    assert before - timedelta(seconds=1) < one.at <= datetime.now(UTC)


def test_no_row_has_an_e_mail_address(sqlite: Database) -> None:
    ana = Principal({7: FULL}, "ana@shop.test", "p1")
    changes = {"url": ("", "https://shop.test/?to=bo@shop.test"), "hosts": ([], ["x@y.test", "shop.test"])}
    with sqlite.write() as connection:
        record(connection, ana, 7, Action.LINK_CHANGED, "l1", "For cy@shop.test", changes)
        row = connection.execute(sa.select(audit)).one()
    assert "@" not in str(row)
    assert row.actor == "***"


def test_what_changed_nothing_and_what_the_canary_does_has_no_row(sqlite: Database) -> None:
    with sqlite.write() as connection:
        record(connection, ANA, 7, Action.CAMPAIGN_CHANGED, "c1", "Autumn", {})
        record(connection, INSTALLATION, CANARY, Action.CAMPAIGN_CREATED, "c1", "Canary")
        assert connection.execute(sa.select(audit)).all() == []


def test_a_feed_writes_a_row_an_hour_for_each_key(database: Database) -> None:
    with database.write() as connection:
        for who in (KEY, KEY, ANA, INSTALLATION, KEY):
            record(connection, who, 7, Action.CONTACTS_CHANGED)
        names = connection.scalars(sa.select(audit.c.actor).order_by(audit.c.actor)).all()
        connection.execute(sa.update(audit).values(at=datetime.now(UTC) - FEED_PAUSE))
        record(connection, KEY, 7, Action.CONTACTS_CHANGED)
        later = connection.scalars(sa.select(audit.c.actor).order_by(audit.c.actor)).all()
    # The import of a list is salepixel's, and its start has a row of its own.
    assert names == ["Ana", "Mailer"]
    assert later == ["Ana", "Mailer", "Mailer"]


@pytest.mark.parametrize("same_time", [False, True], ids=["times", "one time"])
def test_pages_lead_to_older_and_newer_entries(database: Database, same_time: bool) -> None:
    begin = datetime(2026, 11, 28, tzinfo=UTC)
    with database.write() as connection:
        for number in range(7):
            record(connection, ANA, 7, Action.CAMPAIGN_CREATED, f"c{number}")
            record(connection, KEY, 8, Action.CAMPAIGN_CREATED, f"d{number}")
        for row in connection.execute(sa.select(audit)):
            at = begin + timedelta(hours=0 if same_time else int(row.subject_id[1:]))
            connection.execute(sa.update(audit).where(audit.c.id == row.id).values(at=at))
        seen, step, newer = [], None, []
        for _ in range(3):
            page = list_audit(connection, 7, Filter(), step, 3)
            seen.append([one.id for one in page.entries])
            newer.append(page.newer)
            step = Step(page.older, newer=False) if page.older else None
        assert newer[2] is not None
        back = list_audit(connection, 7, Filter(), Step(newer[2], newer=True), 3)
        first = list_audit(connection, 7, Filter(), Step(back.newer, newer=True), 3) if back.newer else None
        every = connection.scalars(
            sa.select(audit.c.id).where(audit.c.emp_id == 7).order_by(audit.c.at.desc(), audit.c.id.desc())
        ).all()
    assert [one for page in seen for one in page] == every
    assert (step, newer[0]) == (None, None)
    assert [one.id for one in back.entries] == seen[1]
    assert first is not None
    assert ([one.id for one in first.entries], first.newer) == (seen[0], None)


def test_entries_are_found_by_actor_action_and_day(database: Database) -> None:
    with database.write() as connection:
        record(connection, ANA, 7, Action.CAMPAIGN_CREATED, "c1")
        record(connection, KEY, 7, Action.KEY_REVOKED, "k2")
        now = datetime.now(UTC)
        found = {
            name: [one.subject_id for one in list_audit(connection, 7, wanted, None, 9).entries]
            for name, wanted in {
                "ana": Filter(ActorKind.PERSON, "p1"),
                "bo": Filter(ActorKind.PERSON, "p2"),
                "revoked": Filter(action=Action.KEY_REVOKED),
                "past": Filter(until=now - timedelta(days=1)),
                "both": Filter(ActorKind.KEY, "k1", Action.KEY_REVOKED, now - timedelta(days=1)),
            }.items()
        }
    assert found == {"ana": ["c1"], "bo": [], "revoked": ["k2"], "past": [], "both": ["k2"]}


def test_addresses_are_found_in_the_time_of_one_look_at_the_text() -> None:
    """Within a transaction that writes; from each letter, this text would take minutes."""
    assert without_address("x" * 200_000) == "x" * 200_000
    assert without_address("to ana@shop.test, bo@shop.test") == "to *** ***"
    assert without_address("https://shop.test/?to=ana@shop.test") == HIDDEN
    assert without_address("https://shop.test/?to=ana%40shop.test") == HIDDEN
    assert without_address("%40" * 100_000).count(HIDDEN) == 1


ONE_OF = {
    "actor": (Filter(ActorKind.PERSON, "p1"), "ix_audit_emp_id_actor_kind_actor_id_at_id"),
    "action": (Filter(action=Action.KEY_REVOKED), "ix_audit_emp_id_action_at_id"),
}


@newest_planner
@pytest.mark.parametrize("what", ONE_OF)
@pytest.mark.parametrize("step", [None, Step((datetime(2026, 11, 28, tzinfo=UTC), "id"), newer=True)])
def test_the_entries_of_a_rare_actor_or_action_are_found_among_many_of_others(
    database: Database, what: str, step: Step | None
) -> None:
    wanted, index = ONE_OF[what]
    with database.write() as connection:
        record(connection, KEY, 7, Action.CAMPAIGN_CREATED, "c1")
        row = dict(connection.execute(sa.select(audit)).mappings().one())
        many = [row | {"id": f"{n}", "at": row["at"] - timedelta(hours=n)} for n in range(20_000)]
        connection.execute(sa.insert(audit), many)
    plans = []
    for analyze in (None, "ANALYZE audit"):
        # PostgreSQL analyses a table a minute after rows were stored; until then it may read all of them.
        if analyze or database.engine.dialect.name == "sqlite":
            with database.write() as connection:
                if analyze:
                    connection.exec_driver_sql(analyze)
                with statements(connection) as asked:
                    assert list_audit(connection, 7, wanted, step, 50).entries == []
                plans += [plan_of(connection, *one) for one in asked]
    assert plans
    for plan in plans:
        assert any(index in line for line in plan), plan
        assert not any("TEMP B-TREE" in line or "Sort" in line for line in plan), plan
