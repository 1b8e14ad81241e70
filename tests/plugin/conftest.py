"""The plugin as programs and people use it: two accounts that must not see each other."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from redis import Redis
from werkzeug.test import TestResponse

from salepixel.accounts.api_keys import add_api_key
from salepixel.accounts.principal import FULL, Principal
from salepixel.clicks.store import store_clicks
from salepixel.clicks.tokens import Click, ClickSealer, Signal, new_click_id
from salepixel.destinations.announce import reconcile_and_announce
from salepixel.keys import Keys
from salepixel.settings import PluginSettings
from salepixel.storage.database import Database
from salepixel.wire.redis import open_redis
from salepixel_plugin.app import prepare
from tests.databases import copy_template, open_without_waiting
from tests.plugin.apps import attached_app, routes

NO_SIGNAL = Signal(0)
ALL = "the key with all rights"
SHOES = "the key of account 7"
OWNER_OF_7 = Principal({7: FULL}, "Shoes")
HATS = "the key of account 8"
_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
PLACED = _AGO - timedelta(hours=_AGO.hour == 0)  # the click an hour before is of the same day


@dataclass
class Office:
    """The plugin with accounts 7 (shoes) and 8 (hats), each with a key of its own."""

    app: APIFlask
    database: Database
    sealer: ClickSealer
    keys: Keys

    def store_counts(self) -> None:
        """What the plugin does each second."""
        self.app.extensions["salepixel"].tally.store()

    @property
    def browser(self) -> FlaskClient:
        return self.app.test_client()

    def call(self, method: str, path: str, body: Any = None, key: str = ALL, **rest: Any) -> TestResponse:
        """A call of the API; `body` is sent as JSON, or unchanged if it is bytes."""
        rest |= {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.app.test_client().open("/api/v1" + path, method=method, headers=headers, **rest)

    def get(self, path: str, key: str = ALL) -> Any:
        """The JSON of a call that must succeed."""
        answer = self.call("GET", path, key=key)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, body: Any, key: str = ALL) -> Any:
        """The JSON of a call that must succeed."""
        answer = self.call("POST", path, body, key)
        assert answer.status_code in (200, 201), answer.text
        return answer.json

    def page(self, path: str, key: str = ALL, **rest: Any) -> TestResponse:
        """A page, asked for with a key."""
        headers = {"Authorization": f"Bearer {key}", **rest.pop("headers", {})}
        return self.app.test_client().open(path, headers=headers, **rest)

    def campaign(self, emp_id: int = 7, name: str = "Autumn", label: str = "Hero") -> Any:
        """A campaign with a sales link and a link with sales off."""
        links = [
            {"url": "https://shop.test/p/1?a=b", "label": label, "sale_pixel": True},
            {"url": "https://shop.test/about", "label": "About", "sale_pixel": False},
        ]
        return self.post("/campaigns", {"empId": emp_id, "name": name, "links": links})

    def click(
        self, campaign: Any, contact: str, at: datetime = PLACED, link: int = 0, signals: Signal = NO_SIGNAL
    ) -> str:
        """A click an hour before `at`, a human one unless signals say otherwise; gives its token."""
        click_id = new_click_id(int(at.timestamp() * 1000) - 3_600_000)
        click = Click(click_id, campaign["empId"], campaign["id"], campaign["links"][link]["id"], contact)
        with self.database.write() as connection:
            store_clicks(connection, [(click, signals)])
        return self.sealer.seal(click)

    def order(self, emp_id: int = 7, **reported: Any) -> tuple[str, str]:
        """An order by the sales API, reconciled as the worker does; gives shop and order id."""
        order = {
            "id": "o-1",
            "number": "1042",
            "currency": "EUR",
            "placed_at": PLACED.isoformat(),
            "lines": [{"item": "Red shoes", "sku": "R-1", "quantity": 2, "amount": "39.80"}],
        } | reported
        self.post("/sales", {"empId": emp_id, "orders": [order]})
        shops = self.get("/shops")["shops"]
        shop = next(s["id"] for s in shops if s["empId"] == emp_id and s["platform"] == "api")
        self.reconcile(shop, order["id"])
        return shop, order["id"]

    def reconcile(self, shop: str, order: str) -> None:
        """What the worker does with its jobs."""
        with self.database.write() as connection:
            reconcile_and_announce(connection, self.sealer, [(shop, order)], datetime.now(UTC))


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """By the first of the processes that run the tests, which needs 1.2 s of CPU for all of them."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # theirs together
    compiled = folder / "templates"
    compiled.mkdir(exist_ok=True)
    routes().jinja_env.bytecode_cache = FileSystemBytecodeCache(str(compiled))


@pytest.fixture(scope="session")
def office_files(keys: Keys, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database of an office as each test finds it; copying is quicker than migrating."""
    folder = tmp_path_factory.mktemp("office")
    database = copy_template(sqlite_template, folder)
    with new_office(folder, database, keys) as office:
        for emp_id, name, key in ((7, "Shoes", SHOES), (8, "Hats", HATS)):
            host = f"track{emp_id}.shop.test"
            wanted = {"empId": emp_id, "name": name, "tracking_host": host, "currency": "EUR"}
            office.post("/accounts", wanted)
            with database.write() as connection:
                add_api_key(connection, key, emp_id, name, datetime.now(UTC))
    database.close()
    return folder


@pytest.fixture
def office(office_files: Path, keys: Keys, tmp_path: Path) -> Iterator[Office]:
    shutil.copytree(office_files, tmp_path, dirs_exist_ok=True)
    database = open_without_waiting(tmp_path)
    with _opened(tmp_path, database, keys) as opened:
        yield opened
    database.close()


@contextmanager
def new_office(folder: Path, database: Database, keys: Keys) -> Iterator[Office]:
    """The plugin with an empty, migrated database."""
    with closing(_no_redis(folder)) as redis:
        prepare(_settings(folder), database, redis)
    with _opened(folder, database, keys) as office:
        yield office


@contextmanager
def _opened(folder: Path, database: Database, keys: Keys) -> Iterator[Office]:
    with (
        closing(_no_redis(folder)) as redis,
        attached_app(_settings(folder), database=database, redis=redis, keys=keys) as app,
    ):
        yield Office(app, database, ClickSealer(keys), keys)


def _settings(folder: Path) -> PluginSettings:
    return PluginSettings.load({"SALEPIXEL_API_KEY": ALL, "SALEPIXEL_DATA": str(folder)})


def _no_redis(folder: Path) -> Redis:
    """A client of a Redis that does not run."""
    return open_redis(f"unix://{folder}/none.sock")
