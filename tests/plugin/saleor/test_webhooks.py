"""A delivery is answered 200 when it is committed; everything else has a reason and the right status."""

import json
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from redis import Redis
from werkzeug.test import TestResponse

from kit.saleor import Line, Signed, StandInSaleor
from salepixel.orders.deliveries import StoredDelivery, read_delivery
from salepixel.orders.queue import due_orders
from salepixel.orders.store import find_order
from salepixel.shops.shop import Shop
from salepixel.storage.database import Database
from salepixel.storage.schema import deliveries
from salepixel.wire import jobs
from tests.plugin.saleor import captures
from tests.plugin.saleor.captures import Captured
from tests.plugin.saleor.conftest import Plugin

PAID = captures.captured("b_customer_two_charges_refunds/006-order_fully_paid")
SHOES = Line("Red shoes", 2, Decimal("39.80"), "R-1")


def post(plugin: Plugin, captured: Captured, **changes: str) -> TestResponse:
    """Send a recorded delivery; a keyword replaces a header (saleor_event="...")."""
    headers = dict(captured.headers)
    for name, value in changes.items():
        headers[name.replace("_", "-").title()] = value
    return plugin.client.post("/saleor/webhooks", data=captured.body, headers=headers)


def stored(plugin: Plugin) -> list[StoredDelivery]:
    with plugin.database.read() as connection:
        digests = connection.scalars(sa.select(deliveries.c.digest).order_by(deliveries.c.received_at))
        found = [read_delivery(connection, digest) for digest in digests.all()]
    return [one for one in found if one is not None]


def reason_of(answer: TestResponse) -> tuple[int, str]:
    content = answer.get_json()
    assert content["ok"] is False
    assert content["message"]
    return answer.status_code, content["reason"]


def test_a_delivery_and_its_order_are_stored_before_the_200(plugin: Plugin, captured_shop: Shop) -> None:
    answer = post(plugin, PAID)
    assert (answer.status_code, answer.get_json()) == (200, {"ok": True})
    (row,) = stored(plugin)
    assert (row.shop_id, row.event, row.body, row.unread) == (
        captured_shop.id,
        "order_fully_paid",
        PAID.body,
        "",
    )
    assert row.headers["saleor-signature"] == PAID.headers["Saleor-Signature"]
    with plugin.database.read() as connection:
        order = find_order(connection, captured_shop.id, "35")
        assert order is not None
        assert order.delivery == row.digest
        assert due_orders(connection, 10) == [(captured_shop.id, order.order.id)]


def test_headers_that_may_contain_secrets_are_not_stored(plugin: Plugin, captured_shop: Shop) -> None:
    assert post(plugin, PAID, authorization="Bearer secret", x_secret="s").status_code == 200
    kept = stored(plugin)[0].headers
    assert set(kept) == {
        "content-type",
        "user-agent",
        "saleor-api-url",
        "saleor-domain",
        "saleor-event",
        "saleor-signature",
    }


def test_a_repeated_delivery_is_200_and_changes_nothing(plugin: Plugin, captured_shop: Shop) -> None:
    assert [post(plugin, PAID).status_code for _ in range(3)] == [200] * 3
    assert len(stored(plugin)) == 1


@pytest.mark.parametrize(("changes", "parses"), [({}, 1), ({"saleor_signature": "forged"}, 0)])
def test_a_body_is_parsed_once_and_only_after_its_signature_is_verified(
    plugin: Plugin,
    captured_shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    parses: int,
) -> None:
    """One of 28 MB takes a second and 300 MB of memory each time."""
    bodies, loads = (PAID.body, PAID.body.decode()), json.loads
    parsed = []

    def count(text: str | bytes, **how: Any) -> Any:
        if text in bodies:
            parsed.append(text)
        return loads(text, **how)

    monkeypatch.setattr(json, "loads", count)
    assert (post(plugin, PAID, **changes).status_code == 200) is bool(parses)
    assert len(parsed) == parses


class TestTheJob:
    """With Redis: one job is enqueued for newer orders, however many wait."""

    @pytest.fixture
    def plugin_redis(self, redis: Redis) -> Redis:
        return redis

    def test_it_is_enqueued_once_for_newer_orders(
        self, plugin: Plugin, captured_shop: Shop, redis: Redis
    ) -> None:
        older = captures.captured("b_customer_two_charges_refunds/001-order_created")
        another = captures.captured("h_pln_channel_voucher/003-order_fully_paid")
        job_queue = jobs.JobQueue(redis)
        for captured, waiting in ((PAID, 1), (PAID, 1), (another, 1)):
            assert post(plugin, captured).status_code == 200
            assert job_queue.waiting() == waiting
        job_queue.taken(jobs.DRAIN)
        for captured in (PAID, older):
            assert post(plugin, captured).status_code == 200
        assert job_queue.waiting() == 1, "nothing is newer"


@pytest.mark.parametrize(
    "api_url", ["http://127.0.0.1:8000/graphql", "http://evil.test/graphql/", "api:1", ""]
)
def test_an_unknown_installation_is_401(plugin: Plugin, captured_shop: Shop, api_url: str) -> None:
    assert reason_of(post(plugin, PAID, saleor_api_url=api_url)) == (401, "unknown_installation")


