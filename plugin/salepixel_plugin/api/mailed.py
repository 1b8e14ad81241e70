"""An e-mail with tracked links, in the responses of campaigns."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from salepixel.mails.alternatives import texts_of
from salepixel.mails.mail import Kind
from salepixel.mails.proposals import Use, Why
from salepixel.mails.view import MailView
from salepixel_plugin.api.blueprint import Output
from salepixel_plugin.cautions import cautions_for, say_caution
from salepixel_plugin.languages import ENGLISH

Warnings = Annotated[
    list[str], Field(description="Corrections to the input: the field, and why. Check the result.")
]


class MailedLink(Output):
    """A link in an e-mail."""

    url: str = Field(
        description="The destination, with its UTM parameters; the address if it is not tracked."
    )
    label: str
    sale_pixel: bool = Field(description="True: a sales link.")
    position: int = Field(description="Its number in the e-mail, from 1; the text comes before the HTML.")
    text: str = Field(description="Its text, or that of its image.")
    skipped: Why | None = Field(description="Why it is not tracked; null if it is.")
    tracked_url: str | None = Field(description="Null: it is not tracked.")


class CampaignPreview(Output):
    """An e-mail with tracked links, of a campaign that does not exist.

    Do not send it: its links lead to their destinations, but their clicks count for no campaign.
    """

    html: str | None = Field(description="The HTML with tracked links; all its other bytes are unchanged.")
    text: str | None = Field(description="The text with tracked links.")
    links: list[MailedLink] = Field(description="All links, also those that are not tracked.")
    warnings: Warnings


def mailed(view: MailView, addresses: Mapping[str, str]) -> dict[str, Any]:
    """An e-mail with tracked links as JSON. Asks its tracking host, so not in a transaction."""
    texts, led = texts_of(view.rewritten(addresses), view.stored.kind), view.destinations()
    return {
        "html": texts.get(Kind.HTML),
        "text": texts.get(Kind.TEXT),
        "links": [
            {
                "url": led.get(one.id) or one.proposal.destination or one.found.address,
                "label": one.choice.label,
                "sale_pixel": one.choice.use is Use.SALES,
                "position": number,
                "text": one.found.text,
                "skipped": one.proposal.why if one.choice.use is Use.LEFT else None,
                "tracked_url": addresses.get(one.choice.link_id or ""),
            }
            for number, one in enumerate(view.links, 1)
        ],
        "warnings": [say_caution(one, ENGLISH) for one in cautions_for(view)],
    }
