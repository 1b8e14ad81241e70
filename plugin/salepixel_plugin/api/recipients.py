"""Recipients: who gets a campaign's mail, who is left out by lot, and what that says the mail caused."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field

from salepixel.accounts.policy import Policy
from salepixel.accounts.store import get_account
from salepixel.campaigns import contacts, recipients
from salepixel.campaigns.holdout import Lift, is_held_out, lift
from salepixel.campaigns.store import Campaign
from salepixel.reading.times import rfc3339
from salepixel.report.lift import Group, compare_groups, count_contaminated
from salepixel_plugin.access import Refusal, see_campaign
from salepixel_plugin.api.contacts import Reference
from salepixel_plugin.api.door import Input, Output, blueprint
from salepixel_plugin.api.fields import Currency, Money
from salepixel_plugin.api.orders import LanguageQuery
from salepixel_plugin.explanations import explain_lift
from salepixel_plugin.languages import LANGUAGES
from salepixel_plugin.services import services


class RecipientsIn(Input):
    """Contacts for whom a campaign is meant."""

    max_bytes: ClassVar[int] = 8_000_000
    contacts: Annotated[list[Reference], Field(max_length=10_000)]


class RecipientsOut(Output):
    """Whom to mail, and whom not."""

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
    """What the mail caused, as far as can be told."""

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


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of what a mail caused; `state` as LiftOut has it."""

    state: str
    since: datetime | None = None
    until: datetime | None = None
    mailed: Group | None = None
    held_out: Group | None = None
    found: Lift | None = None
    contaminated: int = 0


@blueprint.post("/campaigns/<campaign_id>/recipients")
@blueprint.input(RecipientsIn, arg_name="wanted")
@blueprint.output(RecipientsOut)
@blueprint.doc(security="bearer", responses={409: "The campaign has no holdout, or its time is over"})
def add_recipients(campaign_id: str, wanted: RecipientsIn) -> dict[str, list[str]]:
    """Tell for whom a campaign is meant, and hear whom to leave out. The lot is the same every time."""
    here = services()
    with here.database.write() as connection:
        campaign = see_campaign(connection, campaign_id)
        if not campaign.holdout_percent:
            message = "This campaign leaves nobody out; give `holdout_percent` when you make one."
            raise Refusal(409, "no_holdout", message)
        account = get_account(connection, campaign.emp_id)
        known = contacts.get_contacts(connection, campaign.emp_id, wanted.contacts)
        refused = [ref for ref in wanted.contacts if ref in known and not known[ref].consent]
        before = recipients.assigned_recipients(connection, campaign_id, wanted.contacts)
        new = set(wanted.contacts).difference(refused, before)
        if new and account and campaign.sent_at and _is_over(campaign, account.policy):
            message = (
                "The orders after this campaign are counted already: nobody can be added to it any more."
            )
            raise Refusal(409, "campaign_over", message)
        secret, percent = here.keys.holdout_secret, campaign.holdout_percent
        # By address: contacts who share one are in the same group, for their orders are one.
        who = {ref: (known[ref].email_hash if ref in known else None) or ref for ref in new}
        lots = {ref: is_held_out(secret, campaign_id, who[ref], percent) for ref in new}
        recipients.assign_recipients(connection, campaign_id, lots)
    kept = lots | before
    return {
        "mail": [ref for ref in wanted.contacts if not kept.get(ref)],
        "hold_out": [ref for ref in wanted.contacts if kept.get(ref)],
        "not_measured": refused,
    }


@blueprint.get("/campaigns/<campaign_id>/lift")
@blueprint.input(LanguageQuery, location="query", arg_name="asked")
@blueprint.output(LiftOut)
@blueprint.doc(security="bearer")
def get_lift(campaign_id: str, asked: LanguageQuery) -> dict[str, Any]:
    """What a campaign caused: all who were to be mailed, compared with all who were left out."""
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
        told = lift_as_json(measure_lift(connection, campaign))
    return told | {"explanation": explain_lift(told, LANGUAGES[asked.lang])}


def measure_lift(connection: sa.Connection, campaign: Campaign) -> Measured:
    """Compare the two groups of a campaign's recipients, as far as can be told."""
    account = get_account(connection, campaign.emp_id)
    if not campaign.holdout_percent or campaign.sent_at is None or account is None:
        return Measured("not_sent" if campaign.holdout_percent else "no_holdout")
    since, until = campaign.sent_at, _ends_at(campaign, account.policy)
    groups = compare_groups(connection, campaign.id, account, since, until)
    contaminated = count_contaminated(connection, campaign.id)
    found = lift(groups[0].arm, groups[1].arm)
    return Measured(_state(found, until, *groups), since, until, *groups, found, contaminated)


def _ends_at(campaign: Campaign, policy: Policy) -> datetime:
    return (campaign.sent_at or campaign.created_at) + policy.window_of(campaign.id)


def _is_over(campaign: Campaign, policy: Policy) -> bool:
    return datetime.now(UTC) >= _ends_at(campaign, policy)


def _state(found: Lift | None, until: datetime, mailed: Group, held_out: Group) -> str:
    if found is None:
        return "no_addresses" if mailed.without_address + held_out.without_address else "nobody"
    if datetime.now(UTC) < until + timedelta(days=1):  # the last orders are to be paid and told
        return "running"
    if not mailed.buyers and not held_out.buyers:
        return "nobody_bought"
    if not found.is_clear:
        return "not_enough_data"
    return "more" if found.difference > 0 else "less"


def lift_as_json(measured: Measured) -> dict[str, Any]:
    """The lift as the API tells it, without its explanation."""
    mailed, found = measured.mailed, measured.found
    return {
        "state": measured.state,
        "since": measured.since and rfc3339(measured.since),
        "until": measured.until and rfc3339(measured.until),
        "mailed": mailed and _group_as_json(mailed),
        "held_out": measured.held_out and _group_as_json(measured.held_out),
        "difference": found and round(found.difference, 6),
        "low": found and round(found.low, 6),
        "high": found and round(found.high, 6),
        "extra_buyers": found and mailed and round(found.difference * mailed.people, 1),
        "extra_low": found and mailed and round(found.low * mailed.people, 1),
        "extra_high": found and mailed and round(found.high * mailed.people, 1),
        "needed": found and found.needed,
        "contaminated": measured.contaminated,
    }


def _group_as_json(group: Group) -> dict[str, Any]:
    net = [{"currency": code, "amount": f"{amount:f}"} for code, amount in sorted(group.net.items())]
    return {
        "people": group.people,
        "without_address": group.without_address,
        "opted_out": group.opted_out,
        "buyers": len(group.buyers),
        "rate": round(group.arm.rate, 6),
        "orders": group.orders,
        "net": net,
    }
