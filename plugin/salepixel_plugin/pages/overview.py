"""The overview of a campaign and of an account: figures with what they mean, and charts."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import sqlalchemy as sa
from flask import Response, redirect, request, url_for

from salepixel.accounts.store import list_accounts
from salepixel.accounts.use_cases import see_account
from salepixel.campaigns.store import Campaign, list_campaigns
from salepixel.campaigns.use_cases import see_campaign
from salepixel.report.figures import MONEY, RATES, Counted, Figure, Name, figures_of
from salepixel.report.overview import AccountOverview, CampaignOverview
from salepixel.report.periods import Against, Comparison, Preset, Range, compare_campaigns
from salepixel.report.use_cases import read_account_overview
from salepixel_plugin.access import principal
from salepixel_plugin.languages import N_, Language
from salepixel_plugin.pages.behind import Behind
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.pages.periods import Chosen, read_period
from salepixel_plugin.pages.pictures import Artist, Picture
from salepixel_plugin.services import services

FIGURES = {
    Name.NET_REVENUE: (N_("Net revenue"), N_("Revenue of this period's attributed orders, less refunds.")),
    Name.ORDERS: (N_("Orders"), N_("Orders of this period that are attributed to an e-mail.")),
    Name.SHARE_OF_REVENUE: (
        N_("Share of all revenue"),
        N_("Net revenue that e-mails earned, as a share of the net revenue of all the shop's orders."),
    ),
    Name.FIRST_ORDERS: (
        N_("Orders of new buyers"),
        N_(
            "Attributed orders without an earlier order from the same e-mail address. "
            "Orders from before the shop was connected are not known."
        ),
    ),
    Name.RETURNING_ORDERS: (
        N_("Orders of returning buyers"),
        N_("Attributed orders whose buyer had already bought, with or without an e-mail."),
    ),
    Name.SHARE_OF_ORDERS: (
        N_("Share of all orders"),
        N_("Orders that an e-mail earned, as a share of all the shop's orders."),
    ),
    Name.AVERAGE_ORDER_VALUE: (N_("Average order value"), N_("Net revenue divided by orders.")),
    Name.REFUNDS: (
        N_("Refunds"),
        N_("Refunds of these orders until now; in closed months, until the month was closed."),
    ),
    Name.HUMAN_CLICKS: (N_("Human clicks"), N_("Clicks of this period, without bot clicks.")),
    Name.REVENUE_PER_CLICK: (N_("Revenue per click"), N_("Net revenue divided by human clicks.")),
    Name.CLICKERS: (N_("Clickers"), N_("Different contacts who clicked.")),
    Name.CLICK_RATE: (N_("Click rate"), N_("Clickers divided by e-mails sent.")),
    Name.CONVERSION_RATE: (N_("Conversion rate"), N_("Buyers divided by e-mails sent.")),
    Name.REVENUE_PER_RECIPIENT: (
        N_("Revenue per recipient"),
        N_("Net revenue until now, divided by e-mails sent."),
    ),
}
"""The name of each figure, and what it means."""

OF_CAMPAIGNS = frozenset({Name.CLICKERS, Name.CLICK_RATE, Name.CONVERSION_RATE, Name.REVENUE_PER_RECIPIENT})
"""The figures of whole campaigns; the others are those of the days (report/figures.py)."""


_NO_CHANGE = Decimal("0.005")
"""A smaller change is 0 % as people read it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure as a page shows it. `change`: in words, empty if there is nothing to compare with.

    `direction`: `up`, `down` or empty. `is_of_campaigns`: of whole campaigns, not of some days.
    """

    name: Name
    title: str
    value: str
    meaning: str
    change: str
    direction: str

    @property
    def is_of_campaigns(self) -> bool:
        return self.name in OF_CAMPAIGNS


@blueprint.get("/accounts/<int:emp_id>")
def show_account(emp_id: int) -> Response:
    """The overview of an account."""
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
        chosen = read_period(account, Preset.DAYS_28, compares=True, against=Against.BEFORE)
        found = read_account_overview(connection, principal(), emp_id, chosen.range, chosen.comparison)
    currency = chosen_currency(found.now, found.account.currency)
    behind = Behind(emp_id, currency, len(found.now.shop) > 1, chosen.range)
    return page(
        "account.html",
        account=found.account,
        chosen=chosen,
        overview=found,
        currency=currency,
        figures=shown_figures(found.now, currency, found.before, language()),
        rows=behind.figures(),
        pictures=_of_account(found, currency, Artist(language(), behind)),
    )


@blueprint.get("/start")
def start() -> Response:
    """The first page after signing in: the overview of the only account, or the list of campaigns."""
    with services().database.read() as connection:
        accounts = list_accounts(connection, principal())
        only = accounts[0].emp_id if len(accounts) == 1 else None
        # Before the first campaign, the list has the first steps.
        if only is not None and list_campaigns(connection, only, 1, None):
            return cast(Response, redirect(url_for("pages.show_account", emp_id=only), 303))
    return cast(Response, redirect(url_for("pages.list_campaigns"), 303))


def of_campaign(found: CampaignOverview, account_currency: str, range_: Range) -> dict[str, Any]:
    """The values of the template for a campaign's overview. `range_`: the days that it shows."""
    currency = chosen_currency(found.now, account_currency)
    several = len(found.now.currencies) > 1
    behind = Behind(found.campaign.emp_id, currency, several, range_, found.campaign.id)
    return {
        "overview": found,
        "currency": currency,
        "figures": shown_figures(found.now, currency, found.before, language()),
        "rows": behind.figures(),
        "pictures": _of_campaign(found, currency, Artist(language(), behind)),
    }


