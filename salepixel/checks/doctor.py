"""`salepixel doctor`: checks the installation and each account, and prints a sentence for each check.

It starts nothing, and stores no finding.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
from redis.exceptions import RedisError

from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.store import list_accounts
from salepixel.checks import installation, sentences
from salepixel.checks.installation import not_checked
from salepixel.checks.probes import probe
from salepixel.checks.result import Result, State
from salepixel.checks.use_cases import see_first_steps
from salepixel.keys import BadKeys, Keys, load_keys
from salepixel.money.rates import Rates
from salepixel.people.openid import Client, Provider, ProviderUnavailable
from salepixel.settings import BadSettings, EdgeSettings, PluginSettings, WorkerSettings
from salepixel.stack.service import own_address, read_health
from salepixel.storage.database import (
    Database,
    DatabaseUnavailable,
    UnsafeDatabase,
    open_database,
    require_current,
)
from salepixel.storage.schema import installation as installations
from salepixel.wire import outgoing
from salepixel.wire.redis import open_redis
from salepixel.wire.round_trip import RoundTrips

_MARKS = {State.DONE: "ok    ", State.WAITING: "to do ", State.BROKEN: "BROKEN"}


class Line(NamedTuple):
    """A result, of the installation (`account` is empty) or of an account."""

    account: str
    result: Result

    def __str__(self) -> str:
        """The result for a terminal, in one line."""
        known, titles = (
            (sentences.SENTENCES, sentences.TITLES)
            if self.account
            else (installation.SENTENCES, installation.TITLES)
        )
        sentence, words = known[self.result.reason], {k: _text(v) for k, v in self.result.words.items()}
        says = sentence.says % words
        if self.result.state is not State.DONE:  # its reader is the operator
            says = " ".join(filter(None, (says, (sentence.operator or sentence.mends) % words)))
        where = f"account {self.account}: " if self.account else ""
        return f"{_MARKS[self.result.state]} {where}{titles[self.result.name]}: {says}"


def examine(environ: Mapping[str, str]) -> Iterator[Line]:
    """All results, the installation's first. A fault stops only the checks that depend on it."""
    try:
        for kind in (EdgeSettings, WorkerSettings):
            kind.load(environ)
        settings = PluginSettings.load(environ)
    except BadSettings as problems:
        for problem in str(problems).splitlines():
            words = {"problem": problem.rstrip(".")}
            yield Line("", Result("settings", State.BROKEN, "settings_bad", words))
        return
    outgoing.allow_private(settings.private_networks)
    yield Line("", Result("settings", State.DONE, "settings_read"))
    data = list(_check_data(settings))
    yield from (Line("", result) for result in data)
    good, keys = data[0].state is State.DONE, None
    if good:
        result, keys = _check_keys(settings)
        yield Line("", result)
    running, result = _check_redis(settings)
    yield Line("", result)
    result, database = _check_database(settings, keys) if good else (not_checked("database"), None)
    yield Line("", result)
    yield from (Line("", result) for result in _check_services(settings, running))
    yield Line("", installation.check_rates(Rates(settings.data).last_day(), datetime.now(UTC).date()))
    yield Line("", _check_company(settings))
    if database is None:
        return
    with closing(database):
        if keys and result.state is State.DONE:
            yield from _check_accounts(settings, database, keys)


def run(environ: Mapping[str, str], write: Callable[[str], None]) -> int:
    """Print all results; returns 0 if nothing is broken, 1 if something is, 2 for unusable settings."""
    worst = 0
    for line in examine(environ):
        write(str(line))
        if line.result.state is State.BROKEN:
            worst = max(worst, 2 if line.result.name == "settings" else 1)
    return worst


def _check_data(settings: PluginSettings) -> Iterator[Result]:
    folder = settings.data
    words = {"folder": str(folder)}
    if not folder.exists():
        yield Result("data", State.BROKEN, "data_missing", words)
        return
    problem = "" if folder.is_dir() else "it is not a folder"
    if not problem and not os.access(folder, os.W_OK | os.X_OK):
        problem = "this user has no right to"
    if problem:
        yield Result("data", State.BROKEN, "data_refused", words | {"problem": problem})
        return
    yield Result("data", State.DONE, "data_usable", words)
    yield installation.check_disk(str(folder), shutil.disk_usage(folder).free)


