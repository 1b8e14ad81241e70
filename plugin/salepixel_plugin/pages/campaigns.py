"""The campaigns and their tabs: Overview, Links, Sales, Contacts; Lift if there is a control group."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import sqlalchemy as sa
from flask import Response, redirect, request, url_for
from pydantic import ValidationError

from salepixel.accounts.scope import Scope
from salepixel.accounts.store import Account, list_accounts
from salepixel.accounts.use_cases import see_account
from salepixel.campaigns import store
from salepixel.campaigns.store import Campaign
from salepixel.campaigns.use_cases import edit_link, see_campaign, see_link
from salepixel.destinations import outbox
from salepixel.flows.store import flow_of
from salepixel.mails.store import list_drafts, mail_of
from salepixel.orders import queue
from salepixel.report import activity, sales, use_cases
from salepixel.report.periods import Preset
from salepixel.report.results import Sums
from salepixel_plugin.access import principal
from salepixel_plugin.choices import in_order
from salepixel_plugin.computed import ask_lift
from salepixel_plugin.explanations import explain_lift, explain_notice, lift_as_json
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.pages.overview import compared_with, of_campaign
from salepixel_plugin.pages.periods import read_period
from salepixel_plugin.pages.platforms import NAMES
from salepixel_plugin.pages.steps import steps_of
from salepixel_plugin.paging import cut_page, read_dated_cursor, write_cursor
from salepixel_plugin.schemas import LinkChange
from salepixel_plugin.services import services, writing

PAGE = 50
OTHERS = 50
"""The newest campaigns, which an overview offers for a comparison."""


@blueprint.get("/")
def list_campaigns() -> Response:
    """The campaigns that the principal may see, newest first; with `?archived=1`, the archived ones."""
    with services().database.read() as connection:
        accounts = list_accounts(connection, principal())
        return _campaigns_page(connection, principal().accounts, accounts)


@blueprint.get("/accounts/<int:emp_id>/campaigns")
def list_account_campaigns(emp_id: int) -> Response:
    """The campaigns of an account, as above."""
    with services().database.read() as connection:
        return _campaigns_page(connection, emp_id, [see_account(connection, principal(), emp_id)])


def _campaigns_page(connection: sa.Connection, scope: Scope, accounts: Sequence[Account]) -> Response:
    """The campaigns of these accounts."""
    before, after = (read_dated_cursor(request.args.get(name) or None) for name in ("cursor", "newer"))
    archived = "archived" in request.args
    found = store.list_campaigns(connection, scope, PAGE + 1, before, archived=archived, after=after)
    shown, has_newer, has_older = cut_page(found, PAGE, after=before, before=after)
    ids = [campaign.id for campaign in shown]
    drafts = [] if before or after or archived else list_drafts(connection, scope, PAGE)
    is_empty = accounts and not found and not archived
    return page(
        "campaigns.html",
        campaigns=shown,
        clicks=activity.count_clicks(connection, ids),
        totals=sales.totals_of_campaigns(connection, ids),
        names={account.emp_id: account.name for account in accounts},
        accounts=accounts,
        emp_id=accounts[0].emp_id if len(accounts) == 1 else None,
        failed_forwards=outbox.count_dead(connection, scope),
        failed_orders=queue.count_failed(connection, scope),
        drafts=drafts,
        first_steps=steps_of(connection, accounts[0].emp_id) if is_empty else None,
        may_add=principal().may_add_accounts,
        archived=archived,
        has_archived=bool(store.list_campaigns(connection, scope, 1, None, archived=True)),
        newer=write_cursor(shown[0].created_at, shown[0].id) if shown and has_newer else None,
        next=write_cursor(shown[-1].created_at, shown[-1].id) if shown and has_older else None,
    )


@blueprint.get("/campaigns/<campaign_id>")
def overview(campaign_id: str) -> Response:
    """A campaign's revenue, and how its orders were attributed."""
    with services().database.read() as connection:
        found = use_cases.read_overview(connection, principal(), campaign_id)
        account = see_account(connection, principal(), found.campaign.emp_id)
        chosen = read_period(account, Preset.ALL, compares=True)
        others = [
            one
            for one in store.list_campaigns(connection, account.emp_id, OTHERS + 1, None)
            if one.id != campaign_id
        ]
        comparison = compared_with(connection, found.campaign, chosen) or chosen.comparison
        figures = use_cases.read_campaign_overview(
            connection, principal(), campaign_id, chosen.range, comparison
        )
        return show_tab(
            connection,
            found.campaign,
            "overview",
            **of_campaign(figures, account.currency, chosen.range),
            chosen=chosen,
            others=in_order(others[:OTHERS]),
            sums=found.sums,
            refunded_later=_refunded_later(found.sums),
            verdicts=found.verdicts,
            evidence=found.evidence,
            losses=found.losses,
            reasons=found.reasons,
        )


