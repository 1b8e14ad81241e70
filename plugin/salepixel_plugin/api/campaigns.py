"""Campaigns: e-mails to many recipients, with tracked links."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import quote

from pydantic import Field, model_validator

from salepixel.accounts.declined import BadField
from salepixel.campaigns import store, use_cases
from salepixel.campaigns.links import Link, Notice, edge_url, tracked_url
from salepixel.campaigns.pages import dynamic_link, dynamic_url
from salepixel.campaigns.store import Campaign, CampaignLink
from salepixel.campaigns.use_cases import LinkedCampaign, NewCampaign, NewLink
from salepixel.campaigns.utm import Utm, read_utm
from salepixel.mailers.known import PLATFORMS
from salepixel.mailers.tags import is_merge_tag
from salepixel.mails.alternatives import mail_of
from salepixel.mails.mail import Mail
from salepixel.mails.use_cases import add_mail, make_campaign, preview_mail, tracked_addresses
from salepixel.mails.use_cases import copy_campaign as copy
from salepixel.mails.use_cases import delete_campaign as delete
from salepixel.report.activity import link_activity
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.api.mailed import CampaignPreview, MailedLink, Warnings, mailed
from salepixel_plugin.copies import copy_name
from salepixel_plugin.directory import publish_if_possible
from salepixel_plugin.explanations import explain_notice
from salepixel_plugin.fields import UNSET, EmpId, Id, LinkUrl, Name, PlannedTime, Text
from salepixel_plugin.languages import ENGLISH
from salepixel_plugin.paging import Next, PageQuery, read_dated_cursor, write_cursor
from salepixel_plugin.schemas import CopyIn, Input, LinkChange, UtmIn
from salepixel_plugin.services import services, tracking, writing

SentAt = Annotated[PlannedTime | None, Field(description="When sending begins; helps to detect bot clicks.")]


class LinkIn(Input):
    """A destination."""

    url: LinkUrl = Field(examples=["https://shop.test/p/1?a=b"])
    label: Text = ""
    sale_pixel: bool = Field(False, description="True: a sales link. Only clicks on sales links earn orders.")


class CampaignIn(Input):
    """A new campaign."""

    emp_id: EmpId = Field(alias="empId")
    name: Name
    mailer: str = Field("plain", description=f"The e-mail platform: {', '.join(PLATFORMS)}.")
    contact_tag: Name | None = Field(
        None, description="The platform's merge tag for the contact's reference, if not the default."
    )
    links: Annotated[list[LinkIn], Field(max_length=500)] | None = Field(
        None, description="The destinations. An empty list: a campaign that has only its dynamic link."
    )
    html: str = Field("", description="In place of `links`: the e-mail's HTML.")
    text: str = Field("", description="In place of `links`: the e-mail's text, alone or besides its HTML.")
    sent_at: SentAt = None
    holdout_percent: Annotated[int, Field(ge=0, le=use_cases.MAX_HOLDOUT)] = Field(
        0, description="Random holdout: percentage of recipients in the control group."
    )
    utm_campaign: Text = Field("", description="The utm_campaign of its links, so that orders can name it.")
    utm: UtmIn | None = Field(None, description="UTM parameters of its destinations. Null: the account's.")

    max_bytes: ClassVar[int] = 8_000_000

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.links is None) is not bool(self.html or self.text):
            raise ValueError("send either `links`, or `html` and `text`")
        return self

    def mail(self) -> Mail | None:
        """The e-mail, None if there are `links`. Takes seconds for a large one. Raises Invalid."""
        return mail_of(self.html, self.text) if self.links is None else None

    def patterns(self) -> Utm | None:
        """Its UTM parameters; None: those of the account."""
        return self.utm.as_utm() if self.utm else None


class CampaignChange(Input):
    """The fields of a campaign to change. Fields that are not sent stay the same."""

    name: Name = Field(UNSET)
    sent_at: PlannedTime | None = Field(
        UNSET, description="When sending begins; helps to detect bot clicks. Null: not known."
    )
    archived: bool = Field(
        UNSET, description="True: left out of lists. All figures stay, and all links still work."
    )
    sent_count: Annotated[int, Field(ge=1, le=use_cases.MAX_SENT)] | None = Field(
        UNSET,
        description="How many e-mails were sent, for the rates of the report. Null: as many as the "
        "campaign's list of recipients says.",
    )
    holdout_percent: Annotated[int, Field(ge=0, le=use_cases.MAX_HOLDOUT)] = Field(
        UNSET,
        description="Random holdout: percentage of recipients in the control group. Can change until "
        "sending begins or a contact clicks. Recipients who are listed already get their group at once.",
    )


class CampaignsQuery(PageQuery):
    """A page of campaigns."""

    archived: bool = Field(False, description="True: only the archived campaigns.")


class LinkOut(Output):
    """A link: put `tracked_url` in the e-mail, unchanged."""

    id: Id
    url: str = Field(description="The destination.")
    label: str
    sale_pixel: bool
    tracked_url: str
    active: bool = Field(description="False: the link is inactive, and visitors see a page that says so.")
    original_url: str = Field(description="The first destination, which the tracked URL contains.")
    changed_at: datetime | None = Field(description="When `url` or `active` last changed; null if never.")
    dynamic: bool = Field(
        description="The dynamic link of the campaign, whose id this link has, or a page that it led to."
    )


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
    archived_at: datetime | None = Field(description="When it was archived; null if it is in the lists.")
    utm: UtmIn
    sent_count: int | None = Field(description="How many e-mails were sent, as you reported it.")
    listed: int = Field(description="Contacts in the campaign's list of recipients.")
    held_out: int = Field(description="Those in the control group.")


class CreatedLink(MailedLink):
    """A link of a new campaign."""

    id: Id | None = Field(description="Null: it is not tracked.")


class _Campaign(CampaignOut):
    dynamic_url: str = Field(
        description="The dynamic link, for product feeds and automations. After `u=` comes the tag of the "
        "platform for the address of a product, or `{url}`: put the address there, encoded. "
        "It leads only to the `link_hosts` of the account."
    )


class CampaignWithLinks(_Campaign):
    """A campaign with its links."""

    links: list[LinkOut]


class CampaignCreated(_Campaign):
    """A new campaign with its links, and corrections to the input.

    If it was created from an e-mail: that e-mail with tracked links, to be sent; all its links in their
    sequence; and risks to know before it is sent.
    """

    links: list[LinkOut | CreatedLink]
    html: str | None = None
    text: str | None = None
    mail_id: Id | None = Field(None, description="The e-mail, for `GET /mails/<mail_id>`.")
    warnings: Warnings


class CampaignsOut(Output):
    """Campaigns, newest first."""

    campaigns: list[CampaignOut]
    next: Next


class CampaignCopy(Output):
    """The copy of a campaign: a draft if it has an e-mail, or else a campaign with the same links."""

    mail_id: Id | None
    campaign_id: Id | None


class LinkChanged(LinkOut):
    """A link after the change, and corrections to the input."""

    warnings: Warnings


class LinkActivity(LinkOut):
    """A link with its clicks and orders."""

    human_clicks: int
    bot_clicks: int
    contacts: int | None = Field(
        description="Clickers: contacts who clicked. Null: several pages of the dynamic link together."
    )
    orders: int = Field(description="Orders attributed to clicks on this link.")


class LinksOut(Output):
    """A campaign's links, in their order."""

    links: list[LinkActivity]


