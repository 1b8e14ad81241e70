"""Campaigns: e-mail sendings with their tracked links."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from pydantic import Field

from salepixel.accounts.store import Account, get_account
from salepixel.campaigns import store as campaigns
from salepixel.campaigns.links import Link, Notice, read_destination, tag_in_destination
from salepixel.campaigns.store import Campaign, CampaignLink
from salepixel.reading.references import is_merge_tag
from salepixel.report.activity import link_activity
from salepixel.storage.ids import new_id
from salepixel.wire import jobs
from salepixel_plugin.access import Refusal, not_found, scope, see_campaign, target_account
from salepixel_plugin.api import mailers
from salepixel_plugin.api.door import Input, Output, blueprint
from salepixel_plugin.api.fields import UNSET, EmpId, Id, LinkUrl, Name, PlannedTime, Text
from salepixel_plugin.api.paging import Next, Page, read_cursor, read_time, write_cursor
from salepixel_plugin.directory import publish_directory
from salepixel_plugin.explanations import explain_notice
from salepixel_plugin.languages import ENGLISH, Language
from salepixel_plugin.services import services

SentAt = Annotated[PlannedTime | None, Field(description="When sending begins; helps to detect bot clicks.")]


Warnings = Annotated[
    list[str], Field(description="What was changed in what was sent: where, and why. Look at the result.")
]


class LinkIn(Input):
    """A destination."""

    url: LinkUrl = Field(examples=["https://shop.test/p/1?a=b"])
    label: Text = ""
    sale_pixel: bool = Field(False, description="True: its clicks may earn sales.")


class CampaignIn(Input):
    """A new campaign."""

    emp_id: EmpId = Field(alias="empId")
    name: Name
    mailer: str = Field("plain", description=f"Who sends it: {', '.join(mailers.TAGS)}.")
    contact_tag: Name | None = Field(
        None, description="The mailer's merge tag for the contact's reference, if not the usual one."
    )
    links: Annotated[list[LinkIn], Field(min_length=1, max_length=500)]
    sent_at: SentAt = None
    holdout_percent: Annotated[int, Field(ge=0, le=50)] = Field(
        0, description="So many of 100 recipients are left out by lot, to see what the mail caused."
    )
    utm_campaign: Text = Field("", description="What its links have as utm_campaign; orders may name it.")


class CampaignChange(Input):
    """What may change of a campaign."""

    sent_at: SentAt


class LinkOut(Output):
    """A link: put `tracked_url` in the e-mail, unchanged."""

    id: Id
    url: str = Field(description="Where it leads.")
    label: str
    sale_pixel: bool
    tracked_url: str
    active: bool = Field(description="False: it is switched off and leads nowhere; visitors are told so.")
    original_url: str = Field(description="Where it led when it was made; its token holds this.")
    changed_at: datetime | None = Field(description="When `url` or `active` last changed; null: never.")


class CampaignOut(Output):
    """A campaign."""

    id: Id
    emp_id: EmpId = Field(alias="empId")
    name: str
    mailer: str
    created_at: datetime
    sent_at: datetime | None
    utm_campaign: str
    holdout_percent: int


class CampaignWithLinks(CampaignOut):
    """A campaign with its links."""

    links: list[LinkOut]


class CampaignMade(CampaignWithLinks):
    """A new campaign, and what was changed in what was sent."""

    warnings: Warnings


class CampaignsOut(Output):
    """Campaigns, newest first."""

    campaigns: list[CampaignOut]
    next: Next


class LinkChange(Input):
    """What is to change, also after sending; what is not named stays."""

    url: LinkUrl = Field(UNSET, description="Where it leads from now on; `original_url` undoes all changes.")
    active: bool = Field(UNSET, description="False: switch it off; visitors see a page that says so.")
    label: Text = Field(UNSET)
    sale_pixel: bool = Field(UNSET, description="Orders since the campaign began are decided again.")


class LinkChanged(LinkOut):
    """A link as it is now, and what was changed in what was sent."""

    warnings: Warnings


class LinkActivity(LinkOut):
    """A link with what happened on it."""

    human_clicks: int
    bot_clicks: int
    contacts: int = Field(description="Different contacts who clicked.")
    orders: int = Field(description="Orders that it earned.")


class LinksOut(Output):
    """A campaign's links, in their order."""

    links: list[LinkActivity]