def test_a_shop_that_never_registered_is_401(plugin: Plugin) -> None:
    plugin.allow(captures.API_URL)
    assert reason_of(post(plugin, PAID)) == (401, "unknown_installation")


def test_a_delivery_to_an_earlier_installation_is_401(plugin: Plugin, captured_shop: Shop) -> None:
    deleted = captures.captured("i_app_lifecycle/009-app_deleted")
    assert reason_of(post(plugin, deleted)) == (401, "other_app")
    assert plugin.token(captures.API_URL) == "token"


def test_the_unsigned_saleor_event_header_must_match_the_body(plugin: Plugin, captured_shop: Shop) -> None:
    assert reason_of(post(plugin, PAID, saleor_event="app_deleted")) == (400, "event_mismatch")
    assert reason_of(post(plugin, PAID, saleor_event="")) == (400, "event_mismatch")
    assert plugin.token(captures.API_URL) == "token"


def test_no_signature_is_401(plugin: Plugin, captured_shop: Shop) -> None:
    assert reason_of(post(plugin, PAID, saleor_signature="")) == (401, "no_signature")


def test_every_refusal_is_counted_by_reason(plugin: Plugin, captured_shop: Shop) -> None:
    for _ in range(2):
        post(plugin, PAID, saleor_signature="")
    post(plugin, PAID, saleor_event="")
    post(plugin, PAID, saleor_api_url="")
    assert plugin.refusals() == {
        ("saleor_webhook", "no_signature"): 2,
        ("saleor_webhook", "event_mismatch"): 1,
        ("saleor_webhook", "unknown_installation"): 1,
    }


def test_a_verified_but_unreadable_delivery_is_stored(plugin: Plugin, installed: StandInSaleor) -> None:
    order = installed.order("7", [SHOES])
    order["lines"][0]["quantity"] = None
    assert installed.deliver(plugin.url, "order_paid", order).status_code == 200
    assert [row.unread for row in stored(plugin)] == ["bad_quantity"]
    assert plugin.refusals() == {("saleor_webhook", "bad_quantity"): 1}


def test_unexpected_events_are_stored(plugin: Plugin, installed: StandInSaleor) -> None:
    assert installed.send(plugin.url, installed.sign("product_updated", {"product": {}})).status_code == 200
    assert [(row.event, row.unread) for row in stored(plugin)] == [("product_updated", "no_order")]


def test_app_deleted_removes_the_token(plugin: Plugin, installed: StandInSaleor) -> None:
    app = {"app": {"id": installed.app_id, "name": "Salepixel", "isActive": False}}
    for event in ("app_installed", "app_status_changed"):
        assert installed.send(plugin.url, installed.sign(event, app)).status_code == 200
    assert plugin.token(installed.api_url) == installed.token
    deleted = installed.sign("app_deleted", app)
    assert installed.send(plugin.url, deleted).status_code == 200
    assert plugin.shop(installed.api_url).token is None
    assert [row.event for row in stored(plugin)] == ["app_installed", "app_status_changed", "app_deleted"]

    plugin.install(installed)
    assert installed.send(plugin.url, deleted).status_code == 401, "that was the installation before"
    assert plugin.token(installed.api_url) == installed.token


def test_orders_of_two_shops_are_kept_apart(plugin: Plugin, installed: StandInSaleor) -> None:
    with StandInSaleor(channel="other") as other:
        plugin.install(other)
        signed = other.sign("order_paid", {"order": other.order("1", [SHOES])})
        assert other.send(plugin.url, signed).status_code == 200
        # As the first shop: signed by a key that is not its own, though both name their app alike.
        assert other.app_id == installed.app_id
        swapped = Signed({**signed.headers, "Saleor-Api-Url": installed.api_url}, signed.body)
        assert other.send(plugin.url, swapped).status_code == 401


def test_a_delivery_is_503_without_a_database_and_accepted_afterwards(
    plugin: Plugin, captured_shop: Shop, sqlite: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    path = tmp_path / "salepixel.sqlite3"
    sqlite.close()
    path.rename(tmp_path / "unavailable")
    path.mkdir()  # a folder cannot be opened as a database
    answer = post(plugin, PAID)
    assert (answer.status_code, answer.get_json()["reason"]) == (503, "database_unavailable")
    # Before the look-up a refusal needs no database, and counting it is not worth an error.
    assert reason_of(post(plugin, PAID, saleor_api_url="")) == (401, "unknown_installation")
    path.rmdir()
    (tmp_path / "unavailable").rename(path)
    assert post(plugin, PAID).status_code == 200
    assert len(stored(plugin)) == 1


def test_a_database_failure_in_the_middle_stores_nothing(plugin: Plugin, captured_shop: Shop) -> None:
    with plugin.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE orders RENAME TO orders_away")
    assert post(plugin, PAID).status_code == 503
    assert stored(plugin) == []
    with plugin.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE orders_away RENAME TO orders")
    assert post(plugin, PAID).status_code == 200
    assert len(stored(plugin)) == 1