@blueprint.post("/campaigns")
@blueprint.input(CampaignIn, arg_name="wanted")
@blueprint.output(CampaignCreated, 201)
@blueprint.doc(security="bearer", responses={403: "A foreign account", 404: "No such account"})
def add_campaign(wanted: CampaignIn) -> dict[str, Any]:
    """Create a campaign; the response has a tracked URL for each link.

    Or from an e-mail: its links are proposed as in `POST /mails`, which also lets you choose them.
    """
    here, mail = services(), wanted.mail()
    if mail is not None:
        return _from_mail(wanted, mail)
    links = [NewLink(link.url, link.label, link.sale_pixel) for link in wanted.links or ()]
    given = wanted.model_dump(exclude={"links", "utm", "html", "text"})
    new = NewCampaign(**given, links=links, utm=wanted.patterns())
    with here.database.write() as connection:
        made, notices = use_cases.create_campaign(
            connection, principal(), new, here.settings.click_parameter, datetime.now(UTC)
        )
    if not is_merge_tag(made.campaign.contact_tag):
        publish_if_possible(here.database, here.redis)  # edges recognise such a tag only by the directory
    warnings = [f"links.{place}.url: {_explain(notice)}" for place, notice in notices]
    return _with_links(made) | {"warnings": warnings}


