"""`salepixel up` with something unavailable or damaged: the edge serves, or a sentence says what to do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from structlog.testing import capture_logs

from kit.ports import free_port
from kit.stack import DidNotStart, Stack
from salepixel.keys import load_keys
from salepixel.stack import service
from salepixel.stack.embedded import die_with_parent
from salepixel.stack.supervisor import Supervisor
from salepixel.storage.database import migrate, open_database
from salepixel.storage.installation import claim_database
from tests.command import CommandLine
from tests.databases import make_data
from tests.edge.running import Valkey
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.long

KEY = "sp_a-key-of-more-than-twenty-characters"


IMPATIENT = """
from salepixel import cli
from salepixel.stack import service, supervisor
supervisor.PORT_SECONDS, supervisor.REPORT_SECONDS = 0.3, 1.0
service.RESTART_PAUSE_SECONDS = (0.2, 3.0)
cli.main()
"""
"""`salepixel` without the ten seconds before it reports a port or a process, and between restarts."""


@pytest.fixture
def data(tmp_path: Path, sqlite_template: Path) -> Path:
    return make_data(sqlite_template, tmp_path / "data")


def health(url: str) -> dict[str, object]:
    """The answer of /healthz; empty if it is unhealthy."""
    with suppress(requests.RequestException):
        answer = requests.get(f"{url}/healthz", timeout=5)
        return answer.json() if answer.ok else {}
    return {}


@contextmanager
def up(data: Path, stdout: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """`salepixel up` whose log goes to a file, and the addresses of edge and plugin; ready or not."""
    edge, plugin = free_port(), free_port()
    chosen = {
        "SALEPIXEL_EDGE_PORT": str(edge),
        "SALEPIXEL_PLUGIN_PORT": str(plugin),
        "SALEPIXEL_API_KEY": KEY,
        **settings,
    }
    with stdout.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", IMPATIENT, "up", "--data", str(data)],
            env={**os.environ, **chosen},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
    try:
        yield process, f"http://127.0.0.1:{edge}", f"http://127.0.0.1:{plugin}"
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(
    arguments: list[str], settings: Mapping[str, str], program: Sequence[str] = ("-m", "salepixel.cli")
) -> tuple[int, str]:
    """A command that ends; gives its code and all that it says."""
    done = subprocess.run(
        [sys.executable, *program, *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    return done.returncode, done.stdout + done.stderr


def test_no_process_ends_if_the_log_cannot_be_written(data: Path) -> None:
    with up(data, Path("/dev/full")) as (process, edge, plugin):
        assert until(lambda: health(edge) and health(plugin).get("status") == "ok")
        links = [{"url": "https://shop.example/", "label": "Hero", "sale_pixel": True}]
        bearer = {"Authorization": f"Bearer {KEY}"}
        made = requests.post(
            f"{plugin}/api/v1/campaigns",
            json={"empId": 1, "name": "Autumn", "links": links},
            headers=bearer,
            timeout=PATIENCE_SECONDS,
        ).json()
        link = made["links"][0]["tracked_url"].replace("{contact}", "ana")
        assert requests.get(link, allow_redirects=False, timeout=PATIENCE_SECONDS).status_code == 302
        clicks = f"{plugin}/api/v1/campaigns/{made['id']}/clicks"
        assert until(lambda: requests.get(clicks, headers=bearer, timeout=PATIENCE_SECONDS).json()["rows"]), (
            "it is folded"
        )
        assert process.poll() is None


# A start of the whole stack; tests/test_logs.py shows it for one process.
@pytest.mark.slow
def test_no_process_ends_if_the_reader_of_the_log_is_gone(data: Path) -> None:
    reader, writer = os.pipe()
    with up(data, Path(f"/proc/self/fd/{writer}")) as (process, edge, plugin):
        os.close(reader)
        os.close(writer)
        assert until(lambda: health(edge) and health(plugin).get("status") == "ok")
        assert process.poll() is None


def test_a_damaged_valkey_file_is_set_aside_and_valkey_starts_empty(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Valkey(data)) as valkey:
        valkey.start()
        valkey.client.set("a", "b")
        valkey.signal(signal.SIGTERM)
    files = list((data / "valkey" / "appendonlydir").glob("*.aof"))
    assert files
    for file in files:
        file.write_bytes(b"this is no command\r\n" * 200)
    monkeypatch.setattr(service, "RESTART_PAUSE_SECONDS", (0.05,))
    supervisor = Supervisor({"SALEPIXEL_DATA": str(data)})
    (started,) = [one for one in supervisor.services if one.name == "valkey"]

    def is_ready() -> bool:
        started.restart_if_dead()
        return started.ready()

    try:
        with capture_logs() as logged:
            assert until(is_ready)
    finally:
        if started.process:
            started.process.kill()
            started.process.wait()
    (kept,) = (data / "valkey").glob("appendonlydir.damaged-*")
    assert len(list(kept.iterdir())) >= len(files)
    assert "valkey_file_damaged" in [line["event"] for line in logged]


@pytest.mark.slow  # plugin and worker start again and again until their database is there
def test_the_edge_serves_without_postgresql_and_everything_is_ready_when_it_returns(
    tmp_path: Path, postgresql: str
) -> None:
    there = sa.make_url(postgresql)
    engine = sa.create_engine(there.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS late"))
        connection.execute(sa.text("CREATE DATABASE late"))
    engine.dispose()
    folder, log = tmp_path / "pg", tmp_path / "up.log"
    url = f"postgresql://salepixel:hidden@/late?host={folder}"
    with up(tmp_path / "data", log, SALEPIXEL_DATABASE_URL=url) as (process, edge, plugin):
        assert until(lambda: health(edge))
        assert until(lambda: "Start it, or correct SALEPIXEL_DATABASE_URL." in log.read_text())
        assert until(lambda: "not_ready" in log.read_text())
        assert process.poll() is None
        said = log.read_text()
        assert ("Traceback" in said, "hidden" in said, "ready\n" in said) == (False, False, False)
        folder.symlink_to(str(there.query["host"]))
        assert until(lambda: "ready\n" in log.read_text())
        assert health(plugin)["status"] == "ok"


@pytest.mark.slow  # a start of the whole stack; tests/edge/test_faults.py shows it for the edge
def test_edge_and_plugin_work_without_redis(data: Path, tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    address = f"redis://:hidden@127.0.0.1:{free_port()}"
    with up(data, log, SALEPIXEL_REDIS_URL=address) as (process, edge, plugin):
        assert until(lambda: health(edge).get("redis") == "unavailable")
        assert until(lambda: health(plugin).get("redis") == "unavailable")
        assert until(lambda: "not_ready" in log.read_text())
        said = log.read_text()
        assert ("Traceback" in said, "hidden" in said, "ready\n" in said) == (False, False, False)
        assert "service_restarted" not in said, "nothing ends for that"
        assert process.poll() is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"SALEPIXEL_EDGE_PROT": "9000"}, "did you mean SALEPIXEL_EDGE_PORT?"),
        (
            {"SALEPIXEL_DATABASE_URL": "mysql://root@localhost/shop"},
            "must be an address such as postgresql://",
        ),
        ({"SALEPIXEL_REDIS_URL": "localhost:6379"}, "must be an address such as redis://"),
        ({"SALEPIXEL_EDGE_PORT": "9000", "SALEPIXEL_PLUGIN_PORT": "9000"}, "give each a port of its own"),
    ],
)
def test_an_invalid_setting_is_reported_in_one_sentence(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], says: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    ended = command_line.run("up")
    assert (ended.code, ended.stdout) == (2, "")
    assert says in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_of_another_machine_is_reported_in_one_sentence(tmp_path: Path, host: str) -> None:
    code, said = run(["up", "--data", str(tmp_path)], {"SALEPIXEL_HOST": host})
    assert code == 1
    assert "Use an address of this machine" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("other", ["edge_port", "plugin_port"])
def test_an_occupied_port_is_named_with_its_setting(tmp_path: Path, shared_stack: Stack, other: str) -> None:
    """For example by another stack: ports are not shared."""
    port = getattr(shared_stack, other)
    ports = {"SALEPIXEL_EDGE_PORT": str(free_port()), "SALEPIXEL_PLUGIN_PORT": str(port)}
    code, said = run(["up", "--data", str(tmp_path)], ports, program=["-c", IMPATIENT])
    assert code == 1
    assert said.strip() == (
        f"salepixel: Another program listens on port {port}: stop it, or choose another port with "
        "SALEPIXEL_PLUGIN_PORT."
    )


def test_an_unwritable_folder_is_reported_in_one_sentence(tmp_path: Path, command_line: CommandLine) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(mode=0o500)
    places = [tmp_path / "file", tmp_path / "file" / "data"]
    if os.geteuid() != 0:  # root may write everywhere
        places.append(tmp_path / "closed")
    for place in places:
        command_line.data = place
        ended = command_line.run("up")
        assert ended.code == 2
        assert "choose another folder with --data" in ended.stderr
        assert len((ended.stdout + ended.stderr).splitlines()) == 1


@pytest.mark.slow  # five starts of a whole stack
def test_with_lost_or_foreign_keys_nothing_starts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys = data / "keys.json"
    made = load_keys(keys)
    kept = keys.read_bytes()
    database = open_database("", data)
    migrate(database)
    with database.write() as connection:
        claim_database(connection, made)
    database.close()
    with ExitStack() as running:
        stack = Stack(data, api_key=KEY)
        running.callback(stack.stop)
        keys.unlink()
        with pytest.raises(DidNotStart, match=r"keys\.json is missing"):
            stack.start()
        assert not keys.exists()
        content = json.loads(kept)
        content["keys"]["1"] = "ab" * 32
        keys.write_text(json.dumps(content))
        keys.chmod(0o600)
        with pytest.raises(DidNotStart, match="of another installation"):
            stack.start()
        (data / "keys.fingerprint").unlink()  # as in a new folder, with the database elsewhere
        with pytest.raises(DidNotStart, match="other keys than those that the database was written with"):
            stack.start()
        (data / "keys.fingerprint").unlink()
        keys.write_bytes(kept)
        stack.start()
        stack.stop()
        keys.unlink()
        code, said = run(["accept-keys", "--data", str(data)], {})
        assert (code, "back it up" in said) == (0, True)
        stack.start()


def test_the_last_lines_of_the_start_show_the_addresses(shared_stack: Stack) -> None:
    said = (shared_stack.data / "up.log").read_text().partition("ready\n")[2]
    assert f"Open {shared_stack.plugin_url} first" in said
    assert shared_stack.edge_url in said
    assert shared_stack.api_key not in said
