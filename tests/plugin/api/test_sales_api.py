"""The sales API: orders from any system, proved by the account's key."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.storage.orders import find_order
from salepixel.storage.schema import deliveries
from tests.plugin.conftest import PLACED, Office


def _sent(**changes: Any) -> dict[str, Any]:
    order = {
        "id": "o-1",
        "currency": "EUR",
        "placed_at": PLACED.isoformat(),
        "lines": [{"item": "Hat", "quantity": 1, "amount": "10.00"}],
    }
    return {"empId": 7, "orders": [order | changes]}


def _kept(office: Office) -> Any:
    shop = office.get("/shops")["shops"][-1]["id"]
    with office.database.read() as connection:
        stored = find_order(connection, shop, "o-1")
    assert stored is not None
    return stored


def test_an_order_is_kept_with_the_body_that_brought_it(office: Office) -> None:
    body = json.dumps(_sent(number="#1", total=12.5, email="ana@example.com", click="x")).encode()
    assert office.post("/sales", body) == {"stored": 1}
    stored = _kept(office)
    order = stored.order
    assert (order.number, order.total, order.shipping) == ("#1", Decimal("12.5"), Decimal("2.50"))
    assert (order.paid, order.cancelled, order.click_token) == (True, False, "x")
    assert order.email_hash
    assert "ana" not in order.email_hash
    with office.database.read() as connection:
        query = sa.select(deliveries.c.body).where(deliveries.c.digest == stored.delivery)
        assert connection.scalar(query) == body


def test_the_newest_version_of_an_order_counts(office: Office) -> None:
    later, latest = ((PLACED + timedelta(minutes=n)).isoformat() for n in (1, 2))
    assert office.post("/sales", _sent(updated_at=latest, refunded="3")) == {"stored": 1}
    assert office.post("/sales", _sent(updated_at=later, refunded="1")) == {"stored": 0}
    assert _kept(office).order.refunded == Decimal(3)
    assert office.post("/sales", _sent(updated_at=latest, refunded="4")) == {"stored": 1}
    assert _kept(office).order.refunded == Decimal(4), "of equal versions the one received later counts"


def test_an_order_twice_in_one_call_counts_as_it_stands_last(office: Office) -> None:
    both = _sent(refunded="1")["orders"] + _sent(refunded="2")["orders"]
    office.post("/sales", {"empId": 7, "orders": both})
    assert _kept(office).order.refunded == Decimal(2)


def test_the_same_call_twice_gives_the_same_report(office: Office) -> None:
    campaign = office.campaign()
    token = office.click(campaign, "c1")
    for _ in range(2):
        office.order(click=token)
    report = office.get(f"/campaigns/{campaign['id']}/sales")
    assert [row["order"] for row in report["rows"]] == ["1042"]


def test_numbers_are_read_as_decimals(office: Office) -> None:
    for written in ("39.80", "39.8", '"39.80"', "0.1", "999999999999.99"):
        body = json.dumps(_sent()).replace('"10.00"', written).encode()
        office.post("/sales", body)
        assert _kept(office).order.lines[0].amount == Decimal(written.strip('"'))


def test_a_refund_and_a_cancellation_reach_the_report(office: Office) -> None:
    campaign = office.campaign()
    token = office.click(campaign, "c1")
    for change, status, refunded in (
        ({"refunded": "9.80"}, "confirmed", "9.80"),
        ({"refunded": "39.80"}, "refunded", "39.80"),
        ({"cancelled": True}, "cancelled", "39.80"),
    ):
        office.order(click=token, **change)
        row = office.get(f"/campaigns/{campaign['id']}/sales")["rows"][0]
        assert (row["status"], row["refunded"]) == (status, refunded)


def test_a_thousand_orders_fit_in_a_call(office: Office) -> None:
    orders = [_sent(id=f"o{n}")["orders"][0] for n in range(1000)]
    assert office.post("/sales", {"empId": 7, "orders": orders}) == {"stored": 1000}