@blueprint.post("/campaigns")
@blueprint.input(CampaignIn, arg_name="wanted")
@blueprint.output(CampaignMade, 201)
@blueprint.doc(security="bearer", responses={403: "A foreign account", 404: "No such account"})
def add_campaign(wanted: CampaignIn) -> dict[str, Any]:
    """Make a campaign; the answer has a tracked url for each link."""
    try:
        tag = mailers.contact_tag(wanted.mailer, wanted.contact_tag)
    except mailers.BadTag as error:
        said = str(error)
        raise Refusal(422, "invalid", f"Correct {error.field}: {said}.", {error.field: [said]}) from None
    now = datetime.now(UTC)
    campaign = Campaign(
        new_id(),
        wanted.emp_id,
        wanted.name,
        wanted.mailer,
        now,
        tag,
        wanted.sent_at,
        wanted.utm_campaign,
        wanted.holdout_percent,
    )
    its_links, warnings = [], []
    for place, link in enumerate(wanted.links):
        if tag in link.url:
            said = str(tag_in_destination(tag))
            raise Refusal(
                422, "invalid", f"Correct links.{place}.url: {said}.", {f"links.{place}.url": [said]}
            )
        url, notices = _read_url(link.url)
        its_links.append(CampaignLink(new_id(), url, link.label, link.sale_pixel))
        warnings += [f"links.{place}.url: {said}" for said in explain_notices(notices, ENGLISH)]
    here = services()
    with here.database.write() as connection:
        account = target_account(connection, wanted.emp_id)
        campaigns.add_campaign(connection, campaign, its_links)
    if not is_merge_tag(tag):
        publish_directory(here.database, here.redis)  # edges know such a tag by it alone
    return _with_links(campaign, account, its_links) | {"warnings": warnings}


@blueprint.get("/campaigns")
@blueprint.input(Page, location="query", arg_name="page")
@blueprint.output(CampaignsOut)
@blueprint.doc(security="bearer")
def list_campaigns(page: Page) -> dict[str, Any]:
    """The campaigns that the key opens, newest first."""
    before = None
    if page.cursor is not None:
        time, campaign_id = read_cursor(page.cursor, 2)
        before = read_time(time), campaign_id
    with services().database.read() as connection:
        found = campaigns.list_campaigns(connection, scope().emp_id, page.limit + 1, before)
    shown = found[: page.limit]
    more = len(found) > page.limit
    return {
        "campaigns": [_as_json(campaign) for campaign in shown],
        "next": write_cursor(shown[-1].created_at, shown[-1].id) if more else None,
    }


@blueprint.get("/campaigns/<campaign_id>")
@blueprint.output(CampaignWithLinks)
@blueprint.doc(security="bearer")
def get_campaign(campaign_id: str) -> dict[str, Any]:
    """One campaign with its tracked urls."""
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
        account = get_account(connection, campaign.emp_id)
        return _with_links(campaign, account, campaigns.links_of(connection, campaign_id))


@blueprint.patch("/campaigns/<campaign_id>")
@blueprint.input(CampaignChange, arg_name="change")
@blueprint.output(CampaignWithLinks)
@blueprint.doc(security="bearer")
def change_campaign(campaign_id: str, change: CampaignChange) -> dict[str, Any]:
    """Tell when a campaign was sent; the clicks of those seconds are judged again within a minute."""
    with services().database.write() as connection:
        before = see_campaign(connection, campaign_id)
        campaign = campaigns.tell_when_sent(connection, before, change.sent_at)
        account = get_account(connection, campaign.emp_id)
        its_links = campaigns.links_of(connection, campaign_id)
    services().bell.ring(jobs.SWEEP)
    return _with_links(campaign, account, its_links)


@blueprint.get("/campaigns/<campaign_id>/links")
@blueprint.output(LinksOut)
@blueprint.doc(security="bearer")
def list_links(campaign_id: str) -> dict[str, Any]:
    """What happened on each link."""
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
        account = get_account(connection, campaign.emp_id)
        activity = link_activity(connection, campaign_id)
    return {
        "links": [
            _link_as_json(campaign, account, row.link)
            | {
                "human_clicks": row.human_clicks,
                "bot_clicks": row.bot_clicks,
                "contacts": row.contacts,
                "orders": row.orders,
            }
            for row in activity
        ]
    }


