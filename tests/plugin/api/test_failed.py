"""Failed orders: shown with their error and requeued, by each account for itself."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import FULL, Rights, Role
from salepixel.orders import queue
from salepixel.orders.requeue import DueReason, requeue_order
from salepixel.people import store
from salepixel.storage import schema
from tests.plugin.api.test_policies import LAST_MONTH
from tests.plugin.conftest import ALL, HATS, PLACED, SHOES, Office
from tests.plugin.pages.test_pages import Page, _check
from tests.plugin.pages.test_signing_in import add_person, signed_in

NOW = datetime.now(UTC) + timedelta(days=1)  # so that no turn comes while the other tests run


def fail(office: Office, emp_id: int, order_id: str, times: int = 1) -> str:
    """An order that failed this often; gives its shop."""
    shop, _ = office.order(emp_id, id=order_id, number=f"n-{order_id}")
    with office.database.write() as connection:
        for _ in range(times):
            queue.record_failure(connection, shop, order_id, "BadMoney: bad_amount (money.py:48)", NOW)
    return shop


def due(office: Office) -> set[str]:
    with office.database.read() as connection:
        return {order_id for _, order_id in queue.due_orders(connection, 100)}


def test_failed_orders_are_listed_with_their_error(office: Office) -> None:
    shop = fail(office, 7, "o-1")
    (row,) = office.get("/orders/failed", SHOES)["rows"]
    next_attempt = (NOW + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert row == {
        "empId": 7,
        "shop": shop,
        "order_id": "o-1",
        "order": "n-o-1",
        "state": "retrying",
        "attempts": 1,
        "error": "BadMoney: bad_amount (money.py:48)",
        "because": "",
        "failed_at": NOW.isoformat().replace("+00:00", "Z"),
        "next_attempt_at": next_attempt,
    }
    page = office.page("/orders/failed", SHOES).text
    assert "BadMoney: bad_amount" in page
    assert "n-o-1" in page
    assert "Orders that could not be processed: 1" in office.page("/", SHOES).text
    assert "could not be processed" not in office.page("/", HATS).text


def test_a_reader_of_several_accounts_may_retry_where_they_may_change(office: Office) -> None:
    add_person(office, "bo@shop.test", Rights(Role.VIEWER))
    with office.database.write() as connection:
        bo = store.find_by_email(connection, "bo@shop.test")
        assert bo is not None
        store.put_member(connection, bo.id, 8, FULL, datetime.now(UTC))
    browser = signed_in(office, "bo@shop.test")
    fail(office, 7, "shoe")
    read = browser.get("/orders/failed").text
    assert "n-shoe" in read
    assert "Retry</button>" not in read
    assert "Retry all" not in read
    fail(office, 8, "hat")
    both = browser.get("/orders/failed").text
    assert "Retry all" in both
    assert both.count("Retry order") == 1
    assert "Retry order n-hat" in both


def test_a_parked_order_is_explained_in_both_languages(office: Office) -> None:
    fail(office, 7, "o-1", queue.MAX_ATTEMPTS)
    (row,) = office.get("/orders/failed", SHOES)["rows"]
    assert (row["state"], row["next_attempt_at"]) == ("parked", None)
    for language, words in (("en", "Parked"), ("es", "Aparcado")):
        assert words in office.page("/orders/failed", SHOES, headers={"Accept-Language": language}).text


def test_each_account_sees_and_requeues_its_own(office: Office) -> None:
    hats = fail(office, 8, "secret-hat")
    shoes = fail(office, 7, "shoe")
    fail(office, 7, "boot")
    assert {row["order_id"] for row in office.get("/orders/failed", SHOES)["rows"]} == {"shoe", "boot"}
    assert len(office.get("/orders/failed", ALL)["rows"]) == 3
    assert "ecret" not in office.page("/orders/failed", SHOES).text
    assert office.call("POST", "/orders/failed/retry", {"empId": 8}, SHOES).status_code == 403
    foreign = {"empId": 7, "shop": hats, "order_id": "secret-hat"}
    assert office.post("/orders/failed/retry", foreign, SHOES) == {"requeued": 0}
    assert office.call("POST", "/orders/failed/retry", {"empId": 7, "shop": shoes}, SHOES).status_code == 422
    one = {"empId": 7, "shop": shoes, "order_id": "shoe"}
    assert office.post("/orders/failed/retry", one, SHOES) == {"requeued": 1}
    assert office.post("/orders/failed/retry", one, SHOES) == {"requeued": 0}
    assert due(office) == {"shoe"}
    for sent in ({"shop": hats, "order": "secret-hat"}, {}):
        assert office.page("/orders/failed", SHOES, method="POST", data=sent).status_code == 303
    assert due(office) == {"shoe", "boot"}
    assert office.page("/orders/failed", HATS, method="POST").status_code == 303
    assert due(office) == {"shoe", "boot", "secret-hat"}
    assert "All orders were processed" in office.page("/orders/failed", SHOES).text


def test_a_long_list_is_paged(office: Office) -> None:
    for n in range(3):
        fail(office, 7, f"o-{n}")
    first = office.get("/orders/failed?limit=2", SHOES)
    second = office.get(f"/orders/failed?limit=2&cursor={first['next']}", SHOES)
    assert [row["order_id"] for row in first["rows"] + second["rows"]] == ["o-2", "o-1", "o-0"]
    assert second["next"] is None
    assert office.call("GET", "/orders/failed?cursor=x", key=SHOES).status_code == 422


def test_health_and_metrics_show_the_queue(office: Office) -> None:
    fail(office, 7, "retried")
    fail(office, 7, "parked", queue.MAX_ATTEMPTS)
    shop, _ = office.order(id="waiting")
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with office.database.write() as connection:
        its = schema.due.c.order_id == "waiting"
        requeue_order(connection, shop, "waiting", DueReason.CONTACTS)
        connection.execute(sa.update(schema.due).where(its).values(next_attempt_at=hour_ago))
    health = office.browser.get("/healthz").get_json()
    assert health["refused"] == {"too_large": 0, "cut_short": 0, "busy": 0, "bad_head": 0}
    orders = health["orders"]
    oldest = orders.pop("oldest_due_seconds")
    assert orders == {"due": 1, "retrying": 1, "parked": 1, "because": {"contacts": 1}}
    assert oldest >= 3600
    assert office.browser.get("/saleor/nothing").status_code == 404
    office.call("GET", "/accounts", key="no key of ours")
    office.store_counts()
    answer = office.browser.get("/metrics")
    assert answer.content_type.startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        "salepixel_orders_due 1.0",
        'salepixel_orders_due_because{reason="contacts"} 1.0',
        "salepixel_orders_retrying 1.0",
        "salepixel_orders_parked 1.0",
        'salepixel_plugin_up{part="database"} 1.0',
        'salepixel_plugin_up{part="redis"} 0.0',
        'salepixel_rejections_total{reason="bad_key",source="key"} 1.0',
        'salepixel_plugin_refused_requests_total{reason="busy"} 0.0',
    ):
        assert line in lines


def spoil(office: Office, snapshot: Callable[[str], str]) -> str:
    """An order whose stored snapshot is beyond today's limits, not tried yet; gives its shop."""
    shop, _ = office.order(id="o-1", number="1042")
    with office.database.write() as connection:
        text = connection.scalars(sa.select(schema.orders.c.snapshot)).one()
        connection.execute(sa.delete(schema.decisions))
        connection.execute(sa.update(schema.orders).values(snapshot=snapshot(text)))
        requeue_order(connection, shop, "o-1", DueReason.CONTACTS)
    return shop


