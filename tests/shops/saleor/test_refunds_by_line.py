"""Refunds of each line of a Saleor order, by version, and the time that parsing takes."""

from decimal import Decimal
from typing import Any

import pytest

from salepixel.money.amounts import allocate
from salepixel.orders.sold import refunded_by_line
from salepixel.shops.saleor import order as saleor_order
from salepixel.shops.saleor.order import read_order
from tests.plugin.saleor import recordings
from tests.plugin.saleor.captures import hash_address

TEE, TEAM = 0, 1


def final(name: str, number: str, **changes: Any) -> dict[str, Any]:
    """An order as the shop had it in the end: three Tee 64.95 and a Team 43.30."""
    return {**recordings.scenarios()[name].final[number], **changes}


def grant(order: dict[str, Any], place: int, quantity: int, amount: float, status: str) -> dict[str, Any]:
    line = {"quantity": quantity, "orderLine": {"id": order["lines"][place]["id"]}}
    return {
        "status": status,
        "amount": {"amount": Decimal(str(amount))},
        "shippingCostsIncluded": False,
        "lines": [line],
    }


def by_line(order: dict[str, Any]) -> list[str]:
    return [str(amount) for amount in refunded_by_line(read_order(order, None, hash_address))]


@pytest.mark.parametrize(
    ("tee", "team", "expected"),
    [
        pytest.param("NONE", "SUCCESS", ["0.00", "43.30"], id="the second was paid out"),
        pytest.param("FAILURE", "SUCCESS", ["0.00", "43.30"], id="the first failed"),
        pytest.param("PENDING", "NONE", ["0.00", "43.30"], id="the first is pending, the second by hand"),
        pytest.param("NONE", "NONE", ["14.43", "28.87"], id="the refunded line is not reported"),
        pytest.param("SUCCESS", "NONE", ["21.65", "21.65"], id="the first, and a part of the second"),
    ],
)
def test_a_paid_granted_refund_belongs_to_its_lines(tee: str, team: str, expected: list[str]) -> None:
    order = final("bk_two_granted_second_paid", "53")
    order["grantedRefunds"] = [grant(order, TEE, 1, 21.65, tee), grant(order, TEAM, 1, 43.30, team)]
    assert by_line(order) == expected


@pytest.mark.parametrize(
    ("name", "number", "quantity", "amount", "expected"),
    [
        ("dd_legacy_fulfilment_refund_1_tee", "62", 1, "21.65", ["21.65", "0.00"]),
        ("de_legacy_return_2_tee_with_refund", "63", 2, "43.30", ["43.30", "0.00"]),
    ],
)
def test_a_refund_of_a_fulfilment_belongs_to_its_lines(
    name: str, number: str, quantity: int, amount: str, expected: list[str]
) -> None:
    order = final(name, number)
    line = {"quantity": quantity, "orderLine": {"id": order["lines"][TEE]["id"]}}
    shipped = {"totalRefundedAmount": None, "shippingRefundedAmount": None, "lines": [line]}
    refunded = {"amount": Decimal(amount)}
    order["fulfillments"] = [shipped, {**shipped, "totalRefundedAmount": refunded}]
    assert by_line(order) == expected


def test_many_granted_refunds_of_many_lines_take_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery of 3,500 lines with 15,000 granted refunds blocked a thread for a minute."""
    spread: list[int] = []

    def counted(total: int, weights: list[int]) -> list[int]:
        spread.append(len(weights))
        return allocate(total, weights)

    monkeypatch.setattr(saleor_order, "allocate", counted)

    def cost(size: int) -> int:
        order = final("br_granted_amount_only", "58")
        line = order["lines"][TEE]
        order["lines"] = [{**line, "id": f"line {place}"} for place in range(size)]
        order["grantedRefunds"] = [grant(order, place % size, 1, 0.01, "NONE") for place in range(4 * size)]
        spread.clear()
        read_order(order, None, hash_address)
        return sum(spread)

    assert cost(400) < 5 * cost(100)
