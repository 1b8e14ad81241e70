"""Journeys, read from the database."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts.policy import Model, Policy
from salepixel.attribution.decide import Decision, decide
from salepixel.attribution.decisions import store_decision
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.sales import sale_rows
from salepixel.campaigns.store import Campaign, CampaignLink, add_campaign
from salepixel.clicks.store import store_clicks
from salepixel.clicks.tokens import Click, Signal, Verdict
from salepixel.orders.store import StoredOrder, store_order
from salepixel.report import journey_store
from salepixel.report.journey_store import Span, read_journeys
from salepixel.storage.database import Database
from salepixel.storage.schema import clicks
from tests.make import CAMPAIGN, LINK, NOON, OTHER_LINK, click_at, order
from tests.storage.test_plans import statements

DAY = timedelta(days=1)
PERSON = Signal(0)


@pytest.fixture
def connection(database: Database) -> Iterator[sa.Connection]:
    with database.write() as opened:
        links = [
            CampaignLink(LINK, "https://shop.test/", "Hero", True),
            CampaignLink(OTHER_LINK, "https://shop.test/about", "About", False),
        ]
        add_campaign(opened, Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON), links)
        yield opened


def clicked(connection: sa.Connection, days: float, contact: str = "ana", link: str = LINK) -> Click:
    click = click_at(NOON - days * DAY, contact, link=link)
    store_clicks(connection, [(click, PERSON)])
    return click


def bought(connection: sa.Connection, click: Click, days: float = 0, **reported: Any) -> Decision:
    """An order of two lines with 10.00 refunded, attributed to the click whose token it carries."""
    return decided(connection, [Evidence(Rung.TOKEN, click)], Policy(), days, **reported)


def decided(
    connection: sa.Connection, evidence: list[Evidence], policy: Policy, days: float = 0, **reported: Any
) -> Decision:
    at = NOON - days * DAY
    its = order(id=f"O{days}", placed_at=at, refunded=Decimal("10.00"), **reported)
    decision = decide(1, its, evidence, policy)
    store_order(connection, "S1", 1, its, "")
    store_decision(connection, StoredOrder("S1", 1, its, ""), decision, sale_rows(its, decision))
    return decision


def read(
    connection: sa.Connection, first: datetime = NOON - 30 * DAY, window: int | None = None
) -> list[list[tuple[int, int | None]]]:
    """Journeys by contact, each as its number of clicks and the net of its order.

    `window`: the campaign's own one, in days; the account's is a week.
    """
    policy = Policy(windows={CAMPAIGN: window * DAY} if window else {})
    found = read_journeys(connection, Span(1, first, NOON + DAY, policy))
    reported = (
        [(len(journey.touches), journey.purchase.net if journey.purchase else None) for journey in journeys]
        for journeys in found
    )
    return sorted(reported, key=str)


def test_contacts_have_journeys_with_and_without_an_order(connection: sa.Connection) -> None:
    clicked(connection, 20)
    clicked(connection, 3)
    bought(connection, clicked(connection, 1))
    clicked(connection, 2, "ben")
    assert read(connection) == [[(1, None)], [(2, 4980), (1, None)]]


def test_a_campaigns_own_window_extends_beyond_both_ends_of_the_period(connection: sa.Connection) -> None:
    clicked(connection, 40)
    bought(connection, clicked(connection, 29), 28)
    last = clicked(connection, 0.5, "ben")
    decided(connection, [Evidence(Rung.TOKEN, last)], Policy(windows={CAMPAIGN: 30 * DAY}), -15)
    week, month = read(connection), read(connection, window=30)
    assert week == [[(1, 4980)], [(1, None)]]
    assert month == [[(2, 4980)]], "ben's click led to an order after the period"
    assert read(connection, window=1) == [[(1, 4980)], [(1, None)]]


def test_bots_other_accounts_other_links_and_other_times_are_in_no_journey(
    connection: sa.Connection,
) -> None:
    by_bot = clicked(connection, 1, "bot")
    connection.execute(sa.update(clicks).where(clicks.c.id == by_bot.id).values(verdict=Verdict.BOT))
    clicked(connection, 1, "curious", link=OTHER_LINK)
    clicked(connection, 31, "early")
    store_clicks(connection, [(click_at(NOON, "stranger", emp_id=2), PERSON)])
    assert read(connection) == []


def test_a_buyer_without_a_contact_has_one_journey_per_order_with_its_credited_click(
    connection: sa.Connection,
) -> None:
    click = clicked(connection, 3, "")
    bought(connection, click)
    bought(connection, click, 1)
    clicked(connection, 2, "")
    assert read(connection) == [[(1, 4980)], [(1, 4980)]]


def test_a_click_credited_without_a_contact_is_not_a_journey_without_an_order(
    connection: sa.Connection,
) -> None:
    forwarded = Evidence(Rung.TOKEN, clicked(connection, 3), other_address=True)
    decision = decided(connection, [forwarded], Policy())
    assert decision.forwarded
    assert read(connection) == [[(1, 4980)]]
    clicked(connection, 2)
    clicked(connection, 1)
    assert read(connection) == [[(1, 4980)], [(2, None)]]


def test_an_order_shared_by_several_clicks_is_one_purchase(connection: sa.Connection) -> None:
    first, second = clicked(connection, 3), clicked(connection, 2)
    shared = [Evidence(Rung.EMAIL, click, Verdict.HUMAN) for click in (first, second)]
    decided(connection, shared, Policy(model=Model.LINEAR))
    assert read(connection) == [[(2, 4980)]]


def test_an_order_that_only_names_its_campaign_has_that_one_touch(
    connection: sa.Connection,
) -> None:
    named = Evidence(Rung.COUPON, None, named_campaign=CAMPAIGN, named_contact="bo")
    decided(connection, [named], Policy())
    assert read(connection) == [[(1, 4980)]]


def test_an_order_that_no_click_earned_is_in_no_journey(connection: sa.Connection) -> None:
    bought(connection, clicked(connection, 3), paid=False)
    assert read(connection) == [[(1, None)]]


def test_contacts_are_read_some_at_a_time_and_none_twice(
    connection: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Buyers without a click among them, contacts with many clicks, and orders without a contact."""
    for n, contact in enumerate(("ana", "ben", "ben", "ben", "cy", "dora")):
        clicked(connection, 2 + n / 10, contact)
    bought(connection, clicked(connection, 1, "cy"))
    for n in range(3):
        bought(connection, clicked(connection, 1, ""), n / 10 + 0.05)
    for n, contact in enumerate(("b", "zoe")):
        named = Evidence(Rung.COUPON, None, named_campaign=CAMPAIGN, named_contact=contact)
        decided(connection, [named], Policy(), n / 10 + 0.5)
    whole = read(connection)
    assert len(whole) == 9
    for size in (1, 2, 5):
        monkeypatch.setattr(journey_store, "CLICKS_AT_ONCE", size)
        monkeypatch.setattr(journey_store, "ORDERS_AT_ONCE", size)
        assert read(connection) == whole


def test_clicks_of_many_contacts_are_all_read(connection: sa.Connection) -> None:
    some = [click_at(NOON - DAY, f"c{i:04}", serial=i) for i in range(2500)]
    store_clicks(connection, [(click, PERSON) for click in some])
    assert len(read(connection)) == 2500


def test_clicks_are_read_in_index_order_without_sorting(sqlite: Database) -> None:
    with sqlite.read() as connection:
        with statements(connection) as asked:
            assert list(read_journeys(connection, Span(1, NOON - DAY, NOON, Policy()))) == []
        plans = [
            str(step[-1])
            for text, values in asked
            if text.startswith("SELECT clicks")
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
    assert [step for step in plans if "ix_clicks_emp_id_contact_id" in step] != [], plans
    assert [step for step in plans if "TEMP B-TREE" in step or step.startswith("SCAN ")] == []
