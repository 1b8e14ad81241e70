"""Every state of a Saleor order, sent to the webhook in sequence and backwards."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kit.saleor import Line, StandInSaleor
from salepixel.accounts import store as accounts
from salepixel.clicks.tokens import ClickSealer
from salepixel.orders.requeue import requeue_account
from salepixel.report import sales
from salepixel_worker.sweep import reconcile_due
from tests.make import CAMPAIGN, NOON, click_at
from tests.plugin.saleor.conftest import Plugin, add_campaign

DAY = timedelta(days=1)
PLACED = NOON - 7 * DAY  # so that all that happens to an order is in the past
LINES = [Line("Red shoes", 2, Decimal("84.70"), "R-1"), Line("Laces", 1, Decimal("36.30"))]

# Each state as (days after the order, the stand-in shop's arguments, the changes of its JSON).
State = tuple[int, dict[str, Any], dict[str, Any]]
CREATED: State = (0, {"paid": False, "status": "UNCONFIRMED"}, {})
CONFIRMED: State = (0, {"paid": False}, {})
PART_PAID: State = (
    1,
    {"paid": False},
    {"chargeStatus": "PARTIAL", "totalCharged": {"amount": 50.0, "currency": "EUR"}},
)
PAID: State = (2, {}, {})
EDITED: State = (3, {"lines": LINES[:1]}, {})
PART_REFUNDED: State = (4, {"refunded": Decimal("60.50")}, {})
REFUNDED: State = (5, {"refunded": Decimal("121.00")}, {})
CANCELLED: State = (6, {"paid": False, "status": "CANCELED"}, {})
CANCELLED_PAID: State = (6, {"status": "CANCELED"}, {})
EXPIRED: State = (0, {"paid": False, "status": "EXPIRED"}, {})
DRAFT: State = (0, {"paid": False, "status": "DRAFT"}, {})
FREE: State = (0, {"paid": False, "lines": [Line("Sample", 1, Decimal(0))]}, {})
VOUCHER: State = (2, {"lines": [Line("Red shoes", 2, Decimal("74.70"))]}, {"voucherCode": "TEN"})
GIFT_CARD: State = (2, {}, {"total": {"currency": "EUR", "gross": {"amount": 60.5}}})


def money(charged: float, refunded: float) -> dict[str, Any]:
    """What the shop reports about the money if more happened than one charge of the total."""
    return {
        "totalCharged": {"amount": charged, "currency": "EUR"},
        "totalRefunded": {"amount": refunded},
    }


OVERCHARGED: State = (3, {}, {"chargeStatus": "OVERCHARGED"} | money(171.0, 0))
CORRECTED: State = (4, {}, money(121.0, 50.0))
CORRECTED_REFUNDED: State = (5, {"refunded": Decimal("21.00")}, money(100.0, 71.0))
EDITED_PAID: State = (3, {"lines": LINES[:1]}, {"chargeStatus": "OVERCHARGED"} | money(121.0, 0))
DIFFERENCE_BACK: State = (4, {"lines": LINES[:1]}, money(84.7, 36.3))
FIRST_CARD: State = (1, {"paid": False}, {"chargeStatus": "PARTIAL"} | money(50.0, 0))
FIRST_CARD_BACK: State = (2, {"paid": False}, money(0, 50.0))
SECOND_CARD: State = (3, {"paid": False}, {"chargeStatus": "PARTIAL"} | money(71.0, 50.0))
BOTH_CARDS: State = (4, {}, money(121.0, 50.0))
A_PART_BACK: State = (5, {"refunded": Decimal("21.00")}, {"chargeStatus": "PARTIAL"} | money(100.0, 71.0))
ALL_BACK: State = (5, {"lines": LINES[:1], "refunded": Decimal("84.70")}, money(0, 121.0))

WAITS: list[Any] = []
SOLD: list[Any] = [("121.00", "0.00", {})]

LIVES = [
    ("created", [CREATED], WAITS, SOLD),
    ("confirmed", [CREATED, CONFIRMED], WAITS, SOLD),
    ("part paid", [CREATED, CONFIRMED, PART_PAID], WAITS, SOLD),
    ("paid", [CREATED, CONFIRMED, PART_PAID, PAID], SOLD, SOLD),
    ("edited", [CREATED, PAID, EDITED], *2 * ([("84.70", "0.00", {})],)),
    ("part refunded", [PAID, PART_REFUNDED], *2 * ([("121.00", "60.50", {4: "60.50"})],)),
    ("refunded", [PAID, PART_REFUNDED, REFUNDED], *2 * ([("121.00", "121.00", {4: "60.50", 5: "60.50"})],)),
    ("cancelled unpaid", [CREATED, CANCELLED], WAITS, [("121.00", "121.00", {6: "121.00"})]),
    ("cancelled when paid", [PAID, CANCELLED_PAID], *2 * ([("121.00", "121.00", {6: "121.00"})],)),
    (
        "part refunded, then cancelled",
        [PAID, PART_REFUNDED, (6, {"status": "CANCELED", "refunded": Decimal("60.50")}, {})],
        *2 * ([("121.00", "121.00", {4: "60.50", 6: "60.50"})],),
    ),
    ("expired", [CREATED, EXPIRED], WAITS, [("121.00", "121.00", {0: "121.00"})]),
    ("draft", [DRAFT], WAITS, WAITS),
    ("draft that was completed", [DRAFT, CREATED, PAID], SOLD, SOLD),
    ("given away", [FREE], *2 * ([("0.00", "0.00", {})],)),
    ("with a voucher", [CREATED, VOUCHER], *2 * ([("74.70", "0.00", {})],)),
    ("half by gift card", [GIFT_CARD], SOLD, SOLD),
    ("charged too much, and that given back", [PAID, OVERCHARGED, CORRECTED], SOLD, SOLD),
    (
        "the same, then a part of the total",
        [PAID, OVERCHARGED, CORRECTED, CORRECTED_REFUNDED],
        *2 * ([("121.00", "21.00", {5: "21.00"})],),
    ),
    (
        "a line removed, and its money given back",
        [PAID, EDITED_PAID, DIFFERENCE_BACK],
        *2 * ([("84.70", "0.00", {})],),
    ),
    (
        "the same in another sequence: first the money, then the line",
        [PAID, (3, {"refunded": Decimal("36.30")}, {}), DIFFERENCE_BACK],
        *2 * ([("84.70", "0.00", {})],),
    ),
    (
        "the same, then all of the rest",
        [PAID, EDITED_PAID, DIFFERENCE_BACK, ALL_BACK],
        *2 * ([("84.70", "84.70", {5: "84.70"})],),
    ),
    (
        "a first charge given back, then a second one that is no more than the rest",
        [CREATED, FIRST_CARD, FIRST_CARD_BACK, SECOND_CARD],
        WAITS,
        [("121.00", "50.00", {2: "50.00"})],
    ),
    ("the same, then paid in full", [FIRST_CARD, FIRST_CARD_BACK, SECOND_CARD, BOTH_CARDS], SOLD, SOLD),
    (
        "the same, then a part refunded",
        [FIRST_CARD, FIRST_CARD_BACK, SECOND_CARD, BOTH_CARDS, A_PART_BACK],
        *2 * ([("121.00", "21.00", {5: "21.00"})],),
    ),
    (
        "not reported between paid and part refunded",
        [CREATED, A_PART_BACK],
        *2 * ([("121.00", "21.00", {5: "21.00"})],),
    ),
    ("a refund that failed", [PAID, PART_REFUNDED, (5, {}, {})], SOLD, SOLD),
]


@pytest.mark.parametrize("backwards", [False, True], ids=["as sent", "backwards"])
@pytest.mark.parametrize(
    ("states", "paid", "placed"), [life[1:] for life in LIVES], ids=[life[0] for life in LIVES]
)
def test_each_order_history_has_its_sums_and_days(
    plugin: Plugin,
    installed: StandInSaleor,
    sealer: ClickSealer,
    states: Sequence[State],
    paid: list[Any],
    placed: list[Any],
    backwards: bool,
) -> None:
    """`paid`, `placed`: (sold, refunded, refunded by day) of the order, by the account's `sale_when`."""
    add_campaign(plugin)
    token = sealer.seal(click_at(PLACED - DAY))
    deliveries = list(enumerate(states))
    for number, (day, reported, changes) in reversed(deliveries) if backwards else deliveries:
        options: dict[str, Any] = {"token": token, "created": PLACED, "updated": at(day), **reported}
        order = installed.order("1", options.pop("lines", LINES), **options)
        issued = at(day) + timedelta(seconds=number)
        answer = installed.deliver(plugin.url, "order_updated", order | changes, issued=issued)
        assert answer.status_code == 200, answer.text
        reconcile_due(plugin.database, sealer, 9)
    assert report(plugin) == paid
    change = {"sale_when": "placed"}
    with plugin.database.write() as connection:
        accounts.change_account(connection, 1, change)
        requeue_account(connection, 1)
    reconcile_due(plugin.database, sealer, 9)
    assert report(plugin) == placed


def at(day: int) -> datetime:
    return PLACED + day * DAY


def report(plugin: Plugin) -> list[tuple[str, str, dict[int, str]]]:
    """Sold, refunded, and refunded by day after the order, of the order if it is a sale."""
    with plugin.database.read() as connection:
        rows = [row.sale for row in sales.all_sales(connection, CAMPAIGN)]
        totals = sales.sale_totals(connection, CAMPAIGN)
    by_day: dict[int, Decimal] = {}
    for refund in (refund for row in rows for refund in row.refunds):
        day = (refund.at - PLACED).days
        by_day[day] = by_day.get(day, Decimal(0)) + refund.amount
    reported = {day: str(amount) for day, amount in sorted(by_day.items())}
    return [(str(sums.gross), str(sums.refunded), reported) for sums in totals]
