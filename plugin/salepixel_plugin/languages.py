"""Languages: texts, money and times as a reader writes them.

Translations are read from .po files at startup, so there are no compiled .mo files to keep up to date.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent
from babel.support import NullTranslations, Translations

from salepixel.reading.translated import N_ as N_  # the name that all modules of the plugin use

FOLDER = Path(__file__).parent / "translations"


@dataclass(frozen=True)
class Language:
    """A language. `code` is also the locale of its numbers and dates.

    `zone`: in which times are written, without its name, because the page names it once. None: in UTC, and
    each time says so.
    """

    code: str
    name: str
    translations: NullTranslations
    zone: ZoneInfo | None = None

    def in_zone(self, zone: ZoneInfo) -> Self:
        """The same language, with times in a time zone."""
        return replace(self, zone=zone)

    @cached_property
    def _locale(self) -> Locale:
        # Babel parses a code again for each number and date: a seventh of the time of a page of sales.
        return Locale.parse(self.code)

    def text(self, message: str, /, **words: object) -> str:
        """The message in this language, with its words filled in."""
        translated: str = self.translations.gettext(message)
        return translated % words if words else translated

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount with its currency: 39,80 €."""
        return _write_money(amount + 0, currency, self._locale)

    def number(self, value: int | Decimal) -> str:
        """A number with its thousands grouped and at most three decimals."""
        return _write_number(value + 0, self._locale)

    def percent(self, share: float) -> str:
        """A share (0 to 1) in percent."""
        return format_percent(share, locale=self._locale)

    def confidence(self, share: float) -> str:
        """A confidence in percent, at most 99 %, because the buyer may have come without the e-mail."""
        return self.percent(min(share, 0.99))

    def rate(self, share: float) -> str:
        """A small share (0 to 1) in percent, with up to two decimals."""
        return format_percent(round(share, 4), locale=self.code, decimal_quantization=False)

    def short_date(self, day: date) -> str:
        """A day below the axis of a chart: 23 Nov."""
        return _write_date(day, "d MMM", self._locale)

    def date(self, day: date) -> str:
        """A day: 23 Nov 2026."""
        return _write_date(day, "d MMM y", self._locale)

    def short(self, value: Decimal) -> str:
        """A number beside the axis of a chart: 12K. Small numbers in full."""
        if abs(value) < 1000:
            return self.number(value)
        return format_compact_decimal(value, locale=self.code, fraction_digits=1)

    def points(self, difference: float) -> str:
        """A difference of two shares in percentage points, with at most two decimals."""
        return format_decimal(round(difference * 100, 2), locale=self._locale)

    def time(self, moment: datetime) -> str:
        """A time to the minute. In UTC it is marked: shop, buyers and server may be in different zones."""
        text = format_datetime(self.local(moment), "d MMM y, HH:mm", locale=self._locale)
        return text if self.zone else f"{text} UTC"

    def local(self, at: datetime) -> datetime:
        """A time in the time zone of this language, or in UTC. For formatting: it has no zone any more."""
        return at.astimezone(self.zone or UTC).replace(tzinfo=None)

    def moment(self, at: datetime) -> str:
        """A time to the second, with its day unless that is today."""
        moment = self.local(at)
        is_today = moment.date() == self.local(datetime.now(UTC)).date()
        return format_datetime(moment, "HH:mm:ss" if is_today else "d MMM, HH:mm:ss", locale=self._locale)


# A chart and the table behind it name the same days and values several times, and Babel takes 50 us for each.
# Equal values share a text, so none may be -0: adding 0 makes it 0.
@lru_cache(maxsize=4096)
def _write_date(day: date, pattern: str, locale: Locale) -> str:
    return format_date(day, pattern, locale=locale)


@lru_cache(maxsize=4096)
def _write_number(value: int | Decimal, locale: Locale) -> str:
    return format_decimal(value, locale=locale)


@lru_cache(maxsize=4096)
def _write_money(amount: Decimal, currency: str, locale: Locale) -> str:
    return format_currency(amount, currency, locale=locale)


def _read(code: str, name: str) -> Language:
    compiled = BytesIO()
    with (FOLDER / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Language(code, name, Translations(compiled))


ENGLISH = Language("en", "English", NullTranslations())
LANGUAGES = {"en": ENGLISH, "es": _read("es", "Español")}
