"""The form for periods, the same on every page that has one. Its state is in the address.

`period` names a preset; `from` and `to` are days and win over it; `compare` says what it is compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from flask import request
from pydantic import ValidationError

from salepixel.accounts.store import Account
from salepixel.report.periods import Against, Comparison, Preset, Range, compare, range_of, today_in
from salepixel_plugin.access import Refusal
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import language
from salepixel_plugin.paging import Days
from salepixel_plugin.services import services

PRESETS = {
    Preset.TODAY: N_("Today"),
    Preset.DAYS_7: N_("7 days"),
    Preset.DAYS_28: N_("28 days"),
    Preset.DAYS_90: N_("90 days"),
    Preset.THIS_MONTH: N_("This month"),
    Preset.LAST_MONTH: N_("Last month"),
    Preset.THIS_YEAR: N_("This year"),
    Preset.ALL: N_("All days"),
}

AGAINST = {
    Against.NOTHING: N_("Nothing"),
    Against.BEFORE: N_("Period before"),
    Against.YEAR_BEFORE: N_("Year before"),
}

_NONE = "none"
"""In addresses: no comparison, although the page has one by default."""

_BAD_DAYS = N_("Enter dates such as 2026-11-23, with From not later than To, or leave both empty.")
_TOO_LONG = N_(
    "Enter dates such as 2026-11-23, with From not later than To and at most %(days)s days, "
    "or leave both empty."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A link of the form: its text, the parameters that it sets, and whether it is chosen."""

    text: str
    changes: dict[str, str]
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """The period of a page. `preset`: None for days that were entered. `zone`: the account's time zone."""

    range: Range
    preset: Preset | None
    against: Against
    comparison: Comparison | None
    presets: Sequence[Choice]
    comparisons: Sequence[Choice]
    zone: str
    today: date

    @property
    def parameters(self) -> dict[str, str]:
        """The same days in the address of another page."""
        if self.preset:
            return {"period": self.preset}
        days = {"from": self.range.first, "to": self.range.last}
        return {name: day.isoformat() for name, day in days.items() if day}

    @property
    def name(self) -> str:
        """The text of the preset; empty for days that were entered."""
        return PRESETS[self.preset] if self.preset else ""


def read_period(
    account: Account,
    default: Preset,
    *,
    longest: int | None = None,
    compares: bool = False,
    against: Against = Against.NOTHING,
) -> Chosen:
    """The period in the address of this page. Raises a Refusal (422) for a bad one.

    `longest`: the most days that the page can show. `compares`: whether the page has a comparison. `against`:
    the one that it has if the address has none.
    """
    zone = account.zone(services().settings.time_zone)
    today = today_in(zone, datetime.now(UTC))
    entered = _entered_days(longest)
    is_entered = entered != Range()
    preset = None if is_entered else _preset(default)
    range_ = range_of(preset, today) if preset else entered
    if not _fits(range_, longest, today):
        raise _refusal(longest)
    against = _against(against) if compares else Against.NOTHING
    offered = [one for one in PRESETS if _fits(range_of(one, today), longest, today)]
    return Chosen(
        range_,
        preset,
        against,
        compare(range_, against),
        [Choice(PRESETS[one], _of_preset(one), one is preset) for one in offered],
        [
            Choice(text, {"compare": one or _NONE, "cursor": ""}, one is against)
            for one, text in AGAINST.items()
        ]
        if compares
        else [],
        zone.key,
        today,
    )


def _of_preset(preset: Preset) -> dict[str, str]:
    return {"period": preset, "from": "", "to": "", "cursor": "", "newer": "", "page": ""}


def _entered_days(longest: int | None) -> Range:
    # A form sends an empty field as an empty text.
    given = {name: text for name, text in request.args.items() if text}
    try:
        return Days.model_validate(given).range
    except ValidationError:
        raise _refusal(longest) from None


def _preset(default: Preset) -> Preset:
    try:
        return Preset(request.args.get("period") or default)
    except ValueError:
        raise _refusal(None) from None


def _against(default: Against) -> Against:
    asked = request.args.get("compare") or default
    try:
        return Against.NOTHING if asked == _NONE else Against(asked)
    except ValueError:
        return Against.NOTHING


def _fits(range_: Range, longest: int | None, today: date) -> bool:
    if longest is None or (range_.last and not range_.first):
        return True  # a page knows itself how many days before the last one it shows
    days = range_.length or Range(range_.first, range_.last or today).length
    return days is not None and 0 < days <= longest


def _refusal(longest: int | None) -> Refusal:
    if longest is None:
        return Refusal(422, "bad_days", _BAD_DAYS)
    return Refusal(422, "bad_days", _TOO_LONG, days=language().number(longest))