@blueprint.patch("/campaigns/<campaign_id>/links/<link_id>")
@blueprint.input(LinkChange, arg_name="change")
@blueprint.output(LinkChanged)
@blueprint.doc(security="bearer")
def patch_link(campaign_id: str, link_id: str, change: LinkChange) -> dict[str, Any]:
    """Change where a link leads, switch it off, name it anew, let its clicks earn sales or not.

    The tracked url stays; edges follow within seconds.
    """
    link, notices = change_link(campaign_id, link_id, change)
    with services().database.read() as connection:
        campaign = see_campaign(connection, campaign_id)
        told = _link_as_json(campaign, get_account(connection, campaign.emp_id), link)
    return told | {"warnings": [f"url: {said}" for said in explain_notices(notices, ENGLISH)]}


def _read_url(url: str) -> tuple[str, list[Notice]]:
    return read_destination(url, services().settings.click_parameter)


def explain_notices(notices: Sequence[Notice], language: Language) -> list[str]:
    """What was changed of a destination, in a language."""
    return [explain_notice(notice, services().settings.click_parameter, language) for notice in notices]


def change_link(campaign_id: str, link_id: str, change: LinkChange) -> tuple[CampaignLink, list[Notice]]:
    """Change a link of a campaign that this request may see, and publish it to the edges.

    Gives it as it is then, and what of its new destination was changed.
    """
    here, values = services(), change.model_dump(exclude_unset=True)
    notices: list[Notice] = []
    if "url" in values:
        values["new_url"], notices = _read_url(values.pop("url"))
    with here.database.write() as connection:
        campaign = see_campaign(connection, campaign_id)
        before = see_link(connection, campaign, link_id)
        after = campaigns.change_link(connection, before, replace(before, **values), datetime.now(UTC))
        if after.sale_pixel != before.sale_pixel:
            campaigns.switch_link(connection, campaign, link_id, after.sale_pixel)
    # Also when nothing changed: who asks again, because an edge did not follow, is served.
    publish_directory(here.database, here.redis)
    here.bell.ring(jobs.SWEEP)
    return after, notices


def see_link(connection: sa.Connection, campaign: Campaign, link_id: str) -> CampaignLink:
    """The link, if it is one of this campaign's."""
    found = (link for link in campaigns.links_of(connection, campaign.id) if link.id == link_id)
    link = next(found, None)
    if link is None:
        raise not_found("link")
    return link


def tracked_url(campaign: Campaign, account: Account | None, link: CampaignLink) -> str:
    """What to put in the e-mail: the tag stays as it is, the mailer looks for its very characters."""
    here = services()
    token = here.links.seal(Link(campaign.emp_id, campaign.id, link.id, link.url))
    return f"{edge_url(account)}/c/{token}?k={campaign.contact_tag}"


def edge_url(account: Account | None) -> str:
    """Where browsers reach the edge for an account."""
    base = services().settings.edge_url
    host = account.tracking_host if account else ""
    return f"{urlsplit(base).scheme}://{host}" if host else base


def _as_json(campaign: Campaign) -> dict[str, Any]:
    return {
        "id": campaign.id,
        "empId": campaign.emp_id,
        "name": campaign.name,
        "mailer": campaign.mailer,
        "created_at": campaign.created_at,
        "sent_at": campaign.sent_at,
        "utm_campaign": campaign.utm_campaign,
        "holdout_percent": campaign.holdout_percent,
    }


def _with_links(campaign: Campaign, account: Account | None, links: list[CampaignLink]) -> dict[str, Any]:
    return _as_json(campaign) | {"links": [_link_as_json(campaign, account, link) for link in links]}


def _link_as_json(campaign: Campaign, account: Account | None, link: CampaignLink) -> dict[str, Any]:
    return {
        "id": link.id,
        "url": link.destination,
        "label": link.label,
        "sale_pixel": link.sale_pixel,
        "tracked_url": tracked_url(campaign, account, link),
        "active": link.active,
        "original_url": link.url,
        "changed_at": link.changed_at,
    }
