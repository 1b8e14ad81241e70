"""What a contact did: opt-out, clicks, orders and revenue, campaign by campaign."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import Field

from salepixel.reading.references import normal_reference
from salepixel.report.contact import ContactView
from salepixel.report.use_cases import see_contact
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.api.erasures import AccountQuery
from salepixel_plugin.fields import Id, Money
from salepixel_plugin.services import services


class NetOut(Output):
    """Net revenue in one currency."""

    currency: str
    net: Money


class CampaignOfContactOut(Output):
    """What a contact did in a campaign that it received, clicked or bought in."""

    campaign: Id
    name: str
    human_clicks: int
    bot_clicks: int
    orders: int
    net: list[NetOut]


class ClickOfContactOut(Output):
    """A click of a contact."""

    campaign: Id
    link: str = Field(description="The label of the link.")
    clicked_at: datetime
    verdict: str


class OrderOfContactOut(Output):
    """An order that was attributed to a click of a contact."""

    shop: Id
    order_id: str
    order: str
    placed_at: datetime


class ContactOut(Output):
    """A contact, as far as it is known."""

    ref: str
    stored: bool = Field(description="False: it was never uploaded; it may have clicked, all the same.")
    has_address: bool
    opted_out: bool = Field(description="True: it is not tracked, by this or another reference.")
    opted_out_by: list[str] = Field(description="The references that opted out.")
    others: list[str] = Field(description="References with the same e-mail address.")
    net: list[NetOut]
    campaigns: list[CampaignOfContactOut]
    clicks: list[ClickOfContactOut] = Field(description="The newest 20.")
    orders: list[OrderOfContactOut] = Field(description="The newest 20.")


@blueprint.get("/contacts/<path:ref>")
@blueprint.input(AccountQuery, location="query", arg_name="asked")
@blueprint.output(ContactOut)
@blueprint.doc(security="bearer", responses={403: "Contacts are not shown to this key"})
def get_contact(ref: str, asked: AccountQuery) -> dict[str, Any]:
    """What a contact did, campaign by campaign; all empty for an unknown reference."""
    with services().database.read() as connection:
        return _as_json(see_contact(connection, principal(), asked.emp_id, normal_reference(ref)))


def _as_json(view: ContactView) -> dict[str, Any]:
    return {
        "ref": view.ref,
        "stored": view.is_stored,
        "has_address": view.has_address,
        "opted_out": bool(view.opted_out or view.opted_out_by),
        "opted_out_by": view.opted_out_by,
        "others": view.others,
        "net": _net(view.net),
        "campaigns": [
            {
                "campaign": one.campaign_id,
                "name": one.name,
                "human_clicks": one.human_clicks,
                "bot_clicks": one.bot_clicks,
                "orders": one.orders,
                "net": _net(one.net),
            }
            for one in view.campaigns
        ],
        "clicks": [
            {
                "campaign": one.campaign_id,
                "link": one.label,
                "clicked_at": one.at.astimezone(UTC),
                "verdict": one.verdict,
            }
            for one in view.clicks
        ],
        "orders": [
            {"shop": one.shop_id, "order_id": one.order_id, "order": one.number, "placed_at": one.placed_at}
            for one in view.orders
        ],
    }


def _net(amounts: dict[str, Decimal]) -> list[dict[str, str]]:
    return [{"currency": currency, "net": f"{amount:f}"} for currency, amount in sorted(amounts.items())]
