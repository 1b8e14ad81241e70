"""Old data is deleted in small steps, after the days that its account chose; no decision or sum changes."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from salepixel.accounts.audit import Action, record
from salepixel.accounts.declined import BadField
from salepixel.accounts.principal import INSTALLATION
from salepixel.destinations import outbox
from salepixel.privacy import retention
from salepixel.privacy.retention import Kept, end_old_rows
from salepixel.privacy.use_cases import change_retention
from salepixel.storage import schema
from salepixel_worker.rebuild import verify_all
from tests.make import NOON
from tests.privacy.village import ADDRESS, REF, Village

DAY = timedelta(days=1)


@pytest.fixture
def village(village: Village) -> Village:
    """With a sent forward, a hit that was ignored, and two deliveries of the shop."""
    found = village
    found.hit("order=1", None, 70, ignored="unsigned")
    found.deliver("order_paid", found.bought)
    found.reconcile()
    with found.database.write() as connection:
        for claimed in outbox.claim_outgoing(connection, NOON, NOON, 1):
            outbox.record_attempt(connection, claimed, state="sent", answer="200", next_at=NOON)
    return found


def choose(village: Village, kind: Kept, days: int | None) -> None:
    with village.database.write() as connection:
        change_retention(connection, INSTALLATION, 1, {kind: days})


@pytest.mark.parametrize("at_once", [1, 500])
def test_what_is_older_ends_and_nothing_else_changes(
    village: Village, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", at_once)
    monkeypatch.setattr(retention, "YIELD_SECONDS", 0)
    money, kept = village.money(), len(village.rows(schema.hits))
    for kind in set(Kept) - {*retention.MARKS, Kept.CONTACTS, Kept.AUDIT}:
        choose(village, kind, 10)
    assert end_old_rows(village.database, NOON + 9 * DAY, 60) == 0
    assert end_old_rows(village.database, NOON + 11 * DAY, 60) == 4
    assert end_old_rows(village.database, NOON + 11 * DAY, 60) == 0
    digests = [row["digest"] for row in village.rows(schema.deliveries)]
    assert [village.content(digest)["body"] for digest in digests] == [b""] * 3
    assert [row["url"] for row in village.rows(schema.outbox) if row["state"] == "sent"] == [""]
    assert len(village.rows(schema.hits)) == kept
    village.reconcile()
    assert village.money() == money
    assert verify_all(village.database, village.sealer).different == []


def test_days_out_of_bounds_are_refused(village: Village) -> None:
    for days in (0, -1, 3651, 10**9):
        with pytest.raises(BadField):
            choose(village, Kept.DELIVERIES, days)


def test_clicks_cannot_end_before_they_have_been_evidence(village: Village) -> None:
    village.policy(window_days=20)
    choose(village, Kept.BOT_CLICKS, 70)
    with pytest.raises(BadField, match="70 to 3650"):
        choose(village, Kept.CLICKS, 69)


def test_more_days_after_fewer_bring_nothing_back_and_fewer_days_continue(village: Village) -> None:
    kept = len(village.rows(schema.hits))
    for days, left in ((70, kept), (400, kept), (None, kept), (44, kept - 1), (400, kept - 1)):
        choose(village, Kept.HITS, days)
        end_old_rows(village.database, NOON + 50 * DAY, 60)
        assert len(village.rows(schema.hits)) == left


def test_what_is_kept_for_ever_stays(village: Village) -> None:
    for kind in Kept:
        choose(village, kind, None)
    assert end_old_rows(village.database, NOON + 9999 * DAY, 60) == 0


def test_a_retry_of_a_delivery_that_ended_is_no_new_one(village: Village) -> None:
    """Or the sales API would take an old call for a newer state of the order."""
    end_old_rows(village.database, NOON + 9999 * DAY, 60)
    before = village.rows(schema.orders)
    village.sales_api()
    village.deliver("order_paid", village.bought)
    assert village.rows(schema.orders) == before
    assert len(village.rows(schema.deliveries)) == 3


def test_an_erasure_after_the_end_of_deliveries_finds_the_rest(village: Village) -> None:
    end_old_rows(village.database, NOON + 9999 * DAY, 60)
    assert REF != ADDRESS
    village.erase()
    assert list(village.found()) == []


def test_the_audit_list_ends_after_the_days_of_its_account(village: Village) -> None:
    with village.database.write() as connection:
        connection.execute(sa.delete(schema.audit))
        for emp_id in (1, 2, schema.EVERYWHERE):
            record(connection, INSTALLATION, emp_id, Action.CAMPAIGN_CREATED, "c1", "Autumn")
        connection.execute(sa.update(schema.audit).values(at=NOON))
        connection.execute(sa.update(schema.accounts).values(created_at=NOON + 400 * DAY))
    with pytest.raises(BadField):
        choose(village, Kept.AUDIT, 29)

    def left(days: int) -> list[int]:
        end_old_rows(village.database, NOON + days * DAY, 60)
        rows = village.rows(schema.audit)
        return sorted(row["emp_id"] for row in rows if row["action"] == Action.CAMPAIGN_CREATED)

    assert left(400) == [0, 1, 2]
    assert left(401) == [2], "there is no account 2"
