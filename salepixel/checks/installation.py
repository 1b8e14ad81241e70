"""Checks of the installation: values in, a result out. Their sentences are read in a terminal."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from salepixel.checks.result import Result, State
from salepixel.checks.sentences import Sentence
from salepixel.money.rates import MAX_AGE_DAYS

SHORT_BYTES = 2**30
"""With less free disk space, an installation is short of it: a burst of 10,000 clicks a second writes 1 GB in
ten minutes."""

BEHIND_SECONDS = 600
"""Records and orders that wait for longer say that no worker keeps up."""

TITLES = {
    "settings": "settings",
    "data": "data folder",
    "disk": "disk space",
    "keys": "keys",
    "redis": "Redis",
    "database": "database",
    "edge": "edge",
    "plugin": "plugin",
    "worker": "worker",
    "log": "log",
    "rates": "exchange rates",
    "company": "company sign-in",
}
"""The checks of the installation, in their sequence."""

SENTENCES = {
    "settings_read": Sentence("All settings can be used."),
    "settings_bad": Sentence("%(problem)s.", "Correct the setting (docs/reference/settings.md)."),
    "data_usable": Sentence("%(folder)s can be written to."),
    "data_missing": Sentence(
        "There is no folder %(folder)s.", "Start salepixel once, or name its folder with --data."
    ),
    "data_refused": Sentence(
        "%(folder)s cannot be written to: %(problem)s.",
        "Give the folder to the user that runs salepixel, or choose another one with SALEPIXEL_DATA.",
    ),
    "disk_enough": Sentence("%(megabytes)s MB are free in %(folder)s."),
    "disk_short": Sentence(
        "Only %(megabytes)s MB are free in %(folder)s.",
        "Free disk space, or move the folder to a larger disk: without space, clicks are lost.",
    ),
    "keys_good": Sentence("The keys are those of this installation."),
    "keys_bad": Sentence("%(problem)s.", "Restore keys.json from your backup."),
    "keys_missing": Sentence(
        "There is no %(file)s.", "Start salepixel once, or restore the file from your backup."
    ),
    "redis_answers": Sentence("Redis answers, and keeps what it is given."),
    "redis_silent": Sentence(
        "Redis does not answer: %(problem)s.",
        "Start salepixel, or correct SALEPIXEL_REDIS_URL. Until then, clicks wait in the journal.",
    ),
    "redis_evicts": Sentence(
        "Redis deletes data when its memory is full (maxmemory-policy is %(value)s).",
        "Run: CONFIG SET maxmemory-policy noeviction",
    ),
    "redis_forgets": Sentence(
        "Redis keeps no file of its commands, so a restart loses what the edges have shipped.",
        "Run: CONFIG SET appendonly yes",
    ),
    "database_current": Sentence("The database answers, and its tables are those of this version."),
    "database_bad": Sentence("%(problem)s.", "Start the database, or correct the address or the version."),
    "edge_answers": Sentence("The edge answers."),
    "edge_silent": Sentence(
        "No edge answers at %(address)s.",
        "Start salepixel, or correct SALEPIXEL_HOST and SALEPIXEL_EDGE_PORT.",
    ),
    "edge_other_program": Sentence(
        "Another program answers at %(address)s in place of the edge.",
        "Stop it, or choose another SALEPIXEL_EDGE_PORT.",
    ),
    "edge_stuck": Sentence(
        "Processes of the edge that make no progress: %(number)s.", "Restart the edge, and read its log."
    ),
    "edge_disk": Sentence(
        "The disk does not take the edge's journal.",
        "Free disk space, or replace the disk: visitors are redirected, but their clicks are lost.",
    ),
    "edge_behind": Sentence(
        "Clicks have waited for %(minutes)s minutes to be stored in the database.",
        "Check that Redis and a worker run, and read the worker's log.",
    ),
    "edge_lost": Sentence(
        "The edge could not write clicks since its start: %(number)s.",
        "Check the disk of the edge. GET /api/v1/losses says when.",
    ),
    "plugin_answers": Sentence("The plugin answers."),
    "plugin_silent": Sentence(
        "No plugin answers at %(address)s.",
        "Start salepixel, or correct SALEPIXEL_HOST and SALEPIXEL_PLUGIN_PORT.",
    ),
    "plugin_other_program": Sentence(
        "Another program answers at %(address)s in place of the plugin.",
        "Stop it, or choose another SALEPIXEL_PLUGIN_PORT.",
    ),
    "plugin_unavailable": Sentence(
        "The plugin cannot use its database: %(problem)s.", "Read the plugin's log, and check the database."
    ),
    "worker_runs": Sentence("A worker runs and keeps up."),
    "worker_missing": Sentence(
        "No worker runs, so clicks and orders wait.", "Start salepixel, or salepixel-worker."
    ),
    "worker_behind": Sentence(
        "The oldest order has waited for %(minutes)s minutes.", "Read the worker's log."
    ),
    "log_whole": Sentence("No line of the log was lost."),
    "log_lost": Sentence(
        "Lines of the log that could not be written: %(number)s.",
        "Check the disk or the program that takes the log.",
    ),
    "rates_current": Sentence("The newest exchange rates are of %(day)s."),
    "rates_old": Sentence(
        "The newest exchange rates are of %(day)s: new sales in other currencies than the account's are not "
        "converted.",
        "If there are such sales, run each day: salepixel rates refresh",
    ),
    "company_answers": Sentence("The OpenID provider answers."),
    "company_not_used": Sentence("People sign in with a password; no OpenID provider is set."),
    "company_silent": Sentence(
        "Nobody can sign in with a company account: %(problem)s.",
        "Correct SALEPIXEL_OIDC_ISSUER, or ask the provider's administrator.",
    ),
    "not_checked": Sentence("Not checked, because of the fault above."),
}


def not_checked(name: str) -> Result:
    """For a check that needs another one to succeed."""
    return Result(name, State.WAITING, "not_checked")


def check_disk(folder: str, free_bytes: int) -> Result:
    """Whether the disk of the data folder has space."""
    words = {"folder": folder, "megabytes": free_bytes // 2**20}
    if free_bytes < SHORT_BYTES:
        return Result("disk", State.BROKEN, "disk_short", words)
    return Result("disk", State.DONE, "disk_enough", words)


def check_redis(config: Mapping[str, str]) -> Result:
    """Whether Redis keeps what it is given, by its CONFIG; empty if it does not let us read it."""
    policy = config.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        return Result("redis", State.BROKEN, "redis_evicts", {"value": policy})
    if config.get("appendonly", "yes") != "yes":
        return Result("redis", State.BROKEN, "redis_forgets")
    return Result("redis", State.DONE, "redis_answers")


def check_edge(address: str, health: Mapping[str, Any] | None) -> Result:
    """Whether the edge takes clicks, by its /healthz: None if nobody answers, empty for another program."""
    if health is None:
        return Result("edge", State.BROKEN, "edge_silent", {"address": address})
    if "journals" not in health:
        return Result("edge", State.BROKEN, "edge_other_program", {"address": address})
    if health["disk"] != "ok":
        return Result("edge", State.BROKEN, "edge_disk")
    if health["stuck"]:
        return Result("edge", State.BROKEN, "edge_stuck", {"number": health["stuck"]})
    if health["lost"]["count"]:
        return Result("edge", State.BROKEN, "edge_lost", {"number": health["lost"]["count"]})
    if health["lag_seconds"] > BEHIND_SECONDS:
        return Result("edge", State.BROKEN, "edge_behind", {"minutes": int(health["lag_seconds"] // 60)})
    return Result("edge", State.DONE, "edge_answers")


def check_plugin(address: str, health: Mapping[str, Any] | None) -> Result:
    """Whether the plugin takes deliveries, likewise."""
    if health is None:
        return Result("plugin", State.BROKEN, "plugin_silent", {"address": address})
    if "database" not in health:
        return Result("plugin", State.BROKEN, "plugin_other_program", {"address": address})
    if health["database"] != "ok":
        return Result("plugin", State.BROKEN, "plugin_unavailable", {"problem": health["database"]})
    return Result("plugin", State.DONE, "plugin_answers")


def check_worker(running: int, plugin: Mapping[str, Any] | None) -> Result:
    """Whether a worker runs (so many say that they do) and keeps up, by the plugin's /healthz."""
    if not running:
        return Result("worker", State.BROKEN, "worker_missing")
    waited = (plugin or {}).get("orders", {}).get("oldest_due_seconds", 0)
    if waited > BEHIND_SECONDS:
        return Result("worker", State.BROKEN, "worker_behind", {"minutes": int(waited // 60)})
    return Result("worker", State.DONE, "worker_runs")


def check_log(*healths: Mapping[str, Any] | None) -> Result:
    """Whether lines of the log were lost, by /healthz of edge and plugin."""
    lost = sum((health or {}).get("log_lines_lost", 0) for health in healths)
    if lost:
        return Result("log", State.BROKEN, "log_lost", {"number": lost})
    return Result("log", State.DONE, "log_whole")


def check_rates(last: date, today: date) -> Result:
    """Whether sales of today can be converted. `last`: the day of the newest exchange rates."""
    words = {"day": last.isoformat()}
    if (today - last).days > MAX_AGE_DAYS:
        return Result("rates", State.WAITING, "rates_old", words)
    return Result("rates", State.DONE, "rates_current", words)
