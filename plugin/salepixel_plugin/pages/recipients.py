"""The recipients of a campaign: their list, how many e-mails were sent, and the random holdout."""

import re
from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for
from pydantic import TypeAdapter, ValidationError

from salepixel.accounts.declined import Conflict
from salepixel.campaigns.store import is_sent
from salepixel.campaigns.use_cases import (
    MAX_HOLDOUT,
    MAX_SENT,
    see_campaign,
    set_sent_at,
    set_sent_count,
    switch_holdout,
)
from salepixel.lists.store import lists_of_campaign
from salepixel.lists.use_cases import see_list
from salepixel_plugin.access import principal
from salepixel_plugin.fields import PlannedTime
from salepixel_plugin.languages import N_
from salepixel_plugin.lists import group_file
from salepixel_plugin.pages.blueprint import blueprint, language, say
from salepixel_plugin.pages.campaigns import show_tab
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services, writing

LISTED = 5
_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)
_PLANNED: TypeAdapter[datetime] = TypeAdapter(PlannedTime)
_FORMAT = "%Y-%m-%dT%H:%M"  # of a field for date and time (HTML, 4.10.5.1.11)

_NO_TIME = N_("Enter a date and time, at most a year from now.")
_NO_COUNT = N_("Enter a whole number from 1 to %(most)s, or leave the field empty.")
_NO_SHARE = N_("Enter a whole number from 1 to %(most)s.")


@blueprint.get("/campaigns/<campaign_id>/recipients")
def recipients(campaign_id: str) -> Response:
    """The list of a campaign's recipients, how many e-mails were sent, and the switch of the holdout."""
    return _tab(campaign_id, {}, {})


@blueprint.post("/campaigns/<campaign_id>/recipients")
def change_recipients(campaign_id: str) -> Response:
    """Change when and how many e-mails are sent, or switch the random holdout."""
    sent = {name: text.strip() for name, text in request.form.items()}
    change = _switch if "step" in sent else _send
    wrong = change(campaign_id, sent)
    if wrong:
        return _tab(campaign_id, sent, wrong)
    return cast(Response, redirect(url_for("pages.recipients", campaign_id=campaign_id), 303))


@blueprint.get("/campaigns/<campaign_id>/recipients.csv")
def download_recipients(campaign_id: str) -> Response:
    """The references of those who get the e-mail, or with `?group=control` of the control group."""
    with services().database.read() as connection:
        campaign = see_campaign(connection, principal(), campaign_id)
    principal().require_contacts(campaign.emp_id)
    return group_file(campaign, held_out=request.args.get("group") == "control")


def _send(campaign_id: str, sent: dict[str, str]) -> dict[str, str]:
    """Store when and how many e-mails are sent; returns what is wrong, by field."""
    wrong: dict[str, str] = {}
    at, count = None, sent.get("sent_count", "")
    if sent.get("sent_at"):
        try:
            given = datetime.fromisoformat(sent["sent_at"]).replace(tzinfo=language().zone or UTC)
            at = _PLANNED.validate_python(given.astimezone(UTC))
        except (ValueError, ValidationError):
            wrong["sent_at"] = language().text(_NO_TIME)
    if count and not (_DIGITS.fullmatch(count) and 0 < int(count) <= MAX_SENT):
        wrong["sent_count"] = language().text(_NO_COUNT, most=language().number(MAX_SENT))
    if not wrong:
        with writing(wakes=True) as connection:
            set_sent_count(connection, principal(), campaign_id, int(count) if count else None)
            before = see_campaign(connection, principal(), campaign_id).sent_at
            # The form has no seconds: a time that was not changed stays exact.
            if _in_form(before) != _in_form(at):
                set_sent_at(connection, principal(), campaign_id, at)
    return wrong


def _in_form(at: datetime | None) -> str:
    """A time as the form has it, in the time zone of the page."""
    return language().local(at).strftime(_FORMAT) if at else ""


def _switch(campaign_id: str, sent: dict[str, str]) -> dict[str, str]:
    """Switch the holdout on or off; returns what is wrong, by field."""
    is_on = sent["step"] == "on"
    share = sent.get("percent", "") if is_on else "0"
    if not (_DIGITS.fullmatch(share) and bool(int(share)) is is_on and int(share) <= MAX_HOLDOUT):
        return {"percent": language().text(_NO_SHARE, most=str(MAX_HOLDOUT))}
    try:
        with writing() as connection:
            switch_holdout(connection, principal(), campaign_id, int(share), datetime.now(UTC))
    except Conflict as declined:
        return {"percent": say(as_refusal(declined))}
    return {}


def _tab(campaign_id: str, sent: dict[str, str], wrong: dict[str, str]) -> Response:
    with services().database.read() as connection:
        campaign = see_campaign(connection, principal(), campaign_id)
        sees = principal().sees_contacts(campaign.emp_id)
        found = lists_of_campaign(connection, campaign_id, LISTED) if sees else []
        kept = {
            "sent_at": _in_form(campaign.sent_at),
            "sent_count": str(campaign.sent_count or ""),
            "percent": str(campaign.holdout_percent or 10),
        }
        answer = show_tab(
            connection,
            campaign,
            "recipients",
            lists=[see_list(connection, principal(), one.id) for one in found],
            sent=kept | sent,
            wrong=wrong,
            most=MAX_HOLDOUT,
            is_sent=is_sent(connection, campaign, datetime.now(UTC)),
        )
    answer.status_code = 422 if wrong else 200
    return answer
