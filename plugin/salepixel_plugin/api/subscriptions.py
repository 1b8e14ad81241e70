"""Reports by e-mail: who gets them, and which were sent."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from salepixel.subscriptions import use_cases
from salepixel.subscriptions.rules import What
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import Id
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services, writing

_ANSWER = "Of the last attempt: empty, `sent`, or why it was not sent."


class SubscriptionIn(Input):
    """A new subscription."""

    address: str = Field(max_length=320, examples=["ana@shop.test"])
    what: What = Field(description="`campaigns`: all of them, `campaign`: one, `months`: closed months.")
    campaign: str = Field("", max_length=100, description="The campaign's id, for `campaign`.")
    language: Literal["en", "es"] = "en"


class SubscriptionOut(Output):
    """Who gets which reports."""

    id: Id
    address: str = Field(description="Shortened for those who may not change the account.")
    what: What
    campaign: str
    language: Literal["en", "es"]
    created_at: datetime


class EndedOut(Output):
    """A subscription that was ended."""

    id: Id


class ReportOut(Output):
    """A report that was or will be sent."""

    subscription: Id
    kind: str = Field(description="`day_1`, `day_3`, `day_7` or `month`.")
    about: str = Field(description="The campaign's id, or a month such as 2026-10.")
    attempts: int
    next_at: datetime | None = Field(description="Of the next attempt. Null: sent, or given up.")
    answer: str = Field(description=_ANSWER)
    answered_at: datetime | None


class ReportsOut(Output):
    """Who gets reports of an account, and its newest reports."""

    subscriptions: list[SubscriptionOut]
    reports: list[ReportOut]


class RetriedOut(Output):
    """How many reports are sent again."""

    retried: int


@blueprint.get("/accounts/<int:emp_id>/reports")
@blueprint.output(ReportsOut)
@blueprint.doc(security="bearer")
def show_reports(emp_id: int) -> dict[str, Any]:
    """Who gets reports of an account by e-mail, and its newest reports."""
    with services().database.read() as connection:
        found = use_cases.see_reports(connection, principal(), services().keys, emp_id)
    names = ("kind", "about", "attempts", "next_at", "answer", "answered_at")
    return {
        "subscriptions": [
            {
                "id": one.id,
                "address": found.addresses[one.id],
                "what": one.what,
                "campaign": one.campaign_id,
                "language": one.language,
                "created_at": one.created_at,
            }
            for one in found.subscriptions
        ],
        "reports": [
            {name: getattr(mail, name) for name in names} | {"subscription": mail.subscription_id}
            for mail in found.mails
        ],
    }


@blueprint.post("/accounts/<int:emp_id>/subscriptions")
@blueprint.input(SubscriptionIn, arg_name="wanted")
@blueprint.output(SubscriptionOut, 201)
@blueprint.doc(security="bearer")
def add_subscription(emp_id: int, wanted: SubscriptionIn) -> dict[str, Any]:
    """Send reports to an e-mail address. Idempotent: an address has each subscription once."""
    with writing() as connection:
        now, keys = datetime.now(UTC), services().keys
        made = use_cases.subscribe(
            connection,
            principal(),
            keys,
            emp_id,
            wanted.what,
            wanted.campaign,
            wanted.address,
            wanted.language,
            now,
        )
    return {
        "id": made.id,
        "address": wanted.address.strip(),
        "what": made.what,
        "campaign": made.campaign_id,
        "language": made.language,
        "created_at": made.created_at,
    }


@blueprint.delete("/subscriptions/<subscription_id>")
@blueprint.output(EndedOut)
@blueprint.doc(security="bearer")
def end_subscription(subscription_id: str) -> dict[str, Any]:
    """End a subscription."""
    with writing() as connection:
        return {"id": use_cases.end_subscription(connection, principal(), subscription_id).id}


@blueprint.post("/accounts/<int:emp_id>/reports/retry")
@blueprint.output(RetriedOut)
@blueprint.doc(security="bearer")
def retry_reports(emp_id: int) -> dict[str, Any]:
    """Send the reports again that were given up."""
    with writing() as connection:
        return {"retried": use_cases.retry_reports(connection, principal(), emp_id, datetime.now(UTC))}