def compared_with(connection: sa.Connection, campaign: Campaign, chosen: Chosen) -> Comparison | None:
    """The comparison with the campaign in the address (`with`), on the same days after sending; or None."""
    asked = request.args.get("with")
    if not asked:
        return None
    other = see_campaign(connection, principal(), asked)
    began, other_began = ((one.sent_at or one.created_at).date() for one in (campaign, other))
    return compare_campaigns(chosen.range, began, other.id, other_began)


def chosen_currency(counted: Counted, default: str) -> str:
    """The currency in the address of this page, or the one with the most orders."""
    known = counted.currencies or [default]
    asked = request.args.get("currency", "")
    return asked if asked in known else known[0]


def shown_figures(now: Counted, currency: str, before: Counted | None, reader: Language) -> list[Shown]:
    """The figures in a currency, in the reader's language."""
    return [_show(figure, currency, reader) for figure in figures_of(now, currency, before)]


def _show(figure: Figure, currency: str, reader: Language) -> Shown:
    title, meaning = FIGURES[figure.name]
    change, direction = _change(figure, currency, reader)
    value = _write(figure.name, figure.value, currency, reader)
    return Shown(figure.name, reader.text(title), value, reader.text(meaning), change, direction)


def _change(figure: Figure, currency: str, reader: Language) -> tuple[str, str]:
    if figure.before is None:
        return "", ""
    before = _write(figure.name, figure.before, currency, reader)
    share = figure.change
    if share is None:
        return reader.text(N_("Before: %(value)s"), value=before), ""
    if abs(share) < _NO_CHANGE:
        return reader.text(N_("Same as before: %(value)s"), value=before), ""
    percent = reader.percent(abs(float(share)))
    if share > 0:
        return reader.text(N_("%(share)s more than before: %(value)s"), share=percent, value=before), "up"
    return reader.text(N_("%(share)s less than before: %(value)s"), share=percent, value=before), "down"


def _write(name: Name, value: Decimal, currency: str, reader: Language) -> str:
    if name in MONEY:
        return reader.money(value, currency)
    return reader.rate(float(value)) if name in RATES else reader.number(value)


def _of_campaign(found: CampaignOverview, currency: str, artist: Artist) -> list[Picture]:
    reader, now = language(), found.now
    pictures = _of_days(artist, now, found.before, currency)
    if any(map(sum, found.hours)):
        pictures.append(artist.hours(found.hours))
    people = now.audience
    steps = [
        *([(reader.text(N_("E-mails sent")), people.sent)] if people.sent else []),
        (reader.text(N_("Clickers")), people.clickers),
        (reader.text(N_("Buyers")), people.buyers),
    ]
    if people.clickers:
        pictures.append(
            artist.funnel(
                steps,
                reader.text(
                    N_("All days of the campaign. In brackets: the percentage of the previous step.")
                ),
            )
        )
    if any(found.delays):
        pictures.append(artist.delays(found.delays))
    if best := found.links.get(currency):
        title, count = reader.text(N_("Best links")), reader.text(N_("Orders"))
        pictures.append(artist.best("links", title, best, currency, count))
    if best := found.items.get(currency):
        title, count = reader.text(N_("Best items")), reader.text(N_("Items sold"))
        hint = reader.text(N_("All days of the campaign."))
        pictures.append(artist.best("items", title, best, currency, count, hint))
    return pictures


def _of_account(found: AccountOverview, currency: str, artist: Artist) -> list[Picture]:
    reader, now = language(), found.now
    pictures = _of_days(artist, now, found.before, currency)
    people = now.audience
    if people.sent:
        steps = [
            (reader.text(N_("E-mails sent")), people.sent),
            (reader.text(N_("Clickers")), people.clickers),
            (reader.text(N_("Buyers")), people.buyers),
        ]
        hint = reader.text(
            N_(
                "Campaigns sent in this period (%(count)s), with their clicks and orders until now. In "
                "brackets: the percentage of the previous step."
            ),
            count=reader.number(people.campaigns),
        )
        pictures.append(artist.funnel(steps, hint))
    if best := found.campaigns.get(currency):
        title, count = reader.text(N_("Best campaigns")), reader.text(N_("Orders"))
        pictures.append(artist.best("campaigns", title, best, currency, count))
    if any(found.delays):
        pictures.append(artist.delays(found.delays))
    return pictures


def _of_days(artist: Artist, now: Counted, before: Counted | None, currency: str) -> list[Picture]:
    pictures: list[Picture] = []
    if now.sold or (before and before.sold):
        pictures.append(artist.revenue(now, currency, before))
    if now.sold:
        pictures.append(artist.orders(now, currency))
    buyers = now.buyers(currency)
    if buyers.first or buyers.returning:
        pictures.append(artist.buyers(now, currency))
    if now.clicks:
        pictures.append(artist.clicks(now))
    return pictures
