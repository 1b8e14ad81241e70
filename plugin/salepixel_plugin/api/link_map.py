"""The link map of a campaign: its links in the sequence of the e-mail, and what each brought."""

from typing import Any

from pydantic import Field

from salepixel.report import use_cases
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import Currency, Id, Money
from salepixel_plugin.services import services, tracking


class NetOut(Output):
    """The net revenue in one currency."""

    currency: Currency
    net: Money


class MappedLinkOut(Output):
    """A link of the map."""

    number: int | None = Field(
        description="Its number in the e-mail, from 1; null: it is not in the shown part of the e-mail."
    )
    id: Id
    label: str
    url: str = Field(description="The destination.")
    human_clicks: int
    bot_clicks: int
    contacts: int | None = Field(
        description="Clickers: contacts who clicked. Null: several pages of the dynamic link together."
    )
    orders: int
    net: list[NetOut]


class LinkMapOut(Output):
    """The links of a campaign, those of the e-mail first."""

    links: list[MappedLinkOut]


@blueprint.get("/campaigns/<campaign_id>/link-map")
@blueprint.output(LinkMapOut)
@blueprint.doc(security="bearer", responses={404: "No such campaign, or it was not made from an e-mail"})
def get_link_map(campaign_id: str) -> dict[str, Any]:
    """The links of a campaign in the sequence of its e-mail, each with its clicks, orders and revenue."""
    with services().database.read() as connection:
        found = use_cases.read_link_map(connection, principal(), tracking(), campaign_id)
    return {
        "links": [
            {
                "number": one.number,
                "id": one.counts.link.id,
                "label": one.counts.link.label,
                "url": one.counts.link.destination,
                "human_clicks": one.counts.human_clicks,
                "bot_clicks": one.counts.bot_clicks,
                "contacts": one.counts.contacts,
                "orders": one.counts.orders,
                "net": [
                    {"currency": currency, "net": f"{net:f}"} for currency, net in sorted(one.net.items())
                ],
            }
            for one in found.links
        ]
    }
