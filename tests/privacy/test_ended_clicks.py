"""Clicks end after the days that their account chose: figures stay, decisions are final, none comes back."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.store import Account, get_account
from salepixel.campaigns.store import Campaign, set_sent_at
from salepixel.clicks.tokens import Click, ClickSealer, Signal
from salepixel.orders.deliveries import sum_rejections
from salepixel.privacy import retention
from salepixel.privacy.export import tables_of
from salepixel.privacy.person import find_person
from salepixel.privacy.retention import Kept, end_old_rows
from salepixel.privacy.use_cases import change_retention
from salepixel.report.activity import contact_activity, count_clicks, count_verdict_reasons, link_activity
from salepixel.report.lift import compare_groups
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.sums.check import find_wrong_sums
from salepixel_worker.rebuild import rebuild_all, verify_all
from tests.make import CAMPAIGN, NOON, OTHER_LINK, click_at, order
from tests.privacy.village import REF, Village
from tests.worker.world import HOUR, World

DAY = timedelta(days=1)
LATER = NOON + 100 * DAY
BOT = Signal.HEAD

ANA, BO = click_at(NOON - HOUR, "ana"), click_at(NOON - 2 * HOUR, "bo", serial=1)
SCANNER = click_at(NOON - 3 * HOUR, "ana", link=OTHER_LINK, serial=2)
SCANNER_OF_NOBODY = click_at(NOON - 4 * HOUR, "cy", serial=3)
RECENT = click_at(NOON + 60 * DAY, "ana", serial=4)
CLICKS = [(ANA, Signal(0)), (BO, Signal(0)), (SCANNER, BOT), (SCANNER_OF_NOBODY, BOT), (RECENT, Signal(0))]


@pytest.fixture
def world(database: Database, sealer: ClickSealer) -> World:
    """Two contacts who bought, a scanner that a decision shows, and one that none does."""
    found = World(database, sealer)
    found.connect()
    for ref in ("ana", "bo", "cy"):
        found.contact(ref, f"hash-of-{ref}")
    for click, signals in CLICKS:
        found.click(click, signals)
    found.order(order(id="O1", number="1", email_hash="hash-of-ana"))
    found.order(order(id="O2", number="2", click_token=sealer.seal(BO)))
    found.reconcile()
    return found


def choose(world: World, **days: int | None) -> None:
    with world.database.write() as connection:
        change_retention(connection, INSTALLATION, 1, {Kept(kind): number for kind, number in days.items()})


def clicks(world: World) -> list[bytes]:
    with world.database.read() as connection:
        return sorted(connection.scalars(sa.select(schema.clicks.c.id)))


def ids(*some: Click) -> list[bytes]:
    return sorted(click.id for click in some)


def shown(world: World) -> list[Any]:
    """What pages show of clicks and of sales."""
    with world.database.read() as connection:
        return [
            count_clicks(connection, [CAMPAIGN]),
            count_verdict_reasons(connection, CAMPAIGN),
            link_activity(connection, CAMPAIGN),
            contact_activity(connection, CAMPAIGN, 100, None),
            connection.execute(sa.select(schema.sales).order_by(*schema.sales.primary_key)).all(),
        ]


def check(world: World) -> None:
    with world.database.read() as connection:
        assert find_wrong_sums(connection) == []
    assert verify_all(world.database, world.sealer).different == []


@pytest.mark.parametrize(("at_once", "budget"), [(1, 0), (500, 60)])
def test_what_ended_stays_counted_and_no_decision_changes(
    world: World, monkeypatch: pytest.MonkeyPatch, at_once: int, budget: float
) -> None:
    """Also if every step is the last one before a crash, and if orders are decided again and rebuilt."""
    monkeypatch.setattr(retention, "AT_ONCE", at_once)
    monkeypatch.setattr(retention, "CAMPAIGNS_AT_ONCE", at_once)
    monkeypatch.setattr(retention, "YIELD_SECONDS", 0)
    before = shown(world)
    choose(world, clicks=50, bot_clicks=50)
    ended = 0
    for _ in range(15 if budget == 0 else 2):
        ended += end_old_rows(world.database, LATER, budget)
        with world.database.read() as connection:
            assert find_wrong_sums(connection) == []
    assert (ended, clicks(world)) == (4, ids(RECENT))
    check(world)
    assert shown(world) == before
    world.policy(model="linear")
    world.reconcile()
    assert rebuild_all(world.database, world.sealer).different == []
    check(world)
    assert shown(world) == before


def test_bot_clicks_end_earlier_unless_a_decision_shows_them(world: World) -> None:
    before = shown(world)
    choose(world, bot_clicks=50, clicks=80)
    end_old_rows(world.database, NOON + 70 * DAY, 60)
    assert clicks(world) == ids(ANA, BO, SCANNER, RECENT)
    world.policy(window_days=8)
    world.reconcile()
    check(world)
    assert shown(world) == before
    end_old_rows(world.database, LATER, 60)
    assert clicks(world) == ids(RECENT)
    check(world)


def refused(world: World) -> int:
    with world.database.read() as connection:
        return sum_rejections(connection).get(("fold", "click_ended"), 0)


def test_a_click_that_ended_does_not_come_back(world: World) -> None:
    choose(world, clicks=50, bot_clicks=50)
    end_old_rows(world.database, LATER, 60)
    before = shown(world)
    for click, signals in CLICKS:
        world.click(click, signals)
    world.click(click_at(NOON - DAY, "late", serial=9))
    assert (clicks(world), refused(world)) == (ids(RECENT), 5)
    world.click(click_at(LATER - 40 * DAY, "late", serial=9))
    assert refused(world) == 5
    assert shown(world) != before
    check(world)


def test_a_human_click_of_a_time_whose_bot_clicks_ended_is_refused_too(world: World) -> None:
    """It may have been a bot's by its neighbours, which have ended: then it is counted already."""
    choose(world, bot_clicks=50)
    end_old_rows(world.database, LATER, 60)
    world.click(click_at(NOON, "late", serial=9))
    assert refused(world) == 1
    check(world)


