"""The inputs that API calls and forms of pages share."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, ClassVar, Self

import pydantic
from pydantic import AfterValidator, Field, model_validator

from salepixel.accounts.policy import Model
from salepixel.campaigns.utm import BadPattern, Utm, check_pattern
from salepixel.report.comparison import DAYS, ends
from salepixel_plugin.fields import UNSET, LinkHosts, LinkUrl, Name, PlannedTime, Text
from salepixel_plugin.paging import Days

MAX_PERIOD_DAYS = 92
"""The most days of tracking health in one response."""

SHOWN_DAYS = 14
MAX_DAYS = 366

WindowDays = Annotated[
    int, Field(ge=1, le=365, description="Attribution window: days after a click in which an order counts.")
]

_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)


def _month(text: str) -> str:
    if not _MONTH.fullmatch(text):
        raise ValueError("must be a month such as 2026-10")
    return text


def _pattern(text: str) -> str:
    try:
        return check_pattern(text)
    except BadPattern as error:
        raise ValueError(str(error)) from None


class Input(pydantic.BaseModel):
    """The body of a request. Strict: an unknown field is an error, because it may be a misspelt one."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)
    max_bytes: ClassVar[int] = 1_000_000


class CopyIn(Input):
    """A copy of a campaign or of its e-mail."""

    name: Name | None = Field(None, description="Null: the name of the original with `(copy)`.")


Pattern = Annotated[Text, AfterValidator(_pattern), Field(examples=["{campaign}"])]


class UtmIn(Input):
    """UTM parameters that destinations get, by pattern. Empty: not added.

    `{campaign}` is the name of the campaign, `{link}` the label of the link, `{position}` its number in the
    campaign, from 1.
    """

    source: Pattern = ""
    medium: Pattern = ""
    campaign: Pattern = ""
    content: Pattern = ""
    term: Pattern = ""
    replace: Annotated[
        bool, Field(description="True: also over parameters that a destination has already.")
    ] = False

    def as_utm(self) -> Utm:
        """The patterns as the use cases take them."""
        return Utm(**self.model_dump())


class LinkSettings(Input):
    """The settings of an account for links."""

    link_hosts: LinkHosts = []
    utm: UtmIn = UtmIn()


class LinkChange(Input):
    """The fields to change, also after sending. Fields that are not sent stay the same."""

    url: LinkUrl = Field(UNSET, description="The new destination. Send `original_url` to undo all changes.")
    active: bool = Field(UNSET, description="False: deactivate the link. Visitors see a page that says so.")
    label: Text = Field(UNSET)
    sale_pixel: bool = Field(
        UNSET,
        description="True: a sales link. A change attributes all orders since the campaign's start again.",
    )


class PolicyChange(Input):
    """The fields to change. Fields that are not sent stay the same."""

    window_days: WindowDays = Field(UNSET)
    model: Model = Field(UNSET, description="How several clicks of a contact share an order.")
    alias_match: bool = Field(UNSET, description="True: match other addresses of the same mailbox.")
    campaign_windows: dict[str, WindowDays] = Field(
        UNSET, description="Campaign id -> its own window. Replaces all earlier entries.", max_length=1000
    )


class MonthIn(Input):
    """A month to close, with all earlier months."""

    month: Annotated[str, AfterValidator(_month)] = Field(examples=["2026-10"])
    without_failed: bool = Field(
        False, description="True: close the month without the failed orders. They are not attributed later."
    )


class ModelsPeriod(Input):
    """Orders placed from `from` on and before `to`."""

    first: PlannedTime | None = Field(None, alias="from", description=f"{DAYS} days before `to` by default.")
    last: PlannedTime | None = Field(None, alias="to", description="Now by default.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.ends(datetime.now(UTC))
        if not timedelta() < last - first <= timedelta(days=MAX_DAYS):
            raise ValueError(f"`to` must be after `from`, by at most {MAX_DAYS} days")
        return self

    def ends(self, now: datetime) -> tuple[datetime, datetime]:
        """The two ends, with the defaults filled in."""
        return ends(self.first, self.last, now)


class CoverageDays(Days):
    """Days (UTC), at most 92. By default the last 14."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.ends(datetime.now(UTC).date())
        if not timedelta(0) <= last - first < timedelta(days=MAX_PERIOD_DAYS):
            raise ValueError(
                f"`to` must not be before `from`, and must be less than {MAX_PERIOD_DAYS} days after it"
            )
        return self

    def ends(self, today: date) -> tuple[date, date]:
        """The first and the last day, with the defaults filled in."""
        last = self.to or today
        return self.since or last - timedelta(days=SHOWN_DAYS - 1), last