def _refunded_later(sums: Sums) -> list[str]:
    """What was refunded after the month of its order was closed, per currency. `sums`: of all days.

    Over all days, the two totals differ by these refunds alone (docs/adr/0016).
    """
    by_refund_date = {total.currency: total for total in sums.by_refund_date}
    later = {one.currency: by_refund_date[one.currency].refunded - one.refunded for one in sums.sold}
    return [language().money(amount, currency) for currency, amount in later.items() if amount > 0]


@blueprint.get("/campaigns/<campaign_id>/links/<link_id>")
def link(campaign_id: str, link_id: str) -> Response:
    """The form to change a link: its label, its destination, and whether it is active."""
    return _link_form(campaign_id, link_id, {}, ())


@blueprint.post("/campaigns/<campaign_id>/links/<link_id>")
def change(campaign_id: str, link_id: str) -> Response:
    """Change a link. The switch in the list and the form of a link both post here."""
    sent = {name: text.strip() for name, text in request.form.items()}
    values: dict[str, Any] = {name: sent[name] for name in ("url", "label") if name in sent}
    values |= {name: sent[name] == "on" for name in ("active", "sale_pixel") if name in sent}
    try:
        wanted = LinkChange.model_validate(values)
    except ValidationError as error:
        wrong = [str(detail["loc"][0]) for detail in error.errors()]
        answer = _link_form(campaign_id, link_id, values, wrong)
        answer.status_code = 422
        return answer
    parameter, changes = services().settings.click_parameter, wanted.model_dump(exclude_unset=True)
    with writing(publishes=True, wakes=True) as connection:
        _, notices = edit_link(
            connection, principal(), campaign_id, link_id, changes, parameter, datetime.now(UTC)
        )
    if notices:
        corrections = [explain_notice(notice, parameter, language()) for notice in notices]
        return _link_form(campaign_id, link_id, {}, (), corrections)
    return cast(Response, redirect(url_for("pages.links", campaign_id=campaign_id), 303))


def _link_form(
    campaign_id: str, link_id: str, sent: dict[str, Any], wrong: Sequence[str], notices: Sequence[str] = ()
) -> Response:
    with services().database.read() as connection:
        campaign, shown = see_link(connection, principal(), campaign_id, link_id)
        values = {"url": shown.destination, "label": shown.label, "active": shown.active} | sent
        form = {"values": values, "wrong": wrong, "notices": notices}
        return show_tab(connection, campaign, "links", "link.html", link=shown, **form)


@blueprint.get("/campaigns/<campaign_id>/lift")
def lift(campaign_id: str) -> Response:
    """The lift of the e-mail: its recipients compared with a random holdout."""
    found = ask_lift(campaign_id)
    measured = found.result
    lift = lift_as_json(measured) if measured else None
    sentence = explain_lift(lift, language()) if lift else ""
    with services().database.read() as connection:
        campaign = see_campaign(connection, principal(), campaign_id)
        return show_tab(
            connection, campaign, "lift", computed=found, measured=measured, lift=lift, sentence=sentence
        )


def show_tab(
    connection: sa.Connection, campaign: Campaign, tab: str, template: str = "", **values: Any
) -> Response:
    """A tab of a campaign, from the template of its name or from another one."""
    mail_id = mail_of(connection, campaign.id)
    counts = activity.count_clicks(connection, [campaign.id]).get(campaign.id, activity.ClickCounts())
    return page(
        template or f"{tab}.html",
        campaign=campaign,
        tab=tab,
        counts=counts,
        mail_id=mail_id,
        flow=flow_of(connection, campaign.id),
        platform_name=NAMES.get(campaign.mailer),
        **values,
    )
