"""Recorded deliveries give the shop's orders, in any sequence and any number of times."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.orders.store import get_order
from salepixel.shops.shop import Shop
from salepixel.storage.database import Database
from salepixel.storage.schema import deliveries, orders
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


def assert_orders_of_the_shop(plugin: Plugin) -> None:
    truth = captures.final_orders()
    found = read_orders(plugin)
    assert set(found) == set(truth)
    for order_id, theirs in truth.items():
        ours = found[order_id][-1]
        refunded = theirs["totalRefunded"]["amount"]
        assert ours.number == theirs["number"]
        assert ours.updated_at.isoformat() == theirs["updatedAt"]
        assert (ours.currency, ours.total) == (
            theirs["total"]["currency"],
            theirs["total"]["gross"]["amount"],
        )
        assert ours.refunded == refunded
        # In these recordings only paid orders were refunded; isPaid is false again after a refund.
        assert ours.paid == (theirs["isPaid"] or refunded > 0)
        assert ours.cancelled == (theirs["status"] == "CANCELED")
        assert [(line.id, line.quantity, line.amount, line.sku) for line in ours.lines] == [
            (line["id"], line["quantity"], line["totalPrice"]["gross"]["amount"], line["productSku"])
            for line in theirs["lines"]
        ]
    with plugin.database.read() as connection:
        kept = connection.execute(sa.select(sa.func.count()).select_from(deliveries)).scalar()
    # Retries repeat a delivery byte for byte; each is kept once.
    to_us = [item for item in captures.SIGNED if item.recipient == captures.APP]
    assert kept == len({(item.headers["Saleor-Event"], item.body) for item in to_us}) == 41


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
    assert_orders_of_the_shop(plugin)


def test_two_replays_give_the_same_table(plugin: Plugin, captured_shop: Shop) -> None:
    replay(plugin, captures.SIGNED)
    first = read_orders(plugin)
    replay(plugin, shuffled(9))
    assert read_orders(plugin) == first


def replay_at_the_same_time(plugin: Plugin) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(replay, plugin, shuffled(seed)) for seed in range(4)]:
            done.result()


def test_deliveries_at_the_same_time_give_the_orders_of_the_shop(plugin: Plugin, captured_shop: Shop) -> None:
    replay_at_the_same_time(plugin)
    assert_orders_of_the_shop(plugin)


class TestOnPostgresql:
    """The same on the other database."""

    @pytest.fixture
    def sqlite(self, postgresql_database: Database) -> Database:
        return postgresql_database

    def test_deliveries_at_the_same_time(self, plugin: Plugin, captured_shop: Shop) -> None:
        replay_at_the_same_time(plugin)
        assert_orders_of_the_shop(plugin)
