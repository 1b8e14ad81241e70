"""`salepixel rates` puts newer exchange rates in place, or says why not and leaves the old ones."""

import subprocess
import sys
import threading
from datetime import date, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from currency_converter import CURRENCY_FILE, SINGLE_DAY_CURRENCY_FILE

from salepixel.accounts import store as accounts
from salepixel.accounts.policy import Policy
from salepixel.attribution.decide import decide
from salepixel.attribution.decisions import store_decision
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.attribution.sales import sale_rows
from salepixel.money.rates import FILE_NAME, SHIPPED, BadRates, Rates
from salepixel.orders import store as orders
from salepixel.orders.order import Order
from salepixel.orders.queue import due_orders
from salepixel.report.refresh import describe_rates, refresh_rates
from salepixel.settings import StorageSettings
from salepixel.storage.database import Database
from tests.make import NOON, click_at, order, rates_file
from tests.waiting import PATIENCE_SECONDS

LAST = SHIPPED.last_day()
TODAY = LAST + timedelta(days=24)
NOW = datetime.combine(TODAY, NOON.timetz())


@pytest.fixture
def settings(tmp_path: Path) -> StorageSettings:
    return StorageSettings.load({"SALEPIXEL_DATA": str(tmp_path)})


@pytest.fixture
def database(sqlite: Database) -> Database:
    with sqlite.write() as connection:
        accounts.add_account(connection, accounts.Account(1, "Shoes", "EUR", NOON))
    return sqlite


def sell(database: Database, rates: Rates, bought: Order) -> None:
    decision = decide(1, bought, [Evidence(Rung.TOKEN, click_at(bought.placed_at))], Policy())
    rate = rates.rate(bought.currency, "EUR", bought.placed_at.date())
    with database.write() as connection:
        orders.store_order(connection, "s1", 1, bought, "")
        stored = orders.get_order(connection, "s1", bought.id)
        assert stored is not None
        store_decision(connection, stored, decision, sale_rows(bought, decision, rate=rate))


def test_orders_with_a_newer_rate_are_converted_again(
    settings: StorageSettings, database: Database, tmp_path: Path
) -> None:
    rates = Rates(settings.data)
    sell(database, rates, order(id="O1", currency="USD", placed_at=NOW))
    sell(database, rates, order(id="O2", currency="KES", placed_at=NOW))
    sell(database, rates, order(id="O3", currency="EUR", placed_at=NOW))
    sell(database, rates, order(id="O4", currency="USD", placed_at=NOW - timedelta(days=40)))
    newer = tmp_path / "newer.zip"
    rates_file(newer, {TODAY: "2.0"})
    said = refresh_rates(settings, str(newer))
    assert said == (f"The rates in use now end on {TODAY}, before on {LAST}. Orders to convert again: 1.")
    with database.read() as connection:
        assert due_orders(connection, 10) == [("s1", "O1")]
    assert describe_rates(settings).endswith(f"{FILE_NAME}, to {TODAY}.")
    sell(database, rates, order(id="O1", currency="USD", placed_at=NOW))
    assert refresh_rates(settings, str(newer)).endswith("again: 0.")


def test_rates_are_downloaded(settings: StorageSettings, tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    rates_file(served / "hist.zip", {TODAY: "2.0"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=served))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        assert f"The rates in use now end on {TODAY}" in refresh_rates(settings, f"{address}/hist.zip")
        with pytest.raises(BadRates, match="cannot be read"):
            refresh_rates(settings, f"{address}/none.zip")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("/nowhere", "cannot be read"),
        (__file__, "not a history"),
        (SINGLE_DAY_CURRENCY_FILE, "not a history"),
        ("old.zip", f"all days until {TODAY} are needed"),
    ],
)
def test_an_invalid_or_older_history_is_refused(
    settings: StorageSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rates_file(Path(FILE_NAME), {TODAY: "2.0"})
    Path("old.zip").write_bytes(Path(CURRENCY_FILE).read_bytes())
    with pytest.raises(BadRates, match=why):
        refresh_rates(settings, source)
    assert Rates(tmp_path).last_day() == TODAY
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE_NAME, "old.zip"]


def test_the_command_shows_the_rates_in_use_and_its_exit_code_the_result(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "salepixel.cli", "rates", *words, "--data", str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    shown = run()
    assert (shown.returncode, date.fromisoformat(shown.stdout.split()[-1].rstrip("."))) == (
        0,
        date(2026, 10, 30),
    )
    refused = run("refresh", "/nowhere")
    assert refused.returncode == 1
    assert refused.stderr.startswith("salepixel: /nowhere cannot be read")