def decision(world: World, order_id: str) -> Any:
    with world.database.read() as connection:
        its = schema.decisions.c
        columns = [column for column in its if column.name != "refunded"]
        return connection.execute(sa.select(*columns).where(its.order_id == order_id)).one()


def test_a_decision_whose_clicks_ended_is_final_and_refunds_count(world: World) -> None:
    choose(world, clicks=50)
    end_old_rows(world.database, LATER, 60)
    kept = decision(world, "O1")
    bought = order(id="O1", number="1", email_hash="hash-of-bo", updated_at=NOON + DAY)
    world.order(replace(bought, refunded=Decimal("9.80")))
    world.reconcile()
    assert decision(world, "O1") == kept
    with world.database.read() as connection:
        its = schema.sales.c.order_id == "O1"
        assert connection.scalar(sa.select(sa.func.sum(schema.sales.c.refunded)).where(its)) == 980
    check(world)


def test_a_late_order_says_that_its_clicks_have_ended(world: World, sealer: ClickSealer) -> None:
    choose(world, clicks=50)
    end_old_rows(world.database, LATER, 60)
    world.order(order(id="O3", number="3", email_hash="hash-of-bo"))
    world.order(order(id="O4", number="4", click_token=sealer.seal(BO)))
    world.order(order(id="O5", number="5", placed_at=LATER, email_hash="hash-of-bo"))
    assert world.reasons() | {"O3": ""} == {
        **world.reasons(),
        "O3": "",
        "O4": "click_token_on_order",
        "O5": "no_click",
    }
    assert world.reasons()["O3"] == "clicks_ended"
    check(world)


def test_a_late_order_that_waits_for_its_payment_is_decided_by_what_is_left(
    world: World, sealer: ClickSealer
) -> None:
    unpaid = order(id="O3", number="3", email_hash="hash-of-bo", click_token=sealer.seal(ANA), paid=False)
    world.order(unpaid)
    world.reconcile()
    choose(world, clicks=50)
    end_old_rows(world.database, LATER, 60)
    check(world)
    world.order(replace(unpaid, paid=True, updated_at=NOON + DAY))
    assert world.reasons()["O3"] == "other_contact"
    check(world)


def test_clicks_stay_while_an_order_that_may_need_them_waits(world: World) -> None:
    choose(world, clicks=50)
    world.order(order(id="O3", number="3", placed_at=NOON + DAY, email_hash="hash-of-bo"))
    wait_since(world, LATER - 6 * DAY)
    end_old_rows(world.database, LATER, 60)
    assert ANA.id in clicks(world)
    wait_since(world, NOON)
    assert world.reasons()["O3"] == "email_match"
    end_old_rows(world.database, LATER, 60)
    assert clicks(world) == ids(RECENT)
    check(world)