SPOILT = {
    "an amount that rounds up to the limit": lambda text: text.replace("39.80", "999999999999.9999"),
    "a time of the year 1": lambda text: re.sub(r'"placed_at":"\d+', '"placed_at":"0001', text),
    "no snapshot of ours": lambda _: "{}",
}


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_page_of_a_failed_order_shows_its_error(office: Office, name: str, lang: str) -> None:
    shop = spoil(office, SPOILT[name])
    if name != "no snapshot of ours":
        assert office.page(f"/orders/{shop}/o-1", SHOES).status_code == 200, "before its first attempt"
    with office.database.write() as connection:
        queue.record_failure(connection, shop, "o-1", "BadMoney: bad_amount (money.py:48)", NOW)
    link = next(link for link in Page(office.page("/orders/failed", SHOES).text).links if shop in link)
    answer = office.page(f"{link}?lang={lang}", SHOES)
    assert answer.status_code == 200
    assert _check(answer.text).language == lang
    said = {"en": "Order 1042 could not be processed", "es": "El pedido 1042 no se ha podido procesar"}[lang]
    assert said in answer.text
    assert "BadMoney: bad_amount (money.py:48)" in answer.text
    assert f'value="{shop}"' in answer.text, "the button that tries it again"
    reported = office.get(f"/orders/{shop}/1042/decision?lang={lang}", SHOES)
    assert (reported["outcome"], reported["reason"], reported["order_id"]) == (
        "pending",
        "processing_failed",
        "o-1",
    )
    assert said in reported["explanation"]
    assert office.page(link, HATS).status_code == 404


def test_a_failed_order_keeps_its_month_open_until_it_is_left_out(office: Office) -> None:
    old = (PLACED.replace(day=1) - timedelta(days=3)).isoformat()
    shop, _ = office.order(id="o-1", number="1042", placed_at=old)
    office.order(id="o-2", number="1043", placed_at=old)
    with office.database.write() as connection:
        for _ in range(queue.MAX_ATTEMPTS):
            queue.record_failure(connection, shop, "o-1", "BadMoney", NOW)
    wanted = {"month": LAST_MONTH}
    refused = office.call("POST", "/accounts/7/closings", wanted, SHOES)
    assert refused.json is not None
    assert (refused.status_code, refused.json["reason"]) == (409, "orders_failed")
    assert "Orders of that period that could not be processed (1): 1042." in refused.json["message"]
    with office.database.write() as connection:
        requeue_order(connection, shop, "o-2", DueReason.CONTACTS)
    for more in ({}, {"without_failed": True}):
        refused = office.call("POST", "/accounts/7/closings", wanted | more, SHOES)
        assert refused.json is not None
        assert (refused.status_code, refused.json["reason"]) == (409, "orders_waiting")
    office.reconcile(shop, "o-2")
    office.post("/accounts/7/closings", wanted | {"without_failed": True}, SHOES)
    assert [row["order"] for row in office.get("/orders/failed", SHOES)["rows"]] == ["1042"]
    office.reconcile(shop, "o-1")  # its cause is corrected
    assert office.get("/orders/failed", SHOES)["rows"] == []


def test_an_order_left_out_of_a_closed_month_is_never_attributed_and_says_why(office: Office) -> None:
    old = PLACED.replace(day=1) - timedelta(days=3)
    token = office.click(office.campaign(), "ana", old)
    shop, _ = office.order(id="o-1", number="1042", click=token, placed_at=old.isoformat())
    with office.database.write() as connection:
        for table in (schema.sales, schema.decisions):
            connection.execute(sa.delete(table))
        queue.record_failure(connection, shop, "o-1", "BadMoney", NOW)
    office.post("/accounts/7/closings", {"month": LAST_MONTH, "without_failed": True}, SHOES)
    office.reconcile(shop, "o-1")
    assert office.get(f"/orders/{shop}/o-1/decision", SHOES)["reason"] == "month_closed"
