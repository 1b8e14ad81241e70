"""Recipients: who gets a campaign's mail, who is left out by lot, and what that says the mail caused."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from salepixel.campaigns import use_cases as campaigns
from salepixel.report import use_cases
from salepixel_plugin.access import principal
from salepixel_plugin.api.contacts import Reference
from salepixel_plugin.api.door import Output, blueprint
from salepixel_plugin.api.orders import LanguageQuery
from salepixel_plugin.explanations import explain_lift, lift_as_json
from salepixel_plugin.fields import Currency, Money
from salepixel_plugin.languages import LANGUAGES
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services


class RecipientsIn(Input):
    """The contacts that a campaign is meant for."""

    max_bytes: ClassVar[int] = 8_000_000
    contacts: Annotated[list[Reference], Field(max_length=10_000)]


class RecipientsOut(Output):
    """Contacts to mail, and contacts to hold out."""

    mail: list[str]
    hold_out: list[str]
    not_measured: list[str] = Field(description="Of `mail`: who does not want to be followed; in no group.")


class NetOut(Output):
    """What was kept in one currency."""

    currency: Currency
    amount: Money


class GroupOut(Output):
    """A group with all its sales in the time, by address, whatever they are credited to."""

    people: int = Field(description="Different addresses of those who let us follow them.")
    without_address: int = Field(description="Whose orders cannot be found; not among the people.")
    opted_out: int = Field(
        description="Contacts who opted out after they were sent as recipients; not counted in `people`."
    )
    buyers: int
    rate: float
    orders: int
    net: list[NetOut]


class LiftOut(Output):
    """What the e-mail caused, as far as it can be measured."""

    state: Literal[
        "no_holdout",
        "not_sent",
        "nobody",
        "no_addresses",
        "running",
        "nobody_bought",
        "not_enough_data",
        "more",
        "less",
    ]
    since: datetime | None
    until: datetime | None = Field(description="Orders placed before it count.")
    mailed: GroupOut | None
    held_out: GroupOut | None
    difference: float | None = Field(description="Of the two rates.")
    low: float | None = Field(description="Of the 95 % interval of the difference.")
    high: float | None
    extra_buyers: float | None = Field(description="The difference for all who were mailed.")
    extra_low: float | None = Field(description="Of its 95 % interval.")
    extra_high: float | None
    needed: int | None = Field(
        description="People in all, divided as they are, to see such a difference 4 times of 5."
    )
    contaminated: int = Field(description="Left out, and clicked all the same.")
    explanation: str


@blueprint.post("/campaigns/<campaign_id>/recipients")
@blueprint.input(RecipientsIn, arg_name="wanted")
@blueprint.output(RecipientsOut)
@blueprint.doc(security="bearer", responses={409: "The campaign has no holdout, or its time is over"})
def add_recipients(campaign_id: str, wanted: RecipientsIn) -> dict[str, list[str]]:
    """Send a campaign's recipients; the answer names those to hold out. The draw is the same every time."""
    here = services()
    with here.database.write() as connection:
        split = campaigns.add_recipients(
            connection,
            principal(),
            campaign_id,
            wanted.contacts,
            here.keys.holdout_secret,
            datetime.now(UTC),
        )
    return {"mail": split.mail, "hold_out": split.hold_out, "not_measured": split.not_measured}


@blueprint.get("/campaigns/<campaign_id>/lift")
@blueprint.input(LanguageQuery, location="query", arg_name="asked")
@blueprint.output(LiftOut)
@blueprint.doc(security="bearer")
def get_lift(campaign_id: str, asked: LanguageQuery) -> dict[str, Any]:
    """What a campaign caused: all who were to be mailed, compared with all who were left out."""
    with services().database.read() as connection:
        _, measured = use_cases.measure_lift(connection, principal(), campaign_id, datetime.now(UTC))
    lift = lift_as_json(measured)
    return lift | {"explanation": explain_lift(lift, LANGUAGES[asked.lang])}
