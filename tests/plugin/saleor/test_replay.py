"""Recorded deliveries give the same orders in any order and any number of times: those of the shop."""

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.storage.orders import get_order
from salepixel.storage.schema import deliveries, orders
from salepixel.storage.shops import Shop
from tests.plugin.saleor import captures
from tests.plugin.saleor.captures import Captured
from tests.plugin.saleor.conftest import Plugin


def replay(plugin: Plugin, sequence: Sequence[Captured]) -> None:
    client = plugin.client
    for captured in sequence:
        answer = client.post("/saleor/webhooks", data=captured.body, headers=captured.headers)
        expected = 200 if captured.recipient == captures.APP else 401
        assert answer.status_code == expected, captured.name


def read_orders(plugin: Plugin) -> dict[str, tuple[Any, ...]]:
    """The orders table, without what says when and by which delivery."""
    columns = [
        column for column in orders.c if column.name not in ("shop_id", "delivery", "issued_at", "snapshot")
    ]
    with plugin.database.read() as connection:
        rows = connection.execute(sa.select(orders.c.shop_id, *columns).order_by(orders.c.id)).all()
        found = {}
        for row in rows:
            stored = get_order(connection, row.shop_id, row.id)
            assert stored is not None
            snapshot = stored.order
            found[row.id] = (*row[1:], snapshot.version, snapshot)
    return found


def shuffled(seed: int) -> list[Captured]:
    twice = [*captures.SIGNED, *captures.SIGNED]
    random.Random(seed).shuffle(twice)  # noqa: S311  # not a secret
    return twice


@pytest.mark.parametrize(
    "sequence",
    [
        pytest.param(captures.SIGNED, id="as recorded"),
        pytest.param(captures.SIGNED[::-1], id="backwards"),
        pytest.param(captures.SIGNED * 2, id="twice over"),
        *(pytest.param(shuffled(seed), id=f"twice and shuffled, seed {seed}") for seed in range(4)),
    ],
)
def test_any_replay_gives_the_orders_of_the_shop(
    plugin: Plugin, captured_shop: Shop, sequence: list[Captured]
) -> None:
    replay(plugin, sequence)
    truth = captures.final_orders()
    found = read_orders(plugin)
    assert set(found) == set(truth)
    for order_id, shop_order in truth.items():
        order = found[order_id][-1]
        assert order.number == shop_order["number"]
        assert order.updated_at.isoformat() == shop_order["updatedAt"]
        assert order.total == shop_order["total"]["gross"]["amount"]
        assert order.refunded == shop_order["totalRefunded"]["amount"]
        refunded_or_paid = shop_order["isPaid"] or shop_order["totalRefunded"]["amount"] > 0
        assert order.paid == refunded_or_paid
        assert order.cancelled == (shop_order["status"] == "CANCELED")
        assert [(line.id, line.quantity, line.amount, line.sku) for line in order.lines] == [
            (line["id"], line["quantity"], line["totalPrice"]["gross"]["amount"], line["productSku"])
            for line in shop_order["lines"]
        ]
        assert order.currency == shop_order["total"]["currency"]
        assert sum(line.amount for line in order.lines) + order.shipping >= order.total - Decimal("0.01")
    with plugin.database.read() as connection:
        kept = connection.execute(sa.select(sa.func.count()).select_from(deliveries)).scalar()
    # Retries repeat a delivery byte for byte; each is kept once.
    ours = {(item.headers["Saleor-Event"], item.body) for item in sequence if item.recipient == captures.APP}
    assert kept == len(ours) == 41


def test_two_replays_leave_the_same_table(plugin: Plugin, captured_shop: Shop) -> None:
    replay(plugin, captures.SIGNED)
    first = read_orders(plugin)
    replay(plugin, shuffled(9))
    assert read_orders(plugin) == first
