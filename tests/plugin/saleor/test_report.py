"""Recorded deliveries give the report of the shop's orders, in any sequence and any number of times."""

import random

import pytest
import sqlalchemy as sa

from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.report import sales
from salepixel.report.totals import totals
from salepixel.shops.shop import Shop
from salepixel.storage import schema
from salepixel_worker.sweep import reconcile_due
from tests.make import CAMPAIGN
from tests.plugin.saleor import captures
from tests.plugin.saleor.conftest import Plugin, mail_buyers

FINAL = captures.final_orders()


@pytest.fixture
def mailed(plugin: Plugin, captured_shop: Shop, keys: Keys) -> Plugin:
    mail_buyers(plugin, keys)
    return plugin


def replay(plugin: Plugin, sequence: list[captures.Captured], sealer: ClickSealer) -> None:
    for index, captured in enumerate(sequence):
        plugin.client.post("/saleor/webhooks", data=captured.body, headers=captured.headers)
        if index % 5 == 0:  # the worker comes when it comes
            reconcile_due(plugin.database, sealer, 100)
    while reconcile_due(plugin.database, sealer, 100):
        pass


@pytest.mark.parametrize("seed", range(5))
def test_any_replay_gives_the_report_of_the_shops_orders(
    mailed: Plugin, sealer: ClickSealer, seed: int
) -> None:
    sequence = captures.SIGNED * 2 if seed else list(captures.SIGNED)
    if seed:
        random.Random(seed).shuffle(sequence)  # noqa: S311  # not a secret
    replay(mailed, sequence, sealer)
    with mailed.database.read() as connection:
        rows = [row.sale for row in sales.all_sales(connection, CAMPAIGN)]
        sums = sales.sale_totals(connection, CAMPAIGN)
        decided = connection.execute(sa.select(schema.decisions.c.order_id, schema.decisions.c.reason))
        reasons = {row.order_id: row.reason for row in decided}
    sold = {
        order_id: order
        for order_id, order in FINAL.items()
        if order["isPaid"] or order["totalRefunded"]["amount"] > 0
    }
    assert sorted((row.order, row.line, row.sku, row.quantity, row.amount) for row in rows) == sorted(
        (
            order["number"],
            line["id"],
            line["productSku"],
            line["quantity"],
            line["totalPrice"]["gross"]["amount"],
        )
        for order in sold.values()
        for line in order["lines"]
    )
    assert sums == totals(rows)
    whole_refund = [r for r in rows if r.order == "35"]
    assert all(r.refunded == r.amount and r.status == "refunded" for r in whole_refund)
    assert {reasons[i] for i, o in FINAL.items() if o["status"] == "CANCELED"} == {"cancelled"}
    assert set(reasons) == set(FINAL)
