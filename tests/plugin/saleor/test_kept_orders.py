"""Replacements, drafts and deliveries without an order, from the webhook to the decision."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from kit.saleor import Line, StandInSaleor
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.orders import store as orders
from salepixel.orders.deliveries import list_unread, read_delivery
from salepixel.report import sales
from salepixel.storage import schema
from salepixel_worker.sweep import reconcile_due
from tests.make import CAMPAIGN, NOON, click_at
from tests.plugin.saleor.conftest import Plugin, mail_buyers

HOUR = timedelta(hours=1)
LINES = [Line("Red shoes", 2, Decimal("84.70"), "R-1"), Line("Laces", 1, Decimal("36.30"))]


def decisions(plugin: Plugin) -> dict[str, str]:
    query = sa.select(schema.orders.c.number, schema.decisions.c.reason).join_from(
        schema.orders, schema.decisions, schema.decisions.c.order_id == schema.orders.c.id
    )
    with plugin.database.read() as connection:
        return {row.number: row.reason for row in connection.execute(query)}


def sums(plugin: Plugin) -> list[tuple[str, str]]:
    with plugin.database.read() as connection:
        return [(str(one.gross), str(one.refunded)) for one in sales.sale_totals(connection, CAMPAIGN)]


def test_a_replacement_is_not_a_second_purchase(
    plugin: Plugin, installed: StandInSaleor, sealer: ClickSealer, keys: Keys
) -> None:
    mail_buyers(plugin, keys)
    token = sealer.seal(click_at(NOON - HOUR))
    bought = installed.order("64", LINES, token=token, created=NOON)
    replaced = installed.order("65", LINES[1:], token=token, created=NOON + HOUR)
    replaced |= {"original": bought["id"], "checkoutId": None}
    for order in (replaced, bought):
        assert installed.deliver(plugin.url, "order_updated", order).status_code == 200
    reconcile_due(plugin.database, sealer, 9)
    assert decisions(plugin) == {"64": "click_token_on_order", "65": "replacement"}
    assert sums(plugin) == [("121.00", "0.00")]
    with plugin.database.read() as connection:
        stored = orders.get_order(connection, plugin.shop(installed.api_url).id, replaced["id"])
    assert stored is not None
    assert stored.order.replaces == bought["id"]


DRAFTED, CLICKED, COMPLETED = NOON - timedelta(days=2), NOON - HOUR, NOON


def draft_deliveries(installed: StandInSaleor, token: str) -> list[tuple[str, dict[str, Any], datetime]]:
    made = {"token": token, "created": DRAFTED}
    return [
        ("order_metadata_updated", {**made, "status": "DRAFT", "paid": False}, COMPLETED - HOUR / 2),
        ("order_confirmed", {**made, "paid": False}, COMPLETED),
        ("order_created", {**made, "paid": False}, COMPLETED),
        ("order_fully_paid", made, COMPLETED + HOUR),
    ]


@pytest.mark.parametrize("sequence", [(0, 1, 2, 3), (3, 2, 1, 0), (3, 1, 0), (2, 3, 2), (1, 3, 0, 0)])
def test_a_draft_order_is_placed_when_it_is_completed(
    plugin: Plugin, installed: StandInSaleor, sealer: ClickSealer, keys: Keys, sequence: Sequence[int]
) -> None:
    mail_buyers(plugin, keys)
    deliveries = draft_deliveries(installed, sealer.seal(click_at(CLICKED)))
    for place in sequence:
        event, reported, updated = deliveries[place]
        order = installed.order("76", LINES, updated=updated, **reported) | {"checkoutId": None}
        answer = installed.deliver(plugin.url, event, order, issued=updated + timedelta(seconds=place))
        assert answer.status_code == 200
        reconcile_due(plugin.database, sealer, 9)
    assert decisions(plugin) == {"76": "click_token_on_order"}
    with plugin.database.read() as connection:
        (row,) = {one.sale.purchased_at for one in sales.all_sales(connection, CAMPAIGN)}
    assert row == COMPLETED


def test_an_order_that_the_shop_could_not_send_is_stored_with_its_reason(
    plugin: Plugin, installed: StandInSaleor
) -> None:
    error = {
        "message": "Cannot return null for non-nullable field Order.origin.",
        "path": ["order", "origin"],
    }
    for event, content in (
        ("order_updated", {"order": None, "errors": [error]}),
        ("order_bulk_created", {"orders": None, "errors": [error]}),
        ("order_updated", {"order": None}),
    ):
        signed = installed.sign(event, content)
        assert installed.send(plugin.url, signed).status_code == 200
    with plugin.database.read() as connection:
        found = [read_delivery(connection, digest) for digest, *_ in list_unread(connection, 9)]
    kept = [one for one in found if one is not None]
    assert sorted(one.unread for one in kept) == ["no_order", "shop_error", "shop_error"]
    assert sum("errors" in json.loads(one.body) for one in kept) == 2
    assert plugin.refusals()["saleor_webhook", "shop_error"] == 2


def test_an_unreadable_order_does_not_block_others_of_its_delivery(
    plugin: Plugin, installed: StandInSaleor
) -> None:
    good, bad = installed.order("1", LINES), installed.order("2", LINES) | {"lines": None}
    signed = installed.sign("order_bulk_created", {"orders": [bad, good, None]})
    assert installed.send(plugin.url, signed).status_code == 200
    with plugin.database.read() as connection:
        assert connection.scalars(sa.select(schema.orders.c.number)).all() == ["1"]
        assert connection.scalars(sa.select(schema.deliveries.c.unread)).all() == ["no_lines no_order"]
    assert plugin.refusals()["saleor_webhook", "no_lines"] == 1
