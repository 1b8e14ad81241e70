"""What an API call and a form of a page both bring, read and checked alike."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, ClassVar, Self

import pydantic
from pydantic import AfterValidator, Field, model_validator

from salepixel.accounts.policy import Model
from salepixel_plugin.fields import UNSET, LinkUrl, PlannedTime, Text
from salepixel_plugin.paging import Days

MOST_DAYS = 92
"""Of tracking health in one answer."""

SHOWN_DAYS = 14
DAYS = 90
MAX_DAYS = 366

WindowDays = Annotated[
    int, Field(ge=1, le=365, description="Days after a click in which an order may be credited to it.")
]

_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)


def _month(text: str) -> str:
    if not _MONTH.fullmatch(text):
        raise ValueError("must be a month such as 2026-10")
    return text


class Input(pydantic.BaseModel):
    """What a request brings. Strict, and closed: a misspelt field is an error, not a silence."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)
    max_bytes: ClassVar[int] = 1_000_000


class LinkChange(Input):
    """What is to change, also after sending; what is not named stays."""

    url: LinkUrl = Field(UNSET, description="Where it leads from now on; `original_url` undoes all changes.")
    active: bool = Field(UNSET, description="False: switch it off; visitors see a page that says so.")
    label: Text = Field(UNSET)
    sale_pixel: bool = Field(UNSET, description="Orders since the campaign began are decided again.")


class PolicyChange(Input):
    """What is to change; what is not named stays."""

    window_days: WindowDays = Field(UNSET)
    model: Model = Field(UNSET, description="How several clicks of a contact share an order.")
    alias_match: bool = Field(UNSET, description="Match addresses that lead to the same mailbox.")
    campaign_windows: dict[str, WindowDays] = Field(
        UNSET, description="Campaigns with another window, by id; replaces those of before.", max_length=1000
    )


class MonthIn(Input):
    """A month to close, with all before it."""

    month: Annotated[str, AfterValidator(_month)] = Field(examples=["2026-10"])
    without_failed: bool = Field(
        False, description="Leave out the orders that could not be decided; they earn nothing later."
    )


class ModelsPeriod(Input):
    """Orders placed from a time until before another."""

    first: PlannedTime | None = Field(None, alias="from", description=f"{DAYS} days before `to` by default.")
    last: PlannedTime | None = Field(None, alias="to", description="Now by default.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.ends(datetime.now(UTC))
        if not timedelta() < last - first <= timedelta(days=MAX_DAYS):
            raise ValueError(f"`to` must be after `from`, by at most {MAX_DAYS} days")
        return self

    def ends(self, now: datetime) -> tuple[datetime, datetime]:
        """Its two ends, those that were not given filled in."""
        last = self.last or now
        return self.first or last - timedelta(days=DAYS), last


class CoverageDays(Days):
    """Days (UTC), at most 92; the last 14 if none are given."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.ends(datetime.now(UTC).date())
        if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
            raise ValueError(f"`to` must not be before `from`, nor {MOST_DAYS} days or more after it")
        return self

    def ends(self, today: date) -> tuple[date, date]:
        """The first and the last day, those that were not given filled in."""
        last = self.to or today
        return self.since or last - timedelta(days=SHOWN_DAYS - 1), last
