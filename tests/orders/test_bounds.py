"""An order that could not be stored or decided is refused with a reason; up to the limits it is accepted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from salepixel.money.amounts import MAX_AMOUNT
from salepixel.orders.bounds import MAX_LINES, MAX_REFERENCE_BYTES, OutOfBounds, check_order
from salepixel.orders.order import OrderLine
from tests.make import NOON, order

CENT = Decimal("0.01")
LONG = "é" * (MAX_REFERENCE_BYTES // 2)
LINE = order().lines[0]


def line(**changes: Any) -> dict[str, Any]:
    return {"lines": (replace(LINE, **changes),)}


def times(at: datetime) -> dict[str, Any]:
    return {"placed_at": at, "updated_at": at, "issued_at": at}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"total": MAX_AMOUNT - CENT},
        {"refunded": MAX_AMOUNT - CENT},
        {"charged": MAX_AMOUNT - CENT},
        line(amount=MAX_AMOUNT - CENT, net=MAX_AMOUNT - CENT, refunded=MAX_AMOUNT - CENT),
        line(quantity=Decimal(10**9)),
        line(id=LONG, sku=LONG),
        {"id": LONG, "number": LONG, "customer": LONG, "voucher": LONG, "utm_campaign": LONG},
        times(datetime(2000, 1, 1, tzinfo=UTC)),
        times(NOON + timedelta(days=31)),
        {"lines": ()},
    ],
)
def test_an_order_at_the_limits_is_accepted(changes: dict[str, Any]) -> None:
    at_limit = order(**changes)
    assert check_order(at_limit, NOON) is at_limit


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"total": MAX_AMOUNT}, "bad_amount"),
        ({"total": Decimal("999999999999.995")}, "bad_amount"),  # is rounded up to it
        ({"total": Decimal("999999999999.5"), "currency": "JPY"}, "bad_amount"),
        ({"total": Decimal(-1)}, "bad_amount"),
        ({"total": Decimal("NaN")}, "bad_amount"),
        ({"total": Decimal("1E+999999")}, "bad_amount"),
        ({"refunded": MAX_AMOUNT}, "bad_amount"),
        ({"charged": MAX_AMOUNT}, "bad_amount"),
        ({"deducted": MAX_AMOUNT}, "bad_amount"),
        ({"covers": MAX_AMOUNT}, "bad_amount"),
        ({"by_gift_card": MAX_AMOUNT}, "bad_amount"),
        (line(granted=MAX_AMOUNT), "bad_amount"),
        ({"replaces": LONG + "a"}, "long_reference"),
        ({"shipping": MAX_AMOUNT - CENT}, "bad_amount"),  # with the lines
        (line(net=MAX_AMOUNT), "bad_amount"),
        (line(refunded=Decimal("999999999999.9999")), "bad_amount"),
        ({"lines": (replace(LINE, amount=MAX_AMOUNT / 2),) * 2}, "bad_amount"),
        ({"lines": (replace(LINE, refunded=MAX_AMOUNT / 2),) * 2}, "bad_amount"),
        (line(quantity=Decimal(10**9 + 1)), "bad_quantity"),
        (line(quantity=Decimal(-1)), "bad_quantity"),
        (line(id=LONG + "a"), "long_reference"),
        (line(sku=LONG + "a"), "long_reference"),
        ({"id": LONG + "a"}, "long_reference"),
        ({"number": LONG + "a"}, "long_reference"),
        ({"customer": LONG + "a"}, "long_reference"),
        ({"utm_campaign": LONG + "a"}, "long_reference"),
        ({"voucher": "ΐ" * 300}, "long_reference"),  # 600 bytes, 1,800 in capital letters
        ({"placed_at": datetime(1, 1, 1, tzinfo=UTC)}, "bad_time"),
        ({"placed_at": datetime(1999, 12, 31, 23, 59, tzinfo=UTC)}, "bad_time"),
        ({"placed_at": datetime(9999, 12, 31, 23, 59, tzinfo=UTC)}, "bad_time"),
        ({"updated_at": datetime(9999, 12, 31, tzinfo=UTC)}, "bad_time"),
        ({"issued_at": NOON + timedelta(days=31, seconds=1)}, "bad_time"),
        ({"lines": (OrderLine("L", "", Decimal(1), Decimal(0)),) * (MAX_LINES + 1)}, "too_many_lines"),
    ],
)
def test_an_order_beyond_the_limits_has_a_named_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(OutOfBounds) as refused:
        check_order(order(**changes), NOON)
    assert refused.value.reason == reason
