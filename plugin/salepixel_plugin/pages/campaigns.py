"""The campaigns and their four tabs: Overview, Links, Sales, Contacts."""

from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from flask import Response, redirect, request, url_for

from salepixel.storage import activity, campaigns, sales
from salepixel.storage.accounts import list_accounts
from salepixel.storage.campaigns import Campaign
from salepixel_plugin.access import scope, see_campaign
from salepixel_plugin.api.campaigns import switch_link
from salepixel_plugin.api.paging import read_cursor, read_sales_cursor, read_time, write_cursor
from salepixel_plugin.api.report import sales_csv
from salepixel_plugin.pages.door import blueprint, page
from salepixel_plugin.services import services

PAGE = 50


@blueprint.get("/")
def list_campaigns() -> Response:
    """The campaigns that the key opens, newest first."""
    with services().database.read() as connection:
        found = campaigns.list_campaigns(connection, scope().emp_id, PAGE + 1, _before())
        shown = found[:PAGE]
        ids = [campaign.id for campaign in shown]
        its_clicks = activity.count_clicks(connection, ids)
        totals = sales.totals_of_campaigns(connection, ids)
        names = {account.emp_id: account.name for account in list_accounts(connection, scope())}
    return page(
        "campaigns.html",
        campaigns=shown,
        clicks=its_clicks,
        totals=totals,
        names=names,
        next=write_cursor(shown[-1].created_at, shown[-1].id) if len(found) > PAGE else None,
    )


@blueprint.get("/campaigns/<campaign_id>")
def overview(campaign_id: str) -> Response:
    """What a campaign brought in, and how its orders were decided."""
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
        return _tab(
            connection,
            campaign,
            "overview",
            totals=sales.sale_totals(connection, campaign_id),
            evidence=sales.count_evidence(connection, campaign_id),
            reasons=sorted(
                (reason, count)
                for (outcome, reason), count in sales.count_reasons(connection, campaign.emp_id).items()
                if outcome not in ("attributed", "likely")
            ),
        )


@blueprint.get("/campaigns/<campaign_id>/links")
def links(campaign_id: str) -> Response:
    """What happened on each link, with its switch."""
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
        return _tab(connection, campaign, "links", links=campaigns.link_activity(connection, campaign_id))


@blueprint.post("/campaigns/<campaign_id>/links/<link_id>")
def switch(campaign_id: str, link_id: str) -> Response:
    """Let a link's clicks earn sales, or not."""
    switch_link(campaign_id, link_id, request.form.get("sale_pixel") == "on")
    return cast(Response, redirect(url_for("pages.links", campaign_id=campaign_id), 303))


@blueprint.get("/campaigns/<campaign_id>/sales")
def list_sales(campaign_id: str) -> Response:
    """The SALES table."""
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
        after = read_sales_cursor(request.args.get("cursor"))
        found = sales.list_sales(connection, campaign_id, PAGE + 1, after)
        shown = found[:PAGE]
        return _tab(
            connection,
            campaign,
            "sales",
            sales=shown,
            totals=sales.sale_totals(connection, campaign_id),
            labels={link.id: link.label or link.url for link in campaigns.links_of(connection, campaign_id)},
            next=write_cursor(*shown[-1].cursor) if len(found) > PAGE else None,
        )


@blueprint.get("/campaigns/<campaign_id>/sales.csv")
def download_sales(campaign_id: str) -> Response:
    """The SALES table, all of it, for a spreadsheet."""
    with services().database.read() as connection:
        see_campaign(connection, campaign_id)
    return sales_csv(campaign_id)


@blueprint.get("/campaigns/<campaign_id>/contacts")
def contacts(campaign_id: str) -> Response:
    """Who clicked and who bought."""
    cursor = request.args.get("cursor")
    after = None if cursor is None else read_cursor(cursor, 1)[0]
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
        found = activity.contact_activity(connection, campaign_id, PAGE + 1, after)
        shown = found[:PAGE]
        return _tab(
            connection,
            campaign,
            "contacts",
            contacts=shown,
            next=write_cursor(shown[-1].contact) if len(found) > PAGE else None,
        )


def _tab(connection: sa.Connection, campaign: Campaign, tab: str, **values: Any) -> Response:
    counts = activity.count_clicks(connection, [campaign.id]).get(campaign.id, activity.ClickCounts())
    return page(f"{tab}.html", campaign=campaign, tab=tab, counts=counts, **values)


def _before() -> tuple[datetime, str] | None:
    cursor = request.args.get("cursor")
    if cursor is None:
        return None
    time, campaign_id = read_cursor(cursor, 2)
    return read_time(time), campaign_id
