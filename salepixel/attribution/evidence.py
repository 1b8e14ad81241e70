"""Evidence: why an order may belong to a click, a contact or a campaign, and with which confidence."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from math import prod
from typing import NamedTuple

from salepixel.clicks.tokens import Click, Verdict, time_of_click
from salepixel.orders.order import Order

HIGHEST = 0.995
"""The highest confidence, below 1 because a buyer may always have come without the e-mail."""


class Rung(StrEnum):
    """Where evidence comes from, strongest first.

    TOKEN: the click token on the order. COOKIE: the click's cookie at the pixel, for this order. COUPON: a
    code that one contact got. CUSTOMER: a click of the contact who is known to be the shop's customer, or who
    is identified by a stronger rung of this order. EMAIL: a click of a contact with the order's address.
    ALIAS: a click of a contact with another address of the same mailbox. CAMPAIGN: the order names a
    campaign, by utm_campaign or a code for everybody.
    """

    TOKEN = "token"
    COOKIE = "cookie"
    COUPON = "coupon"
    CUSTOMER = "customer"
    EMAIL = "email"
    ALIAS = "alias"
    CAMPAIGN = "campaign"


NAMES_BUYER = (Rung.TOKEN, Rung.COOKIE, Rung.COUPON)
"""Rungs on which the order itself names the contact; the other rungs look for the contact's clicks."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_clicked_at = lru_cache(maxsize=4096)(time_of_click)
"""Cached, because each click is compared with several times of its order and with other evidence."""

_FIXED = {
    Rung.TOKEN: 0.99,
    Rung.COOKIE: 0.97,
    Rung.COUPON: 0.95,
    Rung.CUSTOMER: 0.93,
    Rung.ALIAS: 0.75,
    Rung.CAMPAIGN: 0.6,
}


class Evidence(NamedTuple):
    """Evidence that an order belongs to a click; `click` is None if it names only a campaign or a contact.

    `sale_pixel`: the click's link is a sales link. `consent` is False for a contact who opted out.
    `other_address`: the contact's stored address is not the order's. `other_buyer`: the order's address is
    another contact's, so they probably share a browser.
    """

    rung: Rung
    click: Click | None
    verdict: Verdict = Verdict.UNKNOWN
    sale_pixel: bool = True
    named_campaign: str = ""
    named_contact: str = ""
    consent: bool = True
    other_address: bool = False
    other_buyer: bool = False

    @property
    def clicked_at(self) -> datetime:
        """The time of the click (UTC). Only for evidence with a click."""
        return _clicked_at(self.click.id) if self.click else _NEVER

    @property
    def campaign(self) -> str:
        """The campaign that it supports."""
        return self.click.campaign if self.click else self.named_campaign

    @property
    def contact(self) -> str:
        """The contact that it supports, or empty."""
        return self.click.contact if self.click else self.named_contact


def confidence_of(order: Order, item: Evidence) -> float:
    """How likely the click led to the order, by this evidence alone: the ladder's start values, 0 to 1.

    The confidence of an e-mail match halves every 14 days, down to 0.5. If the click may be a bot click,
    evidence about the buyer (not about the click) counts half.
    """
    if item.rung is not Rung.EMAIL:
        worth = _FIXED[item.rung]
    else:
        age = order.placed_at - item.clicked_at if item.click else timedelta.max
        worth = max(0.5, 0.9 * 2 ** (-max(0.0, age / timedelta(days=14))))
    doubt = item.rung in (Rung.CUSTOMER, Rung.EMAIL, Rung.ALIAS) and item.verdict is Verdict.UNKNOWN
    return round(worth * (0.5 if doubt else 1.0), 4)


def agree(confidences: Iterable[float]) -> float:
    """The combined confidence of independent evidence that agrees: 1 - (1 - a)(1 - b)..., at most HIGHEST."""
    return round(min(HIGHEST, 1 - prod(1 - one for one in confidences)), 4)


def named_buyer(emp_id: int, evidence: Iterable[Evidence]) -> str:
    """The contact of an account that the order's own token, cookie or coupon names; empty if none.

    A token or cookie is ignored if its contact does not match the order's address or customer: the e-mail may
    have been forwarded, or the browser shared. Tokens of other accounts are ignored too: there, the same
    reference is another person.
    """
    for item in sorted(evidence, key=lambda item: list(Rung).index(item.rung)):
        is_ours = item.click is None or item.click.emp_id == emp_id
        says_who = item.consent and not item.other_address and not item.other_buyer
        if item.rung in NAMES_BUYER and item.contact and is_ours and says_who:
            return item.contact
    return ""
