"""Orders that could not be decided: shown with their error, tried again, each account its own."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from salepixel.storage import queue, schema
from tests.plugin.conftest import ALL, HATS, SHOES, Office

NOW = datetime.now(UTC)


def fail(office: Office, emp_id: int, order_id: str, times: int = 1) -> str:
    """An order that failed so often; gives its shop."""
    shop, _ = office.order(emp_id, id=order_id, number=f"n-{order_id}")
    with office.database.write() as connection:
        for _ in range(times):
            queue.record_failure(connection, shop, order_id, "BadMoney: bad_amount (money.py:48)", NOW)
    return shop


def due(office: Office) -> set[str]:
    with office.database.read() as connection:
        return {order_id for _, order_id in queue.due_orders(connection, 100)}


def test_what_failed_is_listed_with_its_error(office: Office) -> None:
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
        "failed_at": NOW.isoformat().replace("+00:00", "Z"),
        "next_attempt_at": next_attempt,
    }
    page = office.page("/orders/failed", SHOES).text
    assert "BadMoney: bad_amount" in page
    assert "n-o-1" in page
    assert "Orders that could not be decided: 1" in office.page("/", SHOES).text
    assert "could not be decided" not in office.page("/", HATS).text


def test_a_parked_order_says_so_in_both_languages(office: Office) -> None:
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
    assert "All orders can be decided" in office.page("/orders/failed", SHOES).text


def test_a_long_list_is_read_page_by_page(office: Office) -> None:
    for n in range(3):
        fail(office, 7, f"o-{n}")
    first = office.get("/orders/failed?limit=2", SHOES)
    second = office.get(f"/orders/failed?limit=2&cursor={first['next']}", SHOES)
    assert [row["order_id"] for row in first["rows"] + second["rows"]] == ["o-2", "o-1", "o-0"]
    assert second["next"] is None
    assert office.call("GET", "/orders/failed?cursor=x", key=SHOES).status_code == 422


def test_health_and_metrics_tell_of_the_queue(office: Office) -> None:
    fail(office, 7, "retried")
    fail(office, 7, "parked", queue.MAX_ATTEMPTS)
    office.order(id="waiting")
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with office.database.write() as connection:
        its = schema.orders.c.id == "waiting"
        queue.mark_due(connection, its)
        connection.execute(sa.update(schema.orders).where(its).values(next_attempt_at=hour_ago))
    orders = office.browser.get("/healthz").get_json()["orders"]
    oldest = orders.pop("oldest_due_seconds")
    assert orders == {"due": 1, "retrying": 1, "parked": 1}
    assert oldest >= 3600
    assert office.browser.get("/saleor/nothing").status_code == 404
    office.call("GET", "/accounts", key="no key of ours")
    answer = office.browser.get("/metrics")
    assert answer.content_type.startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        "salepixel_orders_due 1.0",
        "salepixel_orders_retrying 1.0",
        "salepixel_orders_parked 1.0",
        'salepixel_plugin_up{part="database"} 1.0',
        'salepixel_plugin_up{part="redis"} 0.0',
        'salepixel_rejections_total{door="key",reason="bad_key"} 1.0',
    ):
        assert line in lines
