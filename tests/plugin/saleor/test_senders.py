"""A remembered shop saves a read and decides nothing: changes apply to the next delivery."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from kit.saleor import JWKS_PATH, Line, StandInSaleor
from salepixel.keys import NO_SECRET, Keys
from salepixel.shops import store as shops
from salepixel.shops.contract import Delivery
from salepixel.shops.shop import Shop
from salepixel.storage.database import Database
from salepixel_plugin.saleor import senders, webhooks
from tests.make import seal_token
from tests.plugin.saleor.conftest import Plugin

SHOES = Line("Red shoes", 2, Decimal("39.80"), "R-1")
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def deliver(plugin: Plugin, saleor: StandInSaleor, number: str = "1") -> tuple[int, str]:
    answer = saleor.deliver(plugin.url, "order_paid", saleor.order(number, [SHOES]))
    return answer.status_code, answer.json().get("reason", "")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The shops that were read for a delivery."""
    read: list[str] = []
    real = webhooks._find_sender

    def find(delivery: Delivery, named: str | None) -> Shop:
        shop = real(delivery, named)
        read.append(shop.id)
        return shop

    monkeypatch.setattr(webhooks, "_find_sender", find)
    return read


def test_a_shop_is_read_only_for_its_first_delivery(
    plugin: Plugin, installed: StandInSaleor, reads: list[str]
) -> None:
    assert [deliver(plugin, installed, str(n)) for n in range(3)] == [(200, "")] * 3
    assert len(reads) == 1


def test_a_shop_that_was_refused_is_not_remembered(
    plugin: Plugin, installed: StandInSaleor, reads: list[str]
) -> None:
    change(plugin, installed, paused=True)
    assert [deliver(plugin, installed) for _ in range(2)] == [(401, "shop_paused")] * 2
    assert len(reads) == 2


def change(plugin: Plugin, saleor: StandInSaleor, *, paused: bool) -> None:
    """A change by another process, unknown to this one."""
    shop = plugin.shop(saleor.api_url)
    with plugin.database.write() as connection:
        shops.change_shop(connection, shop.id, name=None, paused=paused, at=NOW)


def test_pausing_and_resuming_apply_to_the_next_delivery(plugin: Plugin, installed: StandInSaleor) -> None:
    assert deliver(plugin, installed, "1") == (200, "")
    change(plugin, installed, paused=True)
    assert deliver(plugin, installed, "2") == (401, "shop_paused")
    change(plugin, installed, paused=False)
    assert deliver(plugin, installed, "3") == (200, "")


def test_a_removal_applies_to_the_next_delivery(plugin: Plugin, installed: StandInSaleor) -> None:
    assert deliver(plugin, installed, "1") == (200, "")
    with plugin.database.write() as connection:
        shops.remove_shop(connection, plugin.shop(installed.api_url).id, NOW)
    assert deliver(plugin, installed, "2") == (401, "shop_removed")


def test_another_installation_applies_to_the_next_delivery(plugin: Plugin, installed: StandInSaleor) -> None:
    assert deliver(plugin, installed, "1") == (200, "")
    before = installed.app_id
    assert plugin.install(installed).status_code == 200
    assert deliver(plugin, installed, "2") == (200, "")
    installed.app_id = before
    assert deliver(plugin, installed, "3") == (401, "other_app")


def test_a_key_removed_by_another_process_is_refused(plugin: Plugin, installed: StandInSaleor) -> None:
    """The remembered key set still has it."""
    assert deliver(plugin, installed, "1") == (200, "")
    old = installed.key
    installed.rotate_key()
    with plugin.database.write() as connection:
        jwks = json.dumps({"keys": [installed.key.jwk]})
        shops.keep_jwks(connection, plugin.shop(installed.api_url).id, jwks, NOW)
    signed = installed.sign("order_paid", {"order": installed.order("666", [SHOES])})
    forged = installed.sign_raw("order_paid", signed.body, old.sign(signed.body))
    assert installed.send(plugin.url, forged).status_code == 401
    assert installed.calls == [JWKS_PATH], "the shop was asked whether it has this key again"
    assert deliver(plugin, installed, "2") == (200, "")


def test_a_delivery_of_a_shop_that_changes_meanwhile_is_503(
    plugin: Plugin, installed: StandInSaleor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "read_if_unchanged", lambda *_: None)
    assert deliver(plugin, installed) == (503, "shop_changed")
    monkeypatch.undo()
    assert deliver(plugin, installed) == (200, "")


@pytest.mark.parametrize(
    "change",
    [
        lambda shop: replace(shop, app_id="another"),
        lambda shop: replace(shop, jwks="{}"),
        lambda shop: replace(shop, paused_at=NOW),
        lambda shop: replace(shop, removed_at=NOW),
        lambda shop: replace(shop, id="000000000000"),
    ],
    ids=["app", "keys", "paused", "removed", "gone"],
)
def test_every_field_that_affects_trust_is_compared(
    database: Database, keys: Keys, change: Callable[[Shop], Shop]
) -> None:
    shop = connect(database, keys)
    with database.read() as connection:
        assert shops.read_if_unchanged(connection, shop, "O1") == ""
        assert shops.read_if_unchanged(connection, change(shop), "O1") is None


def connect(database: Database, keys: Keys) -> Shop:
    with database.write() as connection:
        shop = shops.add_shop(connection, 1, "saleor", "https://shop.test/", NOW)
        shops.connect_shop(connection, shop, "A1", seal_token(keys, shop.id), '{"keys": [{}]}', NOW)
        found = shops.get_shop(connection, shop.id)
    assert found is not None
    return found


CHANGES: dict[str, Callable[[sa.Connection, Shop], None]] = {
    "keys": lambda connection, shop: shops.keep_jwks(connection, shop.id, '{"keys": []}', NOW),
    "pause": lambda connection, shop: shops.change_shop(
        connection, shop.id, name=None, paused=True, at=NOW + timedelta(microseconds=1)
    ),
    "removal": lambda connection, shop: shops.remove_shop(connection, shop.id, NOW),
    "app": lambda connection, shop: shops.connect_shop(
        connection, shop, "A2", shop.token or NO_SECRET, shop.jwks or "", NOW
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_applies_from_its_commit_on_in_every_process(
    database: Database, keys: Keys, change: Callable[[sa.Connection, Shop], None]
) -> None:
    shop = connect(database, keys)
    with database.write() as connection:
        change(connection, shop)
    with database.write() as connection:
        assert shops.read_if_unchanged(connection, shop, "O1") is None


def test_a_limited_number_of_shops_is_remembered(
    captured_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "MAX_SHOPS", 3)
    remembered = senders.Senders()
    for n in range(5):
        remembered.put(str(n), "https://shop.test/", captured_shop)
    known = [n for n in range(5) if remembered.get(str(n), "https://shop.test/")]
    assert known == [3, 4]
