"""The attribution models side by side: the credit of each campaign by each model in a period."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.policy import Model
from salepixel.accounts.store import Account, get_account
from salepixel.campaigns.store import get_campaign
from salepixel.computations.work import Json, Progress, Task, Tools
from salepixel.money.amounts import from_minor
from salepixel.report.journey_store import Span, anonymous_page, contact_page
from salepixel.report.journeys import (
    AN_ORDER,
    MARKOV,
    RESAMPLES,
    SHAPLEY,
    Interval,
    Shortage,
    Tally,
    resample,
)
from salepixel.storage.schema import campaigns, clicks, link_sums

KIND = "models"
MODELS = (*map(str, Model), SHAPLEY, MARKOV)

DAYS = 90
"""If no `first` is given, the period begins so many days before `last`."""

SMALL_CLICKS = 1000
"""An account with at most so many clicks is compared at once, without the worker."""

RESAMPLES_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of a period. `together`: model -> campaign -> interval, empty with a `shortage`."""

    account: Account
    first: datetime
    last: datetime
    found: Tally
    names: dict[str, str]
    shortage: Shortage | None
    together: dict[str, dict[str, Interval]]

    @property
    def clicks_ended_before(self) -> datetime | None:
        """The time (UTC) before which retention has deleted clicks that journeys of the period may need."""
        return self.account.clicks_ended_before if self.account.lacks_clicks(self.first) else None

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have a result."""
        return MODELS if self.together else tuple(map(str, Model))

    def orders(self, model: str, campaign: str) -> Decimal:
        """The orders credited to a campaign, with fractions."""
        return Decimal(self.found.orders[model, campaign]) / AN_ORDER

    def money(self, model: str, campaign: str) -> dict[str, Decimal]:
        """The net revenue credited to a campaign, by currency."""
        credited = self.found.money
        return {c: from_minor(credited[model, campaign, c], c) for c in sorted(self.found.totals)}

    def totals(self) -> dict[str, Decimal]:
        """The net revenue of all campaigns, by currency."""
        return {c: from_minor(total, c) for c, total in sorted(self.found.totals.items())}

    def share(self, model: str, campaign: str) -> Interval | None:
        """The campaign's share with its interval; None for models without intervals."""
        return self.together.get(model, {}).get(campaign)


def ends(first: datetime | None, last: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """The two ends of a period, with the defaults filled in: the last 90 days."""
    until = last or now
    return first or until - timedelta(days=DAYS), until


def is_small(connection: sa.Connection, account: Account) -> bool:
    """Whether an account is compared at once: it has few clicks, and so few orders."""
    # Sorted, or PostgreSQL may look for them in the whole table.
    theirs = sa.select(clicks.c.id).where(clicks.c.emp_id == account.emp_id).order_by(clicks.c.contact)
    some = theirs.limit(SMALL_CLICKS + 1).subquery()
    return (connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0) <= SMALL_CLICKS


def parameters_of(account: Account, first: datetime | None, last: datetime | None) -> dict[str, Any]:
    """The parameters of a comparison. Other settings make it another comparison."""
    return {
        "first": first and first.isoformat(),
        "last": last and last.isoformat(),
        "settings": account.policy_version,
    }


def step(connection: sa.Connection, tools: Tools, task: Task, place: Json) -> Progress:
    """One step: some orders without a contact, then the journeys of some contacts, then some resamples."""
    account = get_account(connection, task.emp_id)
    if account is None or account.policy_version != task.parameters["settings"]:
        raise LookupError("the settings of the account have changed")
    given = [task.parameters[name] for name in ("first", "last")]
    since, until = (datetime.fromisoformat(text) if text else None for text in given)
    first, last = ends(since, until, task.as_of)
    span = Span(account.emp_id, first, last, account.policy)
    found = Tally.from_json(place["tally"]) if place else Tally()
    part, after = place.get("part", 0), place.get("after", "")
    total = place.get("total") or _count_clicks(connection, account) + RESAMPLES
    done = place.get("done", 0)
    if part < len(_PAGES):
        page = _PAGES[part](connection, span, after)
        for contact, journeys in page.contacts:
            found.add(contact, journeys)
        done += page.looked_at if part else 0
        part, after = (part, page.after) if page.after is not None else (part + 1, "")
    elif found.shortage() is None and len(found.resamples) < RESAMPLES:
        more = range(len(found.resamples), min(len(found.resamples) + RESAMPLES_AT_ONCE, RESAMPLES))
        found.resamples += [resample(found.groups, n) for n in more]
    else:
        return Progress(None, total, total, result=_result(found, first, last))
    next_place = {"tally": found.as_json(), "part": part, "after": after, "total": total, "done": done}
    return Progress(next_place, min(done, total - RESAMPLES) + len(found.resamples), total)


_PAGES = (anonymous_page, contact_page)


def _count_clicks(connection: sa.Connection, account: Account) -> int:
    c = link_sums.c
    query = sa.select(sa.func.sum(c.human + c.unknown + c.bot)).select_from(
        link_sums.join(campaigns, campaigns.c.id == c.campaign_id)
    )
    ours = campaigns.c.emp_id == account.emp_id, c.link_id == ""
    return int(connection.scalar(query.where(*ours)) or 0)


def _result(found: Tally, first: datetime, last: datetime) -> Json:
    shortage = found.shortage()
    together = {} if shortage else found.credit_together()
    found.groups, found.resamples = {}, []
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "tally": found.as_json(),
        "shortage": shortage and asdict(shortage),
        "together": {
            model: {campaign: asdict(interval) for campaign, interval in its.items()}
            for model, its in together.items()
        },
    }


def read_comparison(connection: sa.Connection, account: Account, result: Mapping[str, Any]) -> Comparison:
    """The result of the last step, with the names that the campaigns have now."""
    found, shortage = Tally.from_json(result["tally"]), result["shortage"]
    names = {}
    for campaign_id in found.campaigns:
        if campaign := get_campaign(connection, campaign_id):
            names[campaign_id] = campaign.name
    return Comparison(
        account,
        datetime.fromisoformat(result["first"]),
        datetime.fromisoformat(result["last"]),
        found,
        names,
        Shortage(**shortage) if shortage else None,
        {
            model: {campaign: Interval(**interval) for campaign, interval in its.items()}
            for model, its in result["together"].items()
        },
    )