def _check_keys(settings: PluginSettings) -> tuple[Result, Keys | None]:
    if not settings.keys_file.exists():
        words = {"file": str(settings.keys_file)}
        return Result("keys", State.BROKEN, "keys_missing", words), None
    try:
        return Result("keys", State.DONE, "keys_good"), load_keys(settings.keys_file)
    except BadKeys as problem:
        return Result("keys", State.BROKEN, "keys_bad", {"problem": _one_line(problem)}), None


def _check_redis(settings: PluginSettings) -> tuple[int | None, Result]:
    """The number of running workers, None without Redis, and the result."""
    with closing(open_redis(settings.redis_address)) as client:
        try:
            client.ping()
            running = len(list(client.scan_iter("salepixel:worker:*", count=1000)))
        except RedisError as error:
            return None, Result("redis", State.BROKEN, "redis_silent", {"problem": _one_line(error)})
        try:
            config = client.config_get("maxmemory-policy", "appendonly")
        except RedisError:
            config = {}  # a hosted Redis does not let us read it
    texts = {_decoded(name): _decoded(value) for name, value in dict(config).items()}
    return running, installation.check_redis(texts)


def _check_database(settings: PluginSettings, keys: Keys | None) -> tuple[Result, Database | None]:
    file = settings.data / "salepixel.sqlite3"
    if not settings.database_url and not file.exists():
        words = {"problem": f"There is no database {file} yet"}
        return Result("database", State.BROKEN, "database_bad", words), None
    try:
        database = open_database(settings.database_url, settings.data)
    except UnsafeDatabase as problem:
        return Result("database", State.BROKEN, "database_bad", {"problem": _one_line(problem)}), None
    try:
        require_current(database)
        with database.read() as connection:
            known = connection.scalar(sa.select(installations.c.fingerprint))
    except (DatabaseUnavailable, UnsafeDatabase, sa.exc.DBAPIError) as problem:
        database.close()
        return Result("database", State.BROKEN, "database_bad", {"problem": _one_line(problem)}), None
    if keys and known and known != keys.fingerprint:
        words = {"problem": "The database was written with other keys than those in keys.json"}
        return Result("keys", State.BROKEN, "keys_bad", words), database
    return Result("database", State.DONE, "database_current"), database


def _check_services(settings: PluginSettings, running: int | None) -> Iterator[Result]:
    host = own_address(settings.host)
    edge, plugin = read_health(host, settings.edge_port), read_health(host, settings.plugin_port)
    yield installation.check_edge(f"{host}:{settings.edge_port}", edge)
    yield installation.check_plugin(f"{host}:{settings.plugin_port}", plugin)
    yield not_checked("worker") if running is None else installation.check_worker(running, plugin)
    yield installation.check_log(edge, plugin) if edge or plugin else not_checked("log")


def _check_company(settings: PluginSettings) -> Result:
    if not settings.oidc_issuer:
        return Result("company", State.DONE, "company_not_used")
    client = Client(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
    try:
        Provider(client).check()
    except ProviderUnavailable as problem:
        return Result("company", State.BROKEN, "company_silent", {"problem": _one_line(problem)})
    return Result("company", State.DONE, "company_answers")


def _check_accounts(settings: PluginSettings, database: Database, keys: Keys) -> Iterator[Line]:
    trips, now = RoundTrips(keys), datetime.now(UTC)
    with database.read() as connection:
        accounts = list_accounts(connection, INSTALLATION)
    for account in accounts:
        fresh = probe(account, settings.edge_url, trips, now)
        with database.read() as connection:
            steps = see_first_steps(connection, INSTALLATION, account.emp_id, settings.edge_url, fresh)
        yield from (Line(str(account.emp_id), result) for result in steps.results)


def _text(word: object) -> object:
    return f"{word:%Y-%m-%d %H:%M} UTC" if isinstance(word, datetime) else word


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split()).rstrip(".")


def _decoded(text: str | bytes | None) -> str:
    return text.decode() if isinstance(text, bytes) else text or ""
