"""Human and bot activity in campaigns, counted; on both databases."""

from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa

from salepixel.accounts.policy import Policy
from salepixel.attribution.decide import decide
from salepixel.attribution.decisions import store_decision
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.sales import sale_rows
from salepixel.clicks.store import store_clicks
from salepixel.clicks.tokens import Signal
from salepixel.orders.store import get_order, store_order
from salepixel.report.activity import ClickCounts, ContactActivity, contact_activity, count_clicks
from salepixel.report.periods import Period
from salepixel.report.sales import (
    converted_total,
    sale_totals,
    totals_by_refund_date,
    totals_of_campaigns,
)
from salepixel.report.totals import Total
from salepixel.storage.database import Database
from salepixel.storage.schema import sale_refunds, sales
from salepixel.sums.check import rebuild_sums
from salepixel.sums.parts import orders_by_evidence
from tests.make import CAMPAIGN, NOON, click_at, order

EMPTY = "0000000000c9"


def _fill(database: Database) -> None:
    """Ana clicked twice and bought in two currencies, Bea and a scanner clicked, Zoe only bought."""
    ana, zoe = click_at(NOON - timedelta(hours=1)), click_at(NOON - timedelta(hours=2), "zoe")
    seen = [
        (ana, Signal(0)),
        (click_at(NOON - timedelta(hours=3)), Signal(0)),
        (click_at(NOON - timedelta(hours=4), "bea"), Signal(0)),
        (click_at(NOON - timedelta(hours=5), "bea"), Signal.HEAD),
        (click_at(NOON - timedelta(hours=6), ""), Signal(0)),
    ]
    bought = [(ana, "A", "EUR", Rung.TOKEN), (ana, "B", "JPY", Rung.COOKIE), (zoe, "C", "EUR", Rung.TOKEN)]
    with database.write() as connection:
        store_clicks(connection, seen)
        for click, order_id, currency, rung in bought:
            placed = order(id=order_id, currency=currency, refunded=Decimal(0))
            store_order(connection, "0000000000b1", 1, placed, "")
            stored = get_order(connection, "0000000000b1", order_id)
            assert stored is not None
            decision = decide(1, placed, [Evidence(rung, click)], Policy())
            store_decision(connection, stored, decision, sale_rows(placed, decision))


def test_human_and_bot_clicks_are_counted_by_campaign(database: Database) -> None:
    _fill(database)
    with database.read() as connection:
        assert count_clicks(connection, [CAMPAIGN, EMPTY]) == {CAMPAIGN: ClickCounts(4, 1, 2, buyers=2)}
        assert count_clicks(connection, []) == {}


def test_contacts_are_listed_with_their_clicks_and_orders(database: Database) -> None:
    _fill(database)
    with database.read() as connection:
        whole = contact_activity(connection, CAMPAIGN, 10, None)
        assert whole == [
            ContactActivity("ana", 2, 0, 2, {"EUR": Decimal("59.80"), "JPY": Decimal(60)}),
            ContactActivity("bea", 1, 1, 0, {}),
            ContactActivity("zoe", 0, 0, 1, {"EUR": Decimal("59.80")}),
        ]
        assert contact_activity(connection, CAMPAIGN, 1, "ana") == whole[1:2]
        assert contact_activity(connection, CAMPAIGN, 10, "zoe") == []
        assert contact_activity(connection, EMPTY, 10, None) == []


def test_totals_of_many_campaigns_are_those_of_each(database: Database) -> None:
    _fill(database)
    with database.read() as connection:
        assert totals_of_campaigns(connection, [CAMPAIGN, EMPTY]) == {
            CAMPAIGN: sale_totals(connection, CAMPAIGN)
        }
        assert sale_totals(connection, EMPTY) == []
        assert sale_totals(connection, CAMPAIGN)[0] == Total(
            "EUR", 2, Decimal(6), Decimal("119.60"), Decimal("0.00")
        )


def test_orders_are_counted_by_their_evidence(database: Database) -> None:
    _fill(database)
    with database.read() as connection:
        assert orders_by_evidence(connection, CAMPAIGN) == {"token": 2, "cookie": 1}
        assert orders_by_evidence(connection, EMPTY) == {}


def test_sums_of_more_than_64_bits_are_exact(database: Database) -> None:
    """Anybody with a click can send pixels with large amounts: the report must not fail for ever."""
    _fill(database)
    great = 2**62 + 12_345_678_901
    with database.write() as connection:
        dated = {"shop_id": "s", "order_id": "o", "click_id": b"", "campaign_id": CAMPAIGN, "currency": "JPY"}
        rows = [dated | {"line_id": f"{n}", "refunded_at": NOON, "amount": great} for n in range(4)]
        connection.execute(sa.insert(sale_refunds), rows)
        amounts = {"amount": great, "refunded": 1, "converted": great + 2, "converted_refunded": great}
        connection.execute(sa.update(sales).values(**amounts, converted_currency="IDR"))
        lines = connection.execute(sa.select(sales.c.contact, sales.c.currency)).all()
    rebuild_sums(database)
    with database.read() as connection:
        found = sale_totals(connection, CAMPAIGN)
        by_refund_date = totals_by_refund_date(connection, CAMPAIGN, Period(NOON.replace(hour=0)), [])
        converted = converted_total(connection, CAMPAIGN, "IDR")
        ana = contact_activity(connection, CAMPAIGN, 1, None)[0]
    assert {(t.currency, t.gross, t.net) for t in found} == {
        ("EUR", Decimal(4 * great).scaleb(-2), Decimal(4 * great - 4).scaleb(-2)),
        ("JPY", Decimal(2 * great), Decimal(2 * great - 2)),
    }
    assert [(t.currency, t.refunded) for t in by_refund_date] == [("JPY", Decimal(4 * great))]
    assert converted.gross == Decimal(len(lines) * (great + 2)).scaleb(-2)
    assert converted.refunded == Decimal(len(lines) * great).scaleb(-2)
    assert ana.net == {"EUR": Decimal(2 * great - 2).scaleb(-2), "JPY": Decimal(2 * great - 2)}
