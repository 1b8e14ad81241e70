"""The plugin behind a real socket, with a real database; Redis is unavailable unless a test needs it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from apiflask import APIFlask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.serving import make_server

from kit.saleor import StandInSaleor
from kit.saleor_key import SigningKey
from salepixel.accounts import store as accounts
from salepixel.campaigns import contacts
from salepixel.campaigns import store as campaigns
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import Signal
from salepixel.keys import Keys
from salepixel.orders.deliveries import list_rejections
from salepixel.settings import PluginSettings
from salepixel.shops.contract import open_access
from salepixel.shops.shop import Shop
from salepixel.shops.store import add_shop, connect_shop, find_shop
from salepixel.storage.database import Database
from salepixel.wire.redis import open_redis
from salepixel_plugin.saleor.codes import manifest_url
from tests.make import CAMPAIGN, LINK, click_at, seal_token
from tests.plugin.apps import attached_app
from tests.plugin.saleor import captures

SENT = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass
class Plugin:
    """The plugin under test: its address, its application, its database."""

    url: str
    app: APIFlask
    database: Database
    keys: Keys

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def allow(self, api_url: str, emp_id: int = 1) -> Shop:
        """What POST /api/v1/shops does."""
        with self.database.write() as connection:
            return add_shop(connection, emp_id, "saleor", api_url, datetime.now(UTC))

    def manifest_url(self, shop: Shop) -> str:
        """The answer of POST /api/v1/shops for an existing account."""
        with self.database.write() as connection:
            account = accounts.Account(shop.emp_id, "Shoes", "EUR", datetime.now(UTC))
            accounts.add_account(connection, account)
        return manifest_url(self.url, self.keys, shop.id)

    def install(self, shop: StandInSaleor, emp_id: int = 1) -> requests.Response:
        """Staff of a shop install the app for an account."""
        return shop.install(self.manifest_url(self.allow(shop.api_url, emp_id)))

    def shop(self, api_url: str) -> Shop:
        with self.database.read() as connection:
            shop = find_shop(connection, api_url)
        assert shop is not None
        return shop

    def token(self, api_url: str) -> str:
        """The token with which the shop is called."""
        return open_access(self.keys, self.shop(api_url)).token

    def refusals(self) -> dict[tuple[str, str], int]:
        """Counts by entry point and reason, including the most recent ones."""
        self.app.extensions["salepixel"].tally.store()
        with self.database.read() as connection:
            return {(source, reason): count for _, source, reason, count in list_rejections(connection, 2)}


def add_campaign(plugin: Plugin, **account: Any) -> None:
    """Account 1 with a campaign of one link."""
    with plugin.database.write() as connection:
        accounts.add_account(connection, accounts.Account(1, "First", "USD", SENT, **account))
        link = campaigns.CampaignLink(LINK, "https://shop.test/", "Hero", True)
        campaign = campaigns.Campaign(CAMPAIGN, 1, "Autumn", "plain", SENT)
        campaigns.add_campaign(connection, campaign, [link])


def mail_buyers(plugin: Plugin, keys: Keys, **account: Any) -> None:
    """Every buyer of the recordings gets the mail, and clicks an hour before the purchase."""
    add_campaign(plugin, **account)
    with plugin.database.write() as connection:
        people, clicked = [], []
        for serial, order in enumerate(captures.final_orders().values()):
            email, ref = order["userEmail"], order["userEmail"].lower()
            people.append(contacts.Contact(ref, keys.hash_email(1, email)))
            clicked_at = datetime.fromisoformat(order["created"]).astimezone(UTC) - timedelta(hours=1)
            clicked.append((click_at(clicked_at, ref, serial=serial), Signal(0)))
        contacts.store_contacts(connection, 1, people, SENT)
        clicks.store_clicks(connection, clicked)


@pytest.fixture
def plugin_redis(tmp_path: Path) -> Iterator[Redis]:
    """An unavailable Redis."""
    client = open_redis(f"unix://{tmp_path}/none.sock")
    yield client
    client.close()


@pytest.fixture
def plugin(sqlite: Database, plugin_redis: Redis, keys: Keys) -> Iterator[Plugin]:
    server = make_server("127.0.0.1", 0, APIFlask("not_yet"), threaded=True)
    server.daemon_threads = False  # type: ignore[attr-defined]  # of its ThreadingMixIn
    url = f"http://127.0.0.1:{server.server_port}"
    settings = PluginSettings.load({"SALEPIXEL_PLUGIN_URL": url})
    with attached_app(settings, database=sqlite, redis=plugin_redis, keys=keys) as app:
        server.app = app
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield Plugin(url, app, sqlite, keys)
        server.shutdown()
        thread.join()
    server.server_close()


@pytest.fixture
def captured_shop(plugin: Plugin) -> Shop:
    """The recorded shop, connected as by its second registration."""
    shop = plugin.allow(captures.API_URL)
    with plugin.database.write() as connection:
        connect_shop(
            connection, shop, captures.APP, seal_token(plugin.keys, shop.id), captures.JWKS, datetime.now(UTC)
        )
    return plugin.shop(captures.API_URL)


@pytest.fixture
def saleor(shop_key: SigningKey) -> Iterator[StandInSaleor]:
    """A stand-in shop that salepixel does not know."""
    with StandInSaleor(key=shop_key) as shop:
        yield shop


@pytest.fixture
def installed(saleor: StandInSaleor, plugin: Plugin) -> StandInSaleor:
    """A stand-in shop that has registered."""
    answer = plugin.install(saleor)
    assert answer.status_code == 200, answer.text
    saleor.calls.clear()
    return saleor