@blueprint.post("/campaigns/preview")
@blueprint.input(CampaignIn, arg_name="wanted")
@blueprint.output(CampaignPreview)
@blueprint.doc(security="bearer", responses={403: "A foreign account", 404: "No such account"})
def preview_campaign(wanted: CampaignIn) -> dict[str, Any]:
    """What `POST /campaigns` would make of an e-mail; nothing is stored."""
    mail = wanted.mail()
    if mail is None:
        raise BadField("links", "cannot be previewed; send `html` or `text`")
    with services().database.read() as connection:
        given = _mail_of(wanted, mail)
        view, addresses = preview_mail(connection, principal(), tracking(), *given, utm=wanted.patterns())
    return mailed(view, addresses)


def _from_mail(wanted: CampaignIn, mail: Mail) -> dict[str, Any]:
    now, who, how = datetime.now(UTC), principal(), tracking()
    with writing(publishes=True) as connection:
        draft = add_mail(connection, who, how, *_mail_of(wanted, mail), utm=wanted.patterns())
        view = make_campaign(
            connection,
            who,
            how,
            draft,
            now,
            sent_at=wanted.sent_at,
            holdout_percent=wanted.holdout_percent,
            utm_campaign=wanted.utm_campaign,
        )
        addresses = tracked_addresses(connection, who, how, view)
        made = _with_links(use_cases.see_links(connection, who, str(view.stored.campaign_id)))
    shown = mailed(view, addresses)
    ids = [{"id": one.choice.link_id} for one in view.links]
    links = [one | its for one, its in zip(shown.pop("links"), ids, strict=True)]
    return made | shown | {"links": links, "mail_id": view.stored.id}


def _mail_of(wanted: CampaignIn, mail: Mail) -> tuple[int, str, str, str | None, Mail, datetime]:
    return wanted.emp_id, wanted.name, wanted.mailer, wanted.contact_tag, mail, datetime.now(UTC)


@blueprint.get("/campaigns")
@blueprint.input(CampaignsQuery, location="query", arg_name="page")
@blueprint.output(CampaignsOut)
@blueprint.doc(security="bearer")
def list_campaigns(page: CampaignsQuery) -> dict[str, Any]:
    """The campaigns that the API key can read, newest first."""
    before = read_dated_cursor(page.cursor)
    with services().database.read() as connection:
        found = store.list_campaigns(
            connection, principal().accounts, page.limit + 1, before, archived=page.archived
        )
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
    """One campaign with its tracked URLs."""
    with services().database.read() as connection:
        return _with_links(use_cases.see_links(connection, principal(), campaign_id))


@blueprint.patch("/campaigns/<campaign_id>")
@blueprint.input(CampaignChange, arg_name="change")
@blueprint.output(CampaignWithLinks)
@blueprint.doc(security="bearer", responses={409: "The e-mail was sent: the control group cannot change"})
def change_campaign(campaign_id: str, change: CampaignChange) -> dict[str, Any]:
    """Rename or archive a campaign; set when and how many e-mails were sent, or the share of its holdout.

    After a change of the sending time, its first clicks are judged again.
    """
    values, who, now = change.model_dump(exclude_unset=True), principal(), datetime.now(UTC)
    with writing(wakes="sent_at" in values) as connection:
        if "name" in values:
            use_cases.rename_campaign(connection, who, campaign_id, values["name"])
        if "archived" in values:
            use_cases.archive_campaign(connection, who, campaign_id, now if values["archived"] else None)
        if "holdout_percent" in values:
            use_cases.switch_holdout(connection, who, campaign_id, values["holdout_percent"], now)
        if "sent_count" in values:
            use_cases.set_sent_count(connection, who, campaign_id, values["sent_count"])
        if "sent_at" in values:
            use_cases.set_sent_at(connection, who, campaign_id, values["sent_at"])
        changed = use_cases.see_links(connection, who, campaign_id)
    return _with_links(changed)


