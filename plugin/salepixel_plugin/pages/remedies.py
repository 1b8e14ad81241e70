"""What one can do about an order that no e-mail earned: a link to the page that changes it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import url_for

from salepixel.accounts.store import Account
from salepixel.attribution.decide import LIKELY
from salepixel_plugin.languages import N_, Language

_DAY = timedelta(days=1)
_MOST_DAYS = 365

_SWITCH = N_("Preview %(link)s as a sales link: all orders that it would change")
_WIDEN = N_("Preview a window of %(days)s days: all orders that it would change")
_SETTINGS = N_("Change the window of %(campaign)s")
_PIXEL = N_("Connect the shop: only orders that it confirms count")
_HEALTH = N_("Check the tracking")
_CONTACTS = N_("Upload the contacts with their addresses, to match orders by e-mail")


class Remedy(NamedTuple):
    """What one can do: a text in the reader's language, and the page to do it on."""

    text: str
    href: str


def remedies(
    account: Account,
    decision: Mapping[str, Any],
    placed_at: datetime,
    names: Mapping[str, str],
    labels: Mapping[str, str],
    language: Language,
) -> list[Remedy]:
    """What one can do about the reason of a decision, the most likely first; nothing for a credited order.

    `names`, `labels`: of the campaigns and links of the clicks that were considered.
    """
    passed = [item for item in decision["candidates"] if item["passed_over"] == decision["reason"]]
    match decision["reason"]:
        case "not_a_sales_link":
            switched = {item["link"]: item["campaign"] for item in passed if item["link"] in labels}
            return [
                Remedy(
                    language.text(_SWITCH, link=labels[link]),
                    url_for("pages.preview_link", campaign_id=campaign, link_id=link),
                )
                for link, campaign in switched.items()
            ]
        case "outside_window":
            return _wider(account, passed, placed_at, names, language)
        case "pixel_only":
            return [Remedy(language.text(_PIXEL), url_for("pages.first_steps", emp_id=account.emp_id))]
        case "no_click":
            return [
                Remedy(language.text(_CONTACTS), url_for("pages.new_list", emp_id=account.emp_id)),
                Remedy(language.text(_HEALTH), url_for("pages.first_steps", emp_id=account.emp_id)),
            ]
        # Only an order that carries the click itself counts for such a click: that is what the tag does.
        case "invalid_token" | "bot_click":
            return [Remedy(language.text(_HEALTH), url_for("pages.first_steps", emp_id=account.emp_id))]
    return []


def _wider(
    account: Account,
    passed: list[Mapping[str, Any]],
    placed_at: datetime,
    names: Mapping[str, str],
    language: Language,
) -> list[Remedy]:
    """The window that holds the newest of the clicks; settings of its campaign if that has its own window.

    No window helps if the evidence is too weak, as an e-mail match is eight days after the click.
    """
    clicked = [item for item in passed if item["clicked_at"]]
    if not clicked:
        return []
    if max(item["confidence"] for item in clicked) < LIKELY:
        return [Remedy(language.text(_HEALTH), url_for("pages.first_steps", emp_id=account.emp_id))]
    newest = max(clicked, key=lambda item: item["clicked_at"])
    age = placed_at - datetime.fromisoformat(newest["clicked_at"])
    days = -(-age // _DAY)  # rounded up
    if newest["campaign"] in account.policy.windows and newest["campaign"] in names:
        text = language.text(_SETTINGS, campaign=names[newest["campaign"]])
        return [Remedy(text, url_for("pages.show_policy", emp_id=account.emp_id))]
    if not 0 < days <= _MOST_DAYS:
        return []
    text = language.text(_WIDEN, days=language.number(days))
    href = url_for("pages.preview_policy", emp_id=account.emp_id, window_days=days)
    return [Remedy(text, href)]
