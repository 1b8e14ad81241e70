"""Recipients: who gets a campaign's e-mail, who is in the control group, and the lift of the e-mail."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from flask import Response
from pydantic import Field

from salepixel.campaigns import use_cases as campaigns
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.api.computations import ACCEPTED, not_computed_yet
from salepixel_plugin.api.contacts import Reference
from salepixel_plugin.api.orders import LanguageQuery
from salepixel_plugin.computed import ask_lift
from salepixel_plugin.explanations import explain_lift, lift_as_json
from salepixel_plugin.fields import Currency, Money, PlannedTime
from salepixel_plugin.languages import LANGUAGES
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services


class RecipientsIn(Input):
    """All recipients of a campaign, including those who will be held out."""

    max_bytes: ClassVar[int] = 8_000_000
    contacts: Annotated[list[Reference], Field(max_length=10_000)]
    sent_at: PlannedTime | None = Field(
        None,
        description="When these contacts got the e-mail of a flow; helps to detect bot clicks.",
    )


class RecipientsOut(Output):
    """Contacts to mail, and contacts to hold out."""

    mail: list[str]
    hold_out: list[str]
    not_measured: list[str] = Field(
        description="Contacts in `mail` who opted out of tracking or were erased. They are in neither group."
    )


class NetOut(Output):
    """Net revenue in one currency."""

    currency: Currency
    amount: Money


class GroupOut(Output):
    """A group with all its orders in the period, found by e-mail address, whatever they are attributed to."""

    people: int = Field(
        description="The number of different e-mail addresses in the group, without contacts who opted out."
    )
    without_address: int = Field(
        description="Contacts without an e-mail address. `people` excludes them, as their orders are unknown."
    )
    opted_out: int = Field(
        description="Contacts who opted out after they were sent as recipients. `people` excludes them."
    )
    buyers: int
    rate: float = Field(description="The conversion rate: `buyers` divided by `people`.")
    orders: int
    net: list[NetOut]


class LiftOut(Output):
    """The lift of an e-mail, as far as it can be measured."""

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
    until: datetime | None = Field(description="Orders placed before this time count.")
    mailed: GroupOut | None
    held_out: GroupOut | None
    difference: float | None = Field(
        description="The rate of the e-mail group minus that of the control group."
    )
    low: float | None = Field(description="The low end of the 95 % confidence interval of `difference`.")
    high: float | None
    extra_buyers: float | None = Field(
        description="Extra buyers because of the e-mail: `difference` times the people in `mailed`."
    )
    extra_low: float | None = Field(
        description="The low end of the 95 % confidence interval of `extra_buyers`."
    )
    extra_high: float | None
    needed: int | None = Field(
        description="People needed in total, with the same split, to detect such a difference in four of "
        "five tests."
    )
    contaminated: int = Field(description="People in the control group who clicked anyway.")
    as_of: datetime = Field(description="Events after this time may be missing from the result.")
    explanation: str


@blueprint.post("/campaigns/<campaign_id>/recipients")
@blueprint.input(RecipientsIn, arg_name="wanted")
@blueprint.output(RecipientsOut)
@blueprint.doc(security="bearer", responses={409: "The attribution window of the campaign has ended"})
def add_recipients(campaign_id: str, wanted: RecipientsIn) -> dict[str, list[str]]:
    """Add recipients to a campaign. The response says who gets the e-mail and who is held out.

    Safe to repeat: a contact never changes groups.
    """
    here = services()
    with here.database.write() as connection:
        split = campaigns.add_recipients(
            connection,
            principal(),
            campaign_id,
            wanted.contacts,
            here.keys,
            datetime.now(UTC),
            dict.fromkeys(wanted.contacts, wanted.sent_at) if wanted.sent_at else None,
        )
    return {"mail": split.mail, "hold_out": split.hold_out, "not_measured": split.not_measured}


@blueprint.get("/campaigns/<campaign_id>/lift")
@blueprint.input(LanguageQuery, location="query", arg_name="asked")
@blueprint.output(LiftOut)
@blueprint.doc(security="bearer", responses=ACCEPTED)
def get_lift(campaign_id: str, asked: LanguageQuery) -> dict[str, Any] | Response:
    """The lift of a campaign: the e-mail group compared with the control group.

    If there are many recipients, the worker computes it, and the status is 202 until the result is ready.
    """
    found = ask_lift(campaign_id)
    if found.result is None or found.computation is not None:
        return not_computed_yet(found)
    lift = lift_as_json(found.result)
    return lift | {"as_of": found.as_of, "explanation": explain_lift(lift, LANGUAGES[asked.lang])}
