"""Deliveries of a real Saleor, in any sequence and number, give the expected sums to the cent."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts.policy import Policy, Terms
from salepixel.attribution.decide import decide
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.sales import Status, sale_rows
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import load_keys
from salepixel.orders import drafts, refunds
from salepixel.orders import store as orders
from salepixel.orders.charges import read_ledger
from salepixel.orders.order import Order, RefundState
from salepixel.orders.outcome import Reason
from salepixel.orders.sold import sold_lines
from salepixel.shops.saleor import connector as saleor
from salepixel.shops.saleor.order import read_order
from salepixel.shops.signatures import verify_detached
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import click_at
from tests.plugin.saleor import recordings
from tests.plugin.saleor.captures import hash_address
from tests.plugin.saleor.recordings import NO_SALE, REPLACEMENT, WAITS, WORTH, Recorded, expected

ALL = Terms(shipping="included")
NAMES = sorted(WORTH)
WITH_DELIVERIES = [name for name in NAMES if recordings.scenarios()[name].deliveries]


def final_order(node: Any) -> Order:
    """As a poll brings it."""
    return read_order(node, None, hash_address)


def store(database: Database, sequence: Iterable[Recorded], polled: Sequence[Any] = ()) -> None:
    with database.write() as connection:
        for table in (schema.orders, schema.refunds, schema.drafts):
            connection.execute(sa.delete(table))
        for one in sequence:
            page = saleor.read_orders(one.delivery, hash_address)
            assert page.unread == ()
            for order in page.orders:
                orders.store_order(connection, "s1", 1, order, "")
        for node in polled:
            orders.store_order(connection, "s1", 1, final_order(node), "", healed_at=recordings.NOW)


def known(database: Database, order_id: str) -> tuple[Order, list[RefundState]]:
    with database.read() as connection:
        stored = orders.get_order(connection, "s1", order_id)
        assert stored is not None
        return stored.order, refunds.refund_history(connection, "s1", stored.order)


def worth(order: Order, history: Iterable[RefundState] = ()) -> tuple[Decimal, Decimal] | str:
    """What an order is worth and what was refunded of it, by our code."""
    states = list(history)
    if order.replaces is not None:
        return REPLACEMENT
    if not read_ledger(order, states).paid:
        return NO_SALE if order.cancelled else WAITS
    lines = sold_lines(order, ALL, states)
    return sum((line.amount for line in lines), Decimal(0)), sum(
        (line.refunded for line in lines), Decimal(0)
    )


def test_the_table_lists_all_orders_of_the_shop() -> None:
    found = recordings.scenarios()
    known = {name: set(found[name].final) for name in found if name != "ga_before_outage"}
    assert known == {name: set(numbers) for name, numbers in WORTH.items()}


@pytest.mark.parametrize("name", WITH_DELIVERIES)
def test_webhooks_in_any_sequence_give_the_expected_sums(sqlite: Database, name: str) -> None:
    scenario = recordings.scenarios()[name]
    table = WORTH[name] | recordings.BY_WEBHOOKS_ALONE.get(name, {})
    sent = {number for one in scenario.deliveries for number in numbers_in(one)}
    for sequence in scenario.sequences():
        store(sqlite, sequence)
        for number in table.keys() & sent:
            order, history = known(sqlite, scenario.final[number]["id"])
            assert worth(order, history) == expected(table[number])


def numbers_in(one: Recorded) -> list[str]:
    return [order.number for order in saleor.read_orders(one.delivery, hash_address).orders]


@pytest.mark.parametrize("name", WITH_DELIVERIES)
def test_a_poll_after_the_webhooks_gives_the_expected_sums(sqlite: Database, name: str) -> None:
    scenario = recordings.scenarios()[name]
    store(sqlite, scenario.deliveries, list(scenario.final.values()))
    for number, value in WORTH[name].items():
        order, history = known(sqlite, scenario.final[number]["id"])
        assert worth(order, history) == expected(value)


@pytest.mark.parametrize("name", NAMES)
def test_a_poll_alone_gives_the_sums_that_orders_contain(name: str) -> None:
    table = WORTH[name] | recordings.BY_A_POLL_ALONE.get(name, {})
    for number, value in table.items():
        assert worth(final_order(recordings.scenarios()[name].final[number])) == expected(value)


def test_an_order_with_an_uncharged_line_counts_the_other_lines(sqlite: Database) -> None:
    order = final_order(recordings.scenarios()["fb_part_charged_line_granted"].final["84"])
    assert [str(line.amount) for line in sold_lines(order)] == ["64.95", "0.00"]


def test_a_chargeback_is_detected(sqlite: Database) -> None:
    scenario = recordings.scenarios()["bo_partial_chargeback"]
    store(sqlite, scenario.deliveries)
    order, history = known(sqlite, scenario.final["54"]["id"])
    order = replace(order, paid=True)
    decision = decide(1, order, [Evidence(Rung.TOKEN, click_at(order.placed_at))], Policy())
    rows = sale_rows(order, decision, history=history)
    assert {(row.status, row.refunded_at) for row in rows} == {(Status.CHARGEBACK, order.updated_at)}
    later = order.updated_at + timedelta(days=1)
    nothing_left = replace(order, updated_at=later, charged=Decimal(0), covers=Decimal(0))
    rows = sale_rows(nothing_left, decision, history=history)
    assert {row.status for row in rows} == {Status.REFUNDED}


@pytest.fixture
def recorded_sealer(tmp_path: Path) -> ClickSealer:
    """What opens the recorded click tokens."""
    keys = tmp_path / "keys.json"
    shutil.copy(recordings.FOLDER / "keys.json", keys)
    keys.chmod(0o600)
    return ClickSealer(load_keys(keys))


def test_a_click_added_to_a_draft_later_earns_the_order(
    sqlite: Database, recorded_sealer: ClickSealer
) -> None:
    """The draft is two days older than the click; it was completed a second after it."""
    scenario = recordings.scenarios()["eh_draft_older_than_click"]
    for sequence in scenario.sequences():
        store(sqlite, sequence)
        order, history = known(sqlite, scenario.final["76"]["id"])
        with sqlite.read() as connection:
            was_draft = ("s1", order.id) in drafts.drafts_among(connection, [("s1", order.id)])
        order = drafts.as_completed(order, history, was_draft=was_draft)
        click = recorded_sealer.open(order.click_token or "")
        decision = decide(click.emp_id, order, [Evidence(Rung.TOKEN, click)], Policy())
        assert decision.reason == Reason.CLICK_TOKEN_ON_ORDER
        assert timedelta(0) < order.placed_at - click.clicked_at < timedelta(seconds=2)


def test_recorded_deliveries_have_valid_signatures() -> None:
    jwks = recordings.JWKS
    for scenario in recordings.scenarios().values():
        for one in scenario.deliveries:
            if not scenario.name.startswith("s321"):  # another shop
                verify_detached(one.headers["Saleor-Signature"], one.body, jwks)
