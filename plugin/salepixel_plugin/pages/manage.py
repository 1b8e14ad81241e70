"""The tab Manage of a campaign: rename it, add it to a flow, duplicate, archive and delete it."""

from datetime import UTC, datetime
from typing import cast

import sqlalchemy as sa
from flask import Response, redirect, request, url_for

from salepixel.accounts.declined import Conflict, Invalid
from salepixel.campaigns import store
from salepixel.campaigns.use_cases import archive_campaign, rename_campaign, see_campaign
from salepixel.flows.store import list_flows
from salepixel.flows.use_cases import put_part
from salepixel.mails.use_cases import copy_campaign, delete_campaign
from salepixel.reading.text import read_text
from salepixel_plugin.access import principal
from salepixel_plugin.copies import copy_name
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, say
from salepixel_plugin.pages.campaigns import show_tab
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services, tracking, writing

_NO_NAME = N_("Enter a name for the campaign.")
_NAME = 200
_FLOWS = 100


@blueprint.get("/campaigns/<campaign_id>/manage")
def show_manage(campaign_id: str) -> Response:
    """The forms that change a campaign as a whole."""
    return _show(campaign_id)


@blueprint.post("/campaigns/<campaign_id>/manage")
def manage(campaign_id: str) -> Response:
    """Do what the button says: rename, add to a flow, copy, archive, restore or delete."""
    step, now, who = request.form.get("step", ""), datetime.now(UTC), principal()
    name = read_text(request.form.get("name", ""), _NAME)
    if step == "rename" and not name:
        return _show(campaign_id, language().text(_NO_NAME))
    there = url_for("pages.show_manage", campaign_id=campaign_id)
    try:
        with writing(publishes=step in ("copy", "delete")) as connection:
            if step == "rename":
                rename_campaign(connection, who, campaign_id, name)
            elif step == "copy":
                there = _copy(connection, campaign_id, now)
            elif step == "flow":
                put_part(connection, who, request.form.get("flow", ""), campaign_id)
            elif step in ("archive", "restore"):
                archive_campaign(connection, who, campaign_id, now if step == "archive" else None)
            elif step == "delete":
                delete_campaign(connection, who, campaign_id)
                there = url_for("pages.list_campaigns")
    except (Conflict, Invalid) as declined:
        return _show(campaign_id, say(as_refusal(declined)))
    return cast(Response, redirect(there, 303))


def _copy(connection: sa.Connection, campaign_id: str, now: datetime) -> str:
    name = copy_name(see_campaign(connection, principal(), campaign_id).name, language())
    made = copy_campaign(connection, principal(), tracking(), campaign_id, name, now)
    if made.mail_id is not None:
        return url_for("pages.show_mail", mail_id=made.mail_id)
    return url_for("pages.links", campaign_id=made.campaign_id)


def _show(campaign_id: str, wrong: str = "") -> Response:
    with services().database.read() as connection:
        campaign = see_campaign(connection, principal(), campaign_id)
        is_used = store.is_used(connection, campaign_id)
        flows = list_flows(connection, campaign.emp_id, _FLOWS, None)
        answer = show_tab(connection, campaign, "manage", wrong=wrong, is_used=is_used, flows=flows)
    answer.status_code = 422 if wrong else 200
    return answer
