"""An installation code decides which account gets a shop: one Saleor may serve several accounts."""

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from kit.saleor import Line, Signed, StandInSaleor
from salepixel.keys import Keys
from salepixel.shops import store as shops
from salepixel.shops.shop import Shop
from salepixel.storage import schema
from salepixel_plugin.saleor.codes import make_code, read_code
from tests.plugin.saleor import captures
from tests.plugin.saleor.conftest import Plugin

SHOES = Line("Red shoes", 2, Decimal("39.80"), "R-1")
OURS, THEIRS = 1, 2


def buy(plugin: Plugin, saleor: StandInSaleor, number: str) -> tuple[int, str]:
    answer = saleor.deliver(plugin.url, "order_paid", saleor.order(number, [SHOES]))
    return answer.status_code, answer.json().get("reason", "")


def orders(plugin: Plugin) -> list[tuple[int, str]]:
    """(account, number) of all orders."""
    query = sa.select(schema.orders.c.emp_id, schema.orders.c.number).order_by(schema.orders.c.number)
    with plugin.database.read() as connection:
        return [(row.emp_id, row.number) for row in connection.execute(query)]


def register(plugin: Plugin, saleor: StandInSaleor, query: str) -> tuple[int, str]:
    """Register with the shop's own token, as anybody with the token may."""
    answer = plugin.client.post(
        f"/saleor/register{query}",
        headers={"Saleor-Api-Url": saleor.api_url},
        json={"auth_token": saleor.token},
    )
    return answer.status_code, answer.get_json().get("error", {}).get("code", "")


def test_adding_a_shops_url_first_gets_no_orders_and_blocks_nobody(
    plugin: Plugin, saleor: StandInSaleor
) -> None:
    squatter = plugin.allow(saleor.api_url, THEIRS)
    assert plugin.install(saleor, OURS).status_code == 200
    assert buy(plugin, saleor, "1") == (200, "")
    assert orders(plugin) == [(OURS, "1")]
    with plugin.database.read() as connection:
        assert shops.connected_since(connection, THEIRS) is None
        assert shops.get_shop(connection, squatter.id) == squatter


def test_adding_a_shops_url_later_gets_no_orders(plugin: Plugin, installed: StandInSaleor) -> None:
    plugin.allow(installed.api_url, THEIRS)
    assert buy(plugin, installed, "1") == (200, "")
    assert orders(plugin) == [(OURS, "1")]


def test_two_accounts_each_have_an_app_in_one_shop(plugin: Plugin, saleor: StandInSaleor) -> None:
    installations = {}
    for emp_id in (OURS, THEIRS):
        assert plugin.install(saleor, emp_id).status_code == 200
        installations[emp_id] = saleor.app_id, saleor.target
    for emp_id, installation in installations.items():
        saleor.app_id, saleor.target = installation
        assert buy(plugin, saleor, f"{emp_id}") == (200, "")
    assert orders(plugin) == [(OURS, "1"), (THEIRS, "2")]
    # The delivery to one account's app, sent to the other one's address.
    saleor.app_id, saleor.target = installations[OURS][0], installations[THEIRS][1]
    assert buy(plugin, saleor, "3") == (401, "other_app")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "CODE_MISSING"),
        ("?code=", "CODE_MISSING"),
        ("?code=0123", "CODE_UNKNOWN"),
        ("?code=" + "0" * 44, "CODE_UNKNOWN"),
        ("?code=é", "CODE_UNKNOWN"),
        ("?code=%00", "CODE_UNKNOWN"),
        ("?code=" + "0" * 9000, "CODE_UNKNOWN"),
    ],
)
def test_without_a_valid_code_nothing_is_connected_and_no_call_is_made(
    plugin: Plugin, installed: StandInSaleor, query: str, code: str
) -> None:
    before = plugin.shop(installed.api_url)
    assert register(plugin, installed, query) == (403, code)
    assert installed.calls == []
    assert plugin.shop(installed.api_url) == before
    assert plugin.refusals() == {("saleor_register", code.lower()): 1}


def test_a_code_connects_one_shop(plugin: Plugin, installed: StandInSaleor) -> None:
    other = plugin.allow("https://other.test/graphql/", THEIRS)
    code = make_code(plugin.keys, other.id)
    assert register(plugin, installed, f"?code={code}") == (403, "SALEOR_URL_PROHIBITED")
    # The code's tag with another shop's id.
    mixed = plugin.shop(installed.api_url).id + code[12:]
    assert register(plugin, installed, f"?code={mixed}") == (403, "CODE_UNKNOWN")


def test_a_code_is_valid_after_a_key_rotation_until_its_key_is_removed(keys: Keys) -> None:
    code = make_code(keys, "0123456789ab")
    rotated = Keys(2, {**keys.secrets, 2: b"\2" * 32})
    assert make_code(rotated, "0123456789ab") != code
    assert read_code(rotated, code) == "0123456789ab"
    assert read_code(Keys(2, {2: b"\2" * 32}), code) is None