def wait_since(world: World, at: datetime) -> None:
    with world.database.write() as connection:
        connection.execute(sa.update(schema.due).values(next_attempt_at=at))


def test_an_order_that_waits_for_more_than_a_week_does_not_keep_the_clicks_of_its_account(
    world: World,
) -> None:
    choose(world, clicks=50)
    world.order(order(id="O3", number="3", placed_at=NOON + DAY, email_hash="hash-of-bo"))
    wait_since(world, LATER - 8 * DAY)
    end_old_rows(world.database, LATER, 60)
    assert clicks(world) == ids(RECENT)
    wait_since(world, NOON)
    assert world.reasons()["O3"] == "clicks_ended"
    check(world)


def test_a_longer_time_chosen_meanwhile_does_not_stop_what_began(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older clicks are refused already; if some stayed, a page would show a part of them."""
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    choose(world, clicks=50, bot_clicks=None)
    while not end_old_rows(world.database, LATER, 0):
        pass
    assert len(clicks(world)) == 4
    choose(world, clicks=None)
    end_old_rows(world.database, LATER + 900 * DAY, 60)
    assert clicks(world) == ids(RECENT)


def test_clicks_are_kept_for_as_long_as_they_are_evidence(world: World) -> None:
    """A window that was made longer later counts, too."""
    choose(world, clicks=44, bot_clicks=44)
    world.policy(window_days=30)
    world.reconcile()
    end_old_rows(world.database, NOON + 80 * DAY, 60)
    assert ANA.id in clicks(world)
    end_old_rows(world.database, LATER, 60)
    assert ANA.id not in clicks(world)
    check(world)


def test_clicks_of_an_account_that_is_younger_have_not_ended(world: World) -> None:
    """So an order of before says that there is no click, and not that it ended."""
    end_old_rows(world.database, NOON + 700 * DAY, 60)
    with world.database.read() as connection:
        account = get_account(connection, 1)
    assert account is not None
    assert account.clicks_ended_before is None
    assert not account.lacks_clicks(NOON - 900 * DAY)


def test_another_sending_time_does_not_judge_clicks_whose_neighbours_ended(world: World) -> None:
    choose(world, bot_clicks=50)
    end_old_rows(world.database, LATER, 60)
    with world.database.write() as connection:
        set_sent_at(connection, Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON), ANA.clicked_at)
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.unsettled_clicks)) == 0


def test_the_holdout_is_contaminated_by_clicks_that_ended_too(world: World) -> None:
    with world.database.write() as connection:
        connection.execute(
            sa.insert(schema.recipients),
            [{"campaign_id": CAMPAIGN, "contact": ref, "lot": 0} for ref in ("bo", "cy", "dee")],
        )
        connection.execute(sa.update(schema.campaigns).values(holdout_percent=10))
    choose(world, clicks=50)
    end_old_rows(world.database, LATER, 60)
    with world.database.read() as connection:
        account = Account(1, "Shoes", "EUR", NOON)
        assert compare_groups(connection, CAMPAIGN, account, NOON, LATER).contaminated == 1


def test_an_erasure_deletes_what_counts_clicks_that_ended(village: Village) -> None:
    village.reconcile()
    with village.database.write() as connection:
        change_retention(connection, INSTALLATION, 1, {Kept.CLICKS: 50})
    end_old_rows(village.database, LATER, 60)
    assert village.rows(schema.clicks) == []
    with village.database.read() as connection:
        exported = tables_of(connection, village.keys, find_person(connection, village.keys, 1, REF))
    assert (exported["clicks"], {row["contact"] for row in exported["clickers"]}) == ([], {REF})
    village.erase()
    assert list(village.found()) == []
    assert REF not in {row["contact"] for row in village.rows(schema.clickers)}
    check(village)


def test_a_few_clicks_more_than_the_limit_of_an_order_do_not_differ_when_bots_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit counts bot clicks; those beyond it are in no decision, and end."""
    monkeypatch.setattr("salepixel.attribution.gather.MAX_CLICKS", 2)
    world.click(click_at(NOON - 5 * HOUR, "ana", serial=7), BOT)
    world.policy(window_days=8)
    world.reconcile()
    choose(world, bot_clicks=50)
    end_old_rows(world.database, LATER, 60)
    check(world)
