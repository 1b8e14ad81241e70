"""The sales API: orders from any system, proved by the account's key."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from salepixel.orders.deliveries import read_delivery
from salepixel.orders.store import find_order
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


def test_an_order_is_stored_with_the_body_of_its_call(office: Office) -> None:
    body = json.dumps(_sent(number="#1", total=12.5, email="ana@example.com", click="x")).encode()
    assert office.post("/sales", body) == {"stored": 1}
    stored = _kept(office)
    order = stored.order
    assert (order.number, order.total, order.shipping) == ("#1", Decimal("12.5"), Decimal("2.50"))
    assert (order.paid, order.cancelled, order.click_token) == (True, False, "x")
    assert order.email_hash
    assert "ana" not in order.email_hash
    with office.database.read() as connection:
        delivery = read_delivery(connection, stored.delivery)
        assert delivery is not None
        assert delivery.body == body


def test_the_newest_version_of_an_order_counts(office: Office) -> None:
    later, latest = ((PLACED + timedelta(minutes=n)).isoformat() for n in (1, 2))
    assert office.post("/sales", _sent(updated_at=latest, refunded="3")) == {"stored": 1}
    answer = office.post("/sales", _sent(updated_at=later, refunded="1"))
    assert (answer["stored"], [item["reason"] for item in answer["not_stored"]]) == (0, ["older_than_known"])
    assert _kept(office).order.refunded == Decimal(3)
    assert office.post("/sales", _sent(updated_at=latest, refunded="4")) == {"stored": 1}
    assert _kept(office).order.refunded == Decimal(4), "of equal versions the one received later counts"


@pytest.mark.parametrize("reported", [{}, {"updated_at": PLACED.isoformat()}])
def test_a_retried_call_undoes_nothing_newer(office: Office, reported: dict[str, Any]) -> None:
    """A caller without an answer sends the same body again, even if the next one was stored meanwhile."""
    first, refund = _sent(**reported), _sent(**reported, refunded="4")
    assert [office.post("/sales", body)["stored"] for body in (first, refund, first, first)] == [1, 1, 0, 0]
    assert _kept(office).order.refunded == Decimal(4)
    assert office.post("/sales", _sent(**reported, refunded="0"))["stored"] == 1, "a different body is stored"


def test_the_last_version_of_an_order_in_a_call_counts(office: Office) -> None:
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


def test_numbers_are_parsed_as_decimals(office: Office) -> None:
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


def _lines(*lines: tuple[str, str | None, str | None]) -> list[dict[str, Any]]:
    """Lines of an amount, a net amount and what was refunded of it."""
    named = [{"amount": amount, "net": net, "refunded": back} for amount, net, back in lines]
    reported = [{name: text for name, text in line.items() if text is not None} for line in named]
    return [{"item": f"Item {number}", "quantity": 1, **line} for number, line in enumerate(reported, 1)]


@pytest.mark.parametrize(
    ("account", "reported", "rows"),
    [
        pytest.param(
            {},
            {"lines": _lines(("30.00", None, "30.00"), ("20.00", None, None))},
            [("Item 1", "30.00", "30.00"), ("Item 2", "20.00", "0.00")],
            id="refunded by line",
        ),
        pytest.param(
            {},
            {"lines": _lines(("30.00", None, "10.00"), ("20.00", None, None)), "refunded": "15.00"},
            [("Item 1", "30.00", "10.00"), ("Item 2", "20.00", "5.00")],
            id="refunded by line, and more of the order",
        ),
        pytest.param(
            {},
            {"lines": _lines(("30.00", None, None), ("20.00", None, None)), "refunded": "10.00"},
            [("Item 1", "30.00", "6.00"), ("Item 2", "20.00", "4.00")],
            id="refunded in proportion",
        ),
        pytest.param(
            {"tax": "net"},
            {"lines": _lines(("121.00", "100.00", "60.50"), ("20.00", None, None))},
            [("Item 1", "100.00", "50.00"), ("Item 2", "20.00", "0.00")],
            id="without tax, if reported",
        ),
        pytest.param(
            {"shipping": "included"},
            {"lines": _lines(("30.00", None, None)), "total": "40.00", "refunded": "20.00"},
            [("Item 1", "30.00", "15.00"), ("Shipping", "10.00", "5.00")],
            id="shipping is a line of its own",
        ),
        pytest.param(
            {"shipping": "included", "tax": "net"},
            {"lines": _lines(("0.00", "0.00", None))},
            [("Item 1", "0.00", "0.00")],
            id="zero total",
        ),
        pytest.param(
            {"shipping": "included"},
            {"lines": _lines(("5.00", None, "5.00"), ("5.00", None, None)), "total": "9.98"},
            [("Item 1", "4.99", "4.99"), ("Item 2", "4.99", "0.01")],
            id="a cent each above the total, and a line refunded whole",
        ),
        pytest.param(
            {"shipping": "included"},
            {"lines": _lines(*3 * [("0.0035", None, None)]), "total": "0.0105"},
            [("Item 1", "0.01", "0.00"), ("Item 2", "0.00", "0.00"), ("Item 3", "0.00", "0.00")],
            id="less than half cents each",
        ),
    ],
)
def test_lines_are_counted_as_the_account_chose(
    office: Office, account: dict[str, str], reported: dict[str, Any], rows: list[tuple[str, str, str]]
) -> None:
    assert office.call("PATCH", "/accounts/7", account).status_code == 200
    campaign = office.campaign()
    office.order(click=office.click(campaign, "c1"), **reported)
    report = office.get(f"/campaigns/{campaign['id']}/sales")
    assert sorted((row["item"], row["amount"], row["refunded"]) for row in report["rows"]) == rows
    assert report["totals"][0]["quantity"] == len(reported["lines"])


@pytest.mark.parametrize(
    ("reported", "why"),
    [
        ({"lines": _lines(("10.00", None, "10.01"))}, "more than `amount`"),
        ({"lines": _lines(("10.00", "11.00", None))}, "more than `amount`"),
        ({"lines": _lines(("10.00", None, "8.00")), "refunded": "7.99"}, "less than the sum of `refunded`"),
        ({"lines": _lines(("999999999999.9999", None, None))}, "too large for an order"),
        (
            {"lines": _lines(("1.00", None, None)), "total": "999999999999.9999"},
            "too large for an order",
        ),
        (
            {"lines": _lines(("5.00", None, None), ("5.00", None, None)), "total": "9.97"},
            "less than the sum of the lines",
        ),
    ],
)
def test_lines_that_do_not_add_up_are_refused(office: Office, reported: dict[str, Any], why: str) -> None:
    answer = office.call("POST", "/sales", _sent(**reported))
    assert answer.status_code == 422
    assert why in answer.text


def test_voucher_customer_and_utm_campaign_are_stored(office: Office) -> None:
    office.post("/sales", _sent())
    assert (_kept(office).order.voucher, _kept(office).order.customer) == ("", None)
    office.post("/sales", _sent(voucher="ANA-10", customer="u-7", utm_campaign="autumn"))
    order = _kept(office).order
    assert (order.voucher, order.customer, order.utm_campaign) == ("ANA-10", "u-7", "autumn")


@pytest.mark.parametrize(
    ("currency", "lines", "total"),
    [
        ("EUR", ["5.00", "5.00"], "9.99"),
        ("JPY", ["100", "100", "100"], "297"),
        ("EUR", ["0.005"] * 100, "0.50"),
    ],
)
def test_rounded_lines_add_up_to_the_total_and_can_be_refunded_fully(
    office: Office, currency: str, lines: list[str], total: str
) -> None:
    campaign = office.campaign()
    token = office.click(campaign, "ana")
    reported = [{"item": f"x{i}", "quantity": 1, "amount": amount} for i, amount in enumerate(lines)]
    office.order(click=token, currency=currency, total=total, refunded=total, lines=reported)
    (sums,) = office.get(f"/campaigns/{campaign['id']}/sales")["totals"]
    assert (sums["gross"], Decimal(sums["net"])) == (total, Decimal(0))


def test_goods_sold_by_weight_have_a_decimal_quantity_in_the_report(office: Office) -> None:
    campaign = office.campaign()
    token = office.click(campaign, "c1")
    for order_id, quantity in (("w-1", 0.5), ("w-2", "0.25"), ("w-3", 2)):
        lines = [{"item": "Cheese", "quantity": quantity, "amount": "10.00"}]
        office.order(id=order_id, number=order_id, click=token, lines=lines)
    report = office.get(f"/campaigns/{campaign['id']}/sales")
    assert sorted(row["quantity"] for row in report["rows"]) == [0.25, 0.5, 2]
    assert report["totals"][0]["quantity"] == 2.75


def test_an_invalid_order_does_not_prevent_storing_the_others(office: Office) -> None:
    orders = [
        _sent(id="o-1")["orders"][0],
        _sent(id="o-2", currency="euros", lines=[{"item": "Hat", "quantity": 0, "amount": "x"}])["orders"][0],
        _sent(id="o-3")["orders"][0],
        ["not an order"],
    ]
    answer = office.post("/sales", {"empId": 7, "orders": orders})
    assert answer["stored"] == 2
    named, nameless = answer["not_stored"]
    assert (named["position"], named["name"], named["reason"]) == (1, "o-2", "invalid")
    assert set(named["errors"]) == {"currency", "lines.0.quantity", "lines.0.amount"}
    assert (nameless["position"], nameless["name"], nameless["reason"]) == (3, "", "invalid")
    again = office.post("/sales", {"empId": 7, "orders": orders})
    assert [item["reason"] for item in again["not_stored"]] == ["repeated", "invalid", "repeated", "invalid"]


def test_a_call_without_a_valid_order_is_refused_with_every_error(office: Office) -> None:
    bad = [_sent(currency="euros")["orders"][0], _sent(lines=[])["orders"][0]]
    answer = office.call("POST", "/sales", {"empId": 7, "orders": bad})
    assert answer.status_code == 422
    assert answer.json is not None
    assert set(answer.json["errors"]) == {"orders.0.currency", "orders.1.lines"}


@pytest.mark.parametrize(
    "field", ["number", "updated_at", "total", "refunded", "email", "click", "voucher", "customer", "payment"]
)
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_field_of_an_order_counts_as_not_sent(office: Office, field: str, empty: str) -> None:
    assert office.post("/sales", _sent(**{field: empty})) == {"stored": 1}
    as_sent = _kept(office).order
    assert (as_sent.number, as_sent.total, as_sent.email_hash) == ("o-1", Decimal("10.00"), None)
    assert (as_sent.click_token, as_sent.customer, as_sent.refunded) == (None, None, Decimal(0))


@pytest.mark.parametrize("field", ["sku", "net", "refunded"])
def test_an_empty_field_of_a_line_counts_as_not_sent(office: Office, field: str) -> None:
    lines = [{"item": "Hat", "quantity": 1, "amount": "10.00", field: ""}]
    assert office.post("/sales", _sent(lines=lines)) == {"stored": 1}


def test_an_overlong_token_loses_no_order(office: Office) -> None:
    assert office.post("/sales", _sent(click="x" * 201)) == {"stored": 1}
    assert _kept(office).order.click_token


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("59.849999999999994", "59.85"),
        ("11.115", "11.12"),
        ("2.675", "2.68"),
        ("1e2", "100"),
        ('"7.005"', "7.01"),
    ],
)
def test_floating_point_errors_in_amounts_are_rounded_away(office: Office, written: str, amount: str) -> None:
    office.post("/sales", json.dumps(_sent()).replace('"10.00"', written).encode())
    assert _kept(office).order.total == Decimal(amount)


def test_a_refund_without_updated_at_counts_after_a_version_that_had_one(office: Office) -> None:
    later = (PLACED + timedelta(minutes=30)).isoformat()
    office.post("/sales", _sent(updated_at=later))
    assert office.post("/sales", _sent(refunded="4")) == {"stored": 1}
    assert _kept(office).order.refunded == Decimal(4)
    assert _kept(office).order.updated_at == PLACED + timedelta(minutes=30)
    answer = office.post("/sales", _sent(updated_at=PLACED.isoformat(), refunded="1"))
    assert answer["not_stored"][0]["reason"] == "older_than_known"
    assert _kept(office).order.refunded == Decimal(4)


@pytest.mark.parametrize(
    ("item", "kept"),
    [
        ("Red\u00a0\u200bshoes\n", "Red shoes"),
        ("x" * 300, "x" * 200),
        ("Set 👨\u200d👩\u200d👧", "Set 👨\u200d👩\u200d👧"),
    ],
)
def test_no_item_name_loses_an_order(office: Office, item: str, kept: str) -> None:
    lines = [{"item": item, "quantity": 1, "amount": "10.00"}]
    office.call("POST", "/sales", _sent(lines=lines))
    assert [line.item for line in _kept(office).order.lines] == [kept]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (r"Tea \ud83d", "Tea \ufffd"),
        (r"\ude00 Tea", "\ufffd Tea"),
        (r"\uD83D\uD83D\uDE00", "\ufffd\U0001f600"),
        (r"Tea \ud83d\ude00", "Tea \U0001f600"),
        (r"C:\\ud83d", r"C:\ud83d"),
        (r"\\\ud83d\n", "\\\ufffd"),
    ],
)
def test_half_a_surrogate_pair_loses_no_order(office: Office, written: str, kept: str) -> None:
    """JavaScript cuts texts between the halves of an emoji, and JSON.stringify writes the half."""
    body = json.dumps(_sent(lines=[{"item": "NAME", "quantity": 1, "amount": 1}]))
    assert office.post("/sales", body.replace("NAME", written).encode()) == {"stored": 1}
    assert _kept(office).order.lines[0].item == kept


def test_a_placeholder_is_not_an_order_id(office: Office) -> None:
    answer = office.call("POST", "/sales", _sent(id="undefined"))
    assert answer.status_code == 422
    assert "placeholder" in answer.text