class TestAnInstallationWithoutACode:
    """Its webhooks name no shop, its tokenTargetUrl has no code."""

    @pytest.fixture
    def old(self, plugin: Plugin, installed: StandInSaleor) -> StandInSaleor:
        installed.target = f"{plugin.url}/saleor/webhooks"
        return installed

    def test_its_deliveries_are_accepted_even_if_others_add_the_url(
        self, plugin: Plugin, old: StandInSaleor
    ) -> None:
        plugin.allow(old.api_url, THEIRS)
        assert buy(plugin, old, "1") == (200, "")
        assert orders(plugin) == [(OURS, "1")]

    def test_retry_tells_staff_to_install_the_app_again(self, plugin: Plugin, old: StandInSaleor) -> None:
        answer = plugin.client.post(
            "/saleor/register",
            headers={"Saleor-Api-Url": old.api_url},
            json={"auth_token": old.token},
        )
        message = answer.get_json()["error"]["message"]
        assert "Delete it here, then install it from" in message
        assert "manifest_url" in message
        assert len(message) < 255
        assert buy(plugin, old, "1") == (200, ""), "it goes on as it was"

    def test_a_reinstalled_app_connects_the_same_shop(self, plugin: Plugin, old: StandInSaleor) -> None:
        before = plugin.shop(old.api_url)
        assert plugin.install(old).status_code == 200
        after = plugin.shop(old.api_url)
        assert (after.id, after.connected_at) == (before.id, before.connected_at)
        assert buy(plugin, old, "1") == (200, "")


class TestPausedAndRemoved:
    """What happens after the account pauses or removes its shop."""

    def change(self, plugin: Plugin, shop: Shop, **changes: Any) -> None:
        with plugin.database.write() as connection:
            shops.change_shop(connection, shop.id, **{"name": None, "at": captures.NOW} | changes)

    def test_a_paused_shop_is_refused_with_a_reason_and_can_be_resumed(
        self, plugin: Plugin, installed: StandInSaleor
    ) -> None:
        shop = plugin.shop(installed.api_url)
        self.change(plugin, shop, paused=True)
        assert buy(plugin, installed, "1") == (401, "shop_paused")
        self.change(plugin, shop, paused=False)
        assert buy(plugin, installed, "2") == (200, "")

    def test_a_paused_shop_still_reports_the_removal_of_its_app(
        self, plugin: Plugin, installed: StandInSaleor
    ) -> None:
        self.change(plugin, plugin.shop(installed.api_url), paused=True)
        app = {"app": {"id": installed.app_id, "isActive": False}}
        assert installed.send(plugin.url, installed.sign("app_deleted", app)).status_code == 200
        assert plugin.shop(installed.api_url).token is None

    def test_a_removed_shop_is_refused_with_a_reason_until_it_is_added_and_installed(
        self, plugin: Plugin, installed: StandInSaleor
    ) -> None:
        assert buy(plugin, installed, "1") == (200, "")
        shop = plugin.shop(installed.api_url)
        code = make_code(plugin.keys, shop.id)
        with plugin.database.write() as connection:
            shops.remove_shop(connection, shop.id, captures.NOW)
        assert buy(plugin, installed, "2") == (401, "shop_removed")
        assert register(plugin, installed, f"?code={code}") == (403, "SHOP_REMOVED")
        assert orders(plugin) == [(OURS, "1")], "its history stays"
        with plugin.database.read() as connection:
            assert shops.connected_since(connection, OURS) == shop.connected_at, "no pixel is believed"
        plugin.allow(installed.api_url)
        assert buy(plugin, installed, "3") == (401, "unknown_installation")
        assert plugin.install(installed).status_code == 200
        assert plugin.shop(installed.api_url).id == shop.id
        assert buy(plugin, installed, "4") == (200, "")


def status(saleor: StandInSaleor, active: bool, second: int) -> Signed:
    app = {"app": {"id": saleor.app_id, "name": "Salepixel", "isActive": active}}
    return saleor.sign("app_status_changed", app, issued=captures.NOW.replace(second=second))


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_the_newest_status_of_the_app_counts(
    plugin: Plugin, installed: StandInSaleor, order: tuple[int, ...], twice: bool
) -> None:
    statuses = [status(installed, active, second) for second, active in enumerate((False, True, False))]
    for number in order * (2 if twice else 1):
        assert installed.send(plugin.url, statuses[number]).status_code == 200
    shop = plugin.shop(installed.api_url)
    assert (shop.state, shop.app_status_at) == ("inactive", captures.NOW.replace(second=2))
    assert plugin.install(installed).status_code == 200
    assert plugin.shop(installed.api_url).state == "connected"


@pytest.mark.parametrize("app", [None, 7, {}, {"isActive": "no"}, {"isActive": None}])
def test_an_invalid_app_status_changes_nothing(plugin: Plugin, installed: StandInSaleor, app: object) -> None:
    before = plugin.shop(installed.api_url)
    assert installed.send(plugin.url, installed.sign("app_status_changed", {"app": app})).status_code == 200
    assert plugin.shop(installed.api_url) == before
