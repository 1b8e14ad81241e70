"""Coverage by the API: an account's own, for some days, with the reason why a shop cannot be polled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.clicks.hit_store import StoredHit, store_hit
from salepixel.clicks.hits import Hit
from salepixel.clicks.tokens import new_click_id
from salepixel.orders.unread import UnreadOrder, keep_unread
from salepixel.shops import polls
from salepixel.shops import store as shops
from salepixel.storage import schema
from tests.plugin.conftest import HATS, PLACED, SHOES, Office

HOUR = timedelta(hours=1)
COVERAGE = "/accounts/7/coverage"


def asked_shop(office: Office) -> str:
    """A shop of account 7 that was polled and has two orders of today."""
    wanted = {"empId": 7, "platform": "saleor", "api_url": "https://shop.test/graphql/"}
    shop: str = office.post("/shops", wanted)["id"]
    with office.database.write() as connection:
        connected = sa.update(schema.shops).where(schema.shops.c.id == shop)
        connection.execute(connected.values(token="t", connected_at=PLACED))
        assert polls.claim_poll(connection, PLACED, PLACED)
        found = shops.get_shop(connection, shop)
        assert found
        polls.store_counts(connection, found, {PLACED.date(): 2}, PLACED)
        polls.end_poll(connection, shop, PLACED, PLACED)
    return shop


def test_it_shows_known_and_missing_orders(office: Office) -> None:
    shop = asked_shop(office)
    office.order(click=office.click(office.campaign(), "ana"), payment="PayPal")
    found = office.get(COVERAGE, SHOES)
    assert found["days"] == [
        {
            "day": f"{PLACED.date()}",
            "in_shop": 2,
            "known": 1,
            "by_webhook": 1,
            "by_poll": 0,
            "missing": 2,  # the order came by the sales API, not from that shop
            "seen": 0,
            "attributed": 1,
        }
    ]
    assert found["by_payment"] == [{"name": "PayPal", "orders": 1, "seen": 0}]
    assert found["by_browser"] == [{"name": None, "orders": 1, "seen": 0}]
    assert [(one["shop"], one["problem"]) for one in found["shops"]] == [(shop, None)]


def test_a_shop_that_cannot_be_polled_is_listed_with_the_reason(office: Office) -> None:
    asked_shop(office)
    with office.database.write() as connection:
        poll = polls.list_polls(connection, 7)[0]
        polls.fail_poll(connection, poll, "it answered 503", PLACED, PLACED)
    reported = office.get(COVERAGE, SHOES)["shops"][0]
    assert reported["problem"] == "it answered 503"
    assert datetime.fromisoformat(reported["problem_since"]) == PLACED


@pytest.mark.parametrize(
    ("values", "problem", "state", "missed"),
    [
        ({}, "", "connected", None),
        ({}, "it answered 503", "connected", PLACED),
        ({}, "permission_removed", "connected", PLACED),
        ({"token": None, "disconnected_at": PLACED + HOUR}, "", "disconnected", PLACED + HOUR),
        ({"token": None}, "", "disconnected", PLACED),
        ({"app_active": False, "app_status_at": PLACED + HOUR}, "app_inactive", "inactive", PLACED + HOUR),
        ({"paused_at": PLACED + HOUR}, "", "paused", PLACED + HOUR),
        ({"removed_at": PLACED + HOUR}, "", "removed", PLACED + HOUR),
    ],
)
def test_it_shows_since_when_orders_are_missing(
    office: Office, values: dict[str, Any], problem: str, state: str, missed: datetime | None
) -> None:
    asked_shop(office)
    with office.database.write() as connection:
        if values:
            connection.execute(sa.update(schema.shops).values(values))
        if problem:
            polls.fail_poll(connection, polls.list_polls(connection, 7)[0], problem, PLACED + HOUR, PLACED)
    (reported,) = office.get(COVERAGE, SHOES)["shops"]
    since = reported["missed_since"] and datetime.fromisoformat(reported["missed_since"])
    assert (reported["state"], since) == (state, missed)
    assert datetime.fromisoformat(reported["known_until"]) == PLACED


def test_a_shop_without_its_app_is_listed(office: Office) -> None:
    wanted = {"empId": 7, "platform": "saleor", "api_url": "https://shop.test/graphql/"}
    shop = office.post("/shops", wanted)["id"]
    assert office.get(COVERAGE, SHOES)["shops"] == [
        {
            "shop": shop,
            "api_url": "https://shop.test/graphql/",
            "state": "waiting",
            "known_until": None,
            "missed_since": None,
            "problem": None,
            "problem_since": None,
            "unread": [],
        }
    ]


def test_unreadable_orders_are_listed_with_their_reason(office: Office) -> None:
    shop = asked_shop(office)
    with office.database.write() as connection:
        keep_unread(connection, UnreadOrder(shop, "T3", "", "order_too_large", "", PLACED), PLACED)
    (reported,) = office.get(COVERAGE, SHOES)["shops"]
    (order,) = reported["unread"]
    assert datetime.fromisoformat(order.pop("since")) == PLACED
    assert order == {"order": "T3", "number": None, "reason": "order_too_large", "detail": None}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", True),
        (f"?from={PLACED.date()}&to={PLACED.date()}", True),
        (f"?to={PLACED.date() - timedelta(days=1)}", False),
        (f"?from={PLACED.date() - timedelta(days=60)}&to={datetime.now(UTC).date()}", True),
    ],
)
def test_it_shows_the_requested_days(office: Office, query: str, shown: bool) -> None:
    office.order()
    assert bool(office.get(COVERAGE + query, SHOES)["days"]) is shown


@pytest.mark.parametrize(
    "query", ["from=2026-11-23&to=2026-11-22", "from=2026-01-01&to=2026-11-22", "to=soon"]
)
def test_invalid_days_are_refused(office: Office, query: str) -> None:
    assert office.call("GET", f"{COVERAGE}?{query}", key=SHOES).status_code == 422


def test_another_account_cannot_see_it(office: Office) -> None:
    asked_shop(office)
    assert office.call("GET", COVERAGE, key=HATS).status_code == 404
    assert office.get("/accounts/8/coverage", HATS)["shops"] == []


def ignored_hit(office: Office, problem: str, ignored: str = "") -> None:
    """A hit of account 7 with a problem, as the fold stores it."""
    hit = Hit(7, problem=problem)
    with office.database.write() as connection:
        stored = StoredHit(new_click_id(int(PLACED.timestamp() * 1000)), hit, "", False, ignored)
        assert store_hit(connection, stored)


def test_it_counts_the_pixel_hits_that_had_a_problem_and_says_what_to_do(office: Office) -> None:
    ignored_hit(office, "placeholder_order")
    ignored_hit(office, "placeholder_order")
    ignored_hit(office, "bad_amount", "bad_amount")
    reported = office.get(COVERAGE, SHOES)["pixel_problems"]
    counts = [("placeholder_order", 2, 0), ("bad_amount", 1, 1)]
    assert [(one["reason"], one["hits"], one["ignored"]) for one in reported] == counts
    assert "Put your shop's variable for the order number into PEDIDO" in reported[0]["advice"]
    assert office.get(f"{COVERAGE}?to=2026-01-02", SHOES)["pixel_problems"] == []
    assert office.get("/accounts/8/coverage", HATS)["pixel_problems"] == []