@blueprint.post("/campaigns/<campaign_id>/copy")
@blueprint.input(CopyIn, arg_name="wanted")
@blueprint.output(CampaignCopy, 201)
@blueprint.doc(security="bearer")
def copy_campaign(campaign_id: str, wanted: CopyIn) -> dict[str, Any]:
    """Copy a campaign: its e-mail as a draft, or its links if it was created without an e-mail."""
    with writing(publishes=True) as connection:
        name = wanted.name or copy_name(
            use_cases.see_campaign(connection, principal(), campaign_id).name, ENGLISH
        )
        made = copy(connection, principal(), tracking(), campaign_id, name, datetime.now(UTC))
    return {"mail_id": made.mail_id, "campaign_id": made.campaign_id}


@blueprint.delete("/campaigns/<campaign_id>")
@blueprint.output(CampaignOut)
@blueprint.doc(security="bearer", responses={409: "It has clicks, orders, recipients or coupons"})
def delete_campaign(campaign_id: str) -> dict[str, Any]:
    """Delete a campaign without clicks and orders; returns it a last time. Its links still work."""
    with writing(publishes=True) as connection:
        return _as_json(delete(connection, principal(), campaign_id))


@blueprint.get("/campaigns/<campaign_id>/links")
@blueprint.output(LinksOut)
@blueprint.doc(security="bearer")
def list_links(campaign_id: str) -> dict[str, Any]:
    """Clicks and orders of each link."""
    with services().database.read() as connection:
        found = use_cases.see_links(connection, principal(), campaign_id)
        activity = link_activity(connection, campaign_id)
    return {
        "links": [
            _link_as_json(found, row.link)
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
    """Change a link's destination or label, deactivate it, or turn the sales link on or off.

    The tracked URL stays the same. Edges use the change within seconds.
    """
    here, values = services(), change.model_dump(exclude_unset=True)
    # Published even if nothing changed, so that a retry reaches an edge that missed the change.
    with writing(publishes=True, wakes=True) as connection:
        changed, notices = use_cases.edit_link(
            connection,
            principal(),
            campaign_id,
            link_id,
            values,
            here.settings.click_parameter,
            datetime.now(UTC),
        )
    warnings = [f"url: {_explain(notice)}" for notice in notices]
    return _link_as_json(changed, changed.links[0]) | {"warnings": warnings}


def _explain(notice: Notice) -> str:
    return explain_notice(notice, services().settings.click_parameter, ENGLISH)


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
        "archived_at": campaign.archived_at,
        "utm": asdict(read_utm(campaign.utm)),
        "sent_count": campaign.sent_count,
        "listed": campaign.listed,
        "held_out": campaign.held_out,
    }


def _with_links(found: LinkedCampaign) -> dict[str, Any]:
    return _as_json(found.campaign) | {
        "links": [_link_as_json(found, link) for link in found.links],
        "dynamic_url": _tracked_url(found, dynamic_link(found.campaign.id)),
    }


def _link_as_json(found: LinkedCampaign, link: CampaignLink) -> dict[str, Any]:
    return {
        "id": link.id,
        "url": link.destination,
        "label": link.label,
        "sale_pixel": link.sale_pixel,
        "tracked_url": _tracked_url(found, link),
        "active": link.active,
        "original_url": link.url,
        "changed_at": link.changed_at,
        "dynamic": link.dynamic,
    }


def _tracked_url(found: LinkedCampaign, link: CampaignLink) -> str:
    campaign, here = found.campaign, services()
    base, tag = edge_url(here.settings.edge_url, found.tracking_host), campaign.contact_tag
    if link.dynamic:
        return dynamic_url(here.links, base, campaign, quote(link.url, safe=""))
    return tracked_url(base, here.links.seal(Link(campaign.emp_id, campaign.id, link.id, link.url)), tag)
