"""Small real things for the tests: a Valkey, a PostgreSQL, a SQLite, keys."""

import gc
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_network
from itertools import count
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from kit.postgresql import running_postgresql
from kit.saleor_key import SigningKey
from kit.stack import Stack
from salepixel.campaigns.links import LinkSealer
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.stack.embedded import valkey_command
from salepixel.storage.database import Database, migrate, open_database
from salepixel.wire import outgoing
from salepixel.wire.redis import open_redis
from tests.command import CommandLine
from tests.databases import copy_template, empty, make_data, make_template
from tests.waiting import until

gc.disable()  # until all is collected: nothing of that is garbage, and looking for some takes 1 s of CPU

LOOPBACK = ip_network("127.0.0.0/8"), ip_network("::1/128")
outgoing.allow_private(LOOPBACK)  # the other hosts of the tests are on this machine


@pytest.fixture(autouse=True)
def _calls_to_this_machine() -> Iterator[None]:
    """A command that ran in the process of the tests has set it as its settings say."""
    yield
    outgoing.allow_private(LOOPBACK)


@pytest.fixture(scope="session", autouse=True)
def _programs_without_rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs that the tests start do not find `rich`, as in production: structlog imports it for 0.1 s."""
    folder = tmp_path_factory.mktemp("without_rich")
    (folder / "rich.py").write_text("raise ImportError\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", str(folder))
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three processes for two cores, because tests that start programs wait for them."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import nothing for a browser if no test of one is wanted."""
    its = collection_path == Path(__file__).with_name("browser")
    return True if its and "not browser" in config.option.markexpr else None


@pytest.hookimpl(trylast=True)  # when no test is deselected any more
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the long tests first in each process's share: the last to begin is short.

    Those of the shared stack come together in the first share, or each process would start one. The shares
    are those of xdist's `worksteal`: equal, one after the other.
    """
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    shared, long, rest = list[pytest.Item](), list[pytest.Item](), list[pytest.Item]()
    for item in items:
        is_shared = "shared_stack" in getattr(item, "fixturenames", ())
        (shared if is_shared else long if item.get_closest_marker("long") else rest).append(item)
    long = shared + long
    items.clear()
    for left in range(processes, 0, -1):
        share, its_long = (len(long) + len(rest)) // left, len(long) // left
        items += long[:its_long] + rest[: share - its_long]
        del long[:its_long], rest[: share - its_long]


def pytest_collection_finish() -> None:
    """What was imported and collected stays: without this, each full collection looks at all of it."""
    gc.freeze()
    gc.enable()


newest_planner = pytest.mark.skipif(
    "TEST_POSTGRESQL" in os.environ, reason="plans are compared on SQLite and on the newest PostgreSQL"
)


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys(1, {1: bytes(range(32))})


@pytest.fixture(scope="session")
def sealer(keys: Keys) -> ClickSealer:
    return ClickSealer(keys)


@pytest.fixture(scope="session")
def links(keys: Keys) -> LinkSealer:
    return LinkSealer(keys)


@pytest.fixture(scope="session")
def shop_key() -> SigningKey:
    """The key of the stand-in shop: creating one takes 50 ms. A test that rotates it creates another."""
    return SigningKey()


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Stack]:
    """The whole product, for tests that neither stop nor change it: starting one takes 4 s of CPU.

    Each test works there in its `own_account`.
    """
    data = make_data(sqlite_template, tmp_path_factory.mktemp("stack"))
    with Stack(data, api_key="sp_key_of_the_shared_stack") as stack:
        yield stack


_account_numbers = count(1001)


@pytest.fixture
def own_account() -> int:
    """The empId of an account that no other test uses; the account does not exist yet."""
    return next(_account_numbers)


@pytest.fixture(scope="session")
def redis_address() -> Iterator[str]:
    """A Valkey of this test run."""
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "valkey.sock"
        process = subprocess.Popen(valkey_command(Path(folder), socket), stdout=subprocess.DEVNULL)
        client = open_redis(f"unix://{socket}")

        def answers() -> bool:
            with suppress(RedisError):
                return bool(client.ping())
            return False

        assert until(answers)
        client.close()
        yield f"unix://{socket}"
        process.kill()
        process.wait()


@pytest.fixture
def redis(redis_address: str) -> Iterator[Redis]:
    """An empty Valkey."""
    client = open_redis(redis_address)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> CommandLine:
    """`salepixel` on the folder of the test."""
    return CommandLine(tmp_path, monkeypatch, capfd)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL of this test run: from its wheel, or the programs in TEST_POSTGRESQL."""
    with running_postgresql(os.environ.get("TEST_POSTGRESQL", "")) as address:
        yield address


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a migrated SQLite, for `copy_template`."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def sqlite(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    """An empty, migrated SQLite."""
    opened = copy_template(sqlite_template, tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A PostgreSQL with the rows of the previous test: use `postgresql_database` instead."""
    opened = open_database(postgresql, tmp_path_factory.getbasetemp())
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def postgresql_database(migrated_postgresql: Database) -> Database:
    """An empty, migrated PostgreSQL."""
    empty(migrated_postgresql)
    return migrated_postgresql


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty, migrated database: each test that uses it runs on both."""
    found: Database = request.getfixturevalue(
        "postgresql_database" if request.param == "postgresql" else "sqlite"
    )
    return found
