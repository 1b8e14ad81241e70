"""The doctor names each fault of an installation, in one sentence that says what to do."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from kit.ports import free_port
from kit.stack import Stack
from salepixel.checks import installation, sentences
from salepixel.checks.doctor import Line, examine, run
from salepixel.checks.installation import (
    check_disk,
    check_edge,
    check_log,
    check_plugin,
    check_rates,
    check_worker,
)
from salepixel.checks.result import Result, State
from salepixel.money.rates import FILE_NAME, Rates
from salepixel.storage.database import open_database
from tests.command import CommandLine
from tests.edge.running import Valkey
from tests.far_host import FarHost, answers
from tests.make import rates_file
from tests.waiting import PATIENCE_SECONDS

KEY = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
LOOPBACK = "127.0.0.0/8,::1/128"


def _environ(stack: Stack, **settings: str) -> dict[str, str]:
    chosen = {
        "data": str(stack.data),
        "edge_port": str(stack.edge_port),
        "plugin_port": str(stack.plugin_port),
        "edge_url": stack.edge_url,
        "private_networks": LOOPBACK,
    } | settings
    return {f"SALEPIXEL_{name.upper()}": value for name, value in chosen.items()}


def _broken(environ: dict[str, str], account: str = "") -> set[str]:
    lines = list(examine(environ))
    for line in lines:
        assert "\n" not in str(line)
        assert "%(" not in str(line)
        assert "Traceback" not in str(line)
    return {
        line.result.reason for line in lines if line.account == account and line.result.state is State.BROKEN
    }


@pytest.fixture
def copied(shared_stack: Stack, tmp_path: Path) -> Path:
    """A data folder with keys and a database. A test breaks a part of it."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("keys.json", "keys.fingerprint"):
        shutil.copy2(shared_stack.data / name, folder / name)
    database = open_database("", shared_stack.data)
    with closing(database), database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("VACUUM INTO ?", (str(folder / "salepixel.sqlite3"),))
    return folder


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey that deletes data when its memory is full."""
    (tmp_path / "valkey").mkdir()
    running = Valkey(tmp_path / "valkey")
    running.start("--maxmemory-policy", "allkeys-lru")
    yield running
    running.close()


def test_a_running_installation_is_well(
    shared_stack: Stack, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _environ(shared_stack).items():
        monkeypatch.setenv(name, value)
    command_line.data = shared_stack.data
    done = command_line.run("doctor")
    found = {line.result.name: line for line in examine(_environ(shared_stack)) if not line.account}
    assert list(found) == list(installation.TITLES)
    rates = found.pop("rates").result  # by the day: the package's rates end with its release
    assert rates == check_rates(Rates(shared_stack.data).last_day(), datetime.now(UTC).date())
    assert {line.result.state for line in found.values()} == {State.DONE}
    assert "ok     database: The database answers" in done.stdout
    assert "to do  account 1: Account and shop site: The account does not have" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert done.code == (1 if "BROKEN" in done.stdout else 0)


def test_a_misspelt_setting_is_named_and_ends_with_2(shared_stack: Stack) -> None:
    environ = _environ(shared_stack) | {"SALEPIXEL_EGDE_URL": "x"}
    assert _broken(environ) == {"settings_bad"}
    written: list[str] = []
    assert run(environ, written.append) == 2
    assert "did you mean SALEPIXEL_EDGE_URL" in written[0]


def test_an_openid_provider_that_does_not_answer_is_named(shared_stack: Stack) -> None:
    with FarHost() as host:
        issuer = {"oidc_issuer": host.url, "oidc_client_id": "a", "oidc_client_secret": "b"}
        assert "company_silent" in _broken(_environ(shared_stack, **issuer))
        known = {"issuer": host.url, "authorization_endpoint": host.url, "token_endpoint": host.url}
        document = "/.well-known/openid-configuration"
        host.answers[document] = answers(content=known | {"jwks_uri": f"{host.url}/keys"})
        host.answers["/keys"] = answers(content={"keys": [KEY]})
        assert "company_silent" not in _broken(_environ(shared_stack, **issuer))
        host.answers[document] = answers(content=known | {"issuer": f"{host.url}/"})
        (line,) = (one for one in examine(_environ(shared_stack, **issuer)) if one.result.name == "company")
        assert "SALEPIXEL_OIDC_ISSUER must be exactly this" in str(line)


def test_the_day_of_the_newest_exchange_rates_is_reported(shared_stack: Stack, copied: Path) -> None:
    today = datetime.now(UTC).date()
    rates_file(copied / FILE_NAME, {today: "1.1602"})
    (line,) = (one for one in examine(_environ(shared_stack, data=str(copied))) if one.result.name == "rates")
    assert str(line) == f"ok     exchange rates: The newest exchange rates are of {today}."


def test_a_data_folder_that_is_a_file_is_named(shared_stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = _environ(shared_stack, data=str(tmp_path / "file"), redis_url="redis://127.0.0.1:1")
    assert _broken(environ) == {"data_refused", "redis_silent"}


def test_a_missing_data_folder_is_named_and_not_created(shared_stack: Stack, tmp_path: Path) -> None:
    environ = _environ(shared_stack, data=str(tmp_path / "none"), redis_url="redis://127.0.0.1:1")
    assert _broken(environ) == {"data_missing", "redis_silent"}
    assert not (tmp_path / "none").exists()


def test_missing_keys_are_named(shared_stack: Stack, copied: Path) -> None:
    (copied / "keys.json").unlink()
    socket = f"unix://{shared_stack.data}/valkey.sock"
    assert _broken(_environ(shared_stack, data=str(copied), redis_url=socket)) == {"keys_missing"}


def test_keys_of_another_installation_are_named(shared_stack: Stack, copied: Path) -> None:
    content = {"active": 1, "keys": {"1": bytes(32).hex()}}
    (copied / "keys.json").write_text(json.dumps(content))
    socket = f"unix://{shared_stack.data}/valkey.sock"
    environ = _environ(shared_stack, data=str(copied), redis_url=socket)
    assert _broken(environ) == {"keys_bad"}
    (copied / "keys.fingerprint").unlink()
    assert _broken(environ) == {"keys_bad"}


def test_a_redis_that_does_not_answer_is_named(shared_stack: Stack) -> None:
    assert _broken(_environ(shared_stack, redis_url="redis://127.0.0.1:1")) == {"redis_silent"}


def test_a_redis_that_deletes_data_and_a_missing_worker_are_named(
    shared_stack: Stack, forgetful: Valkey
) -> None:
    environ = _environ(shared_stack, redis_url=forgetful.address)
    assert _broken(environ) == {"redis_evicts", "worker_missing"}
    forgetful.client.config_set("maxmemory-policy", "noeviction")
    forgetful.client.config_set("appendonly", "no")
    assert _broken(environ) == {"redis_forgets", "worker_missing"}


def test_a_database_that_does_not_answer_is_named(shared_stack: Stack) -> None:
    url = f"postgresql://ana:secret@127.0.0.1:{free_port()}/sales"
    assert _broken(_environ(shared_stack, database_url=url)) == {"database_bad"}
    assert not [line for line in examine(_environ(shared_stack, database_url=url)) if "secret" in str(line)]


def test_tables_of_another_version_are_named(shared_stack: Stack, copied: Path) -> None:
    database = open_database("", copied)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    database.close()
    socket = f"unix://{shared_stack.data}/valkey.sock"
    assert _broken(_environ(shared_stack, data=str(copied), redis_url=socket)) == {"database_bad"}


def test_services_that_do_not_answer_are_named(shared_stack: Stack) -> None:
    ports = {"edge_port": str(free_port()), "plugin_port": str(free_port())}
    assert _broken(_environ(shared_stack, **ports)) == {"edge_silent", "plugin_silent"}


@pytest.mark.parametrize("body", [b"<html>", b'{"status": "up"}', b"[]"])
def test_another_program_on_a_port_is_named(shared_stack: Stack, body: bytes) -> None:
    with FarHost() as other:
        other.answers["*"] = answers(200, body)
        port = other.url.rpartition(":")[2]
        assert _broken(_environ(shared_stack, edge_port=port)) == {"edge_other_program"}
        assert _broken(_environ(shared_stack, plugin_port=port)) == {"plugin_other_program"}


def test_a_tracking_host_that_leads_nowhere_or_to_another_site_is_named(
    shared_stack: Stack, own_account: int
) -> None:
    account = {"empId": own_account, "name": "Shoes", "currency": "EUR", "site": "shop.test"}
    account |= {"tracking_host": "track.mailer.invalid"}
    requests.post(
        f"{shared_stack.plugin_url}/api/v1/accounts",
        json=account,
        headers={"Authorization": f"Bearer {shared_stack.api_key}"},
        timeout=PATIENCE_SECONDS,
    ).raise_for_status()
    found = _broken(_environ(shared_stack), str(own_account))
    assert found == {"host_unreachable", "other_site"}


HEALTHY_EDGE = {
    "status": "ok",
    "journals": [],
    "disk": "ok",
    "stuck": 0,
    "lost": {"count": 0},
    "lag_seconds": 0,
}


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (check_disk("/data", 2**30), "disk_enough"),
        (check_disk("/data", 2**30 - 1), "disk_short"),
        (check_edge("a:1", HEALTHY_EDGE), "edge_answers"),
        (check_edge("a:1", HEALTHY_EDGE | {"disk": "refuses"}), "edge_disk"),
        (check_edge("a:1", HEALTHY_EDGE | {"disk": "stalled"}), "edge_disk"),
        (check_edge("a:1", HEALTHY_EDGE | {"stuck": 1}), "edge_stuck"),
        (check_edge("a:1", HEALTHY_EDGE | {"lost": {"count": 3}}), "edge_lost"),
        (check_edge("a:1", HEALTHY_EDGE | {"lag_seconds": 601}), "edge_behind"),
        (check_plugin("a:1", {"database": "ok"}), "plugin_answers"),
        (check_plugin("a:1", {"database": "unavailable"}), "plugin_unavailable"),
        (check_worker(0, None), "worker_missing"),
        (check_worker(1, {"orders": {"oldest_due_seconds": 601}}), "worker_behind"),
        (check_worker(1, {"orders": {"oldest_due_seconds": 0}}), "worker_runs"),
        (check_log({"log_lines_lost": 1}, None), "log_lost"),
        (check_log({"log_lines_lost": 0}, {"log_lines_lost": 0}), "log_whole"),
        (check_rates(date(2026, 10, 30), date(2026, 11, 30)), "rates_current"),
        (check_rates(date(2026, 10, 30), date(2026, 12, 1)), "rates_old"),
    ],
)
def test_facts_of_the_installation_are_judged(result: Result, reason: str) -> None:
    assert result.reason == reason
    assert "%(" not in str(Line("", result))


def test_every_check_has_a_title_and_every_fault_says_what_to_do() -> None:
    assert not set(installation.TITLES) & set(sentences.TITLES)
    for reason, sentence in installation.SENTENCES.items():
        assert sentence.says.endswith(".") or "%" in sentence.says, reason
