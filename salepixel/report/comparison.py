"""The attribution models side by side: the credit of each campaign by each model in a period."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from salepixel.accounts.policy import Model
from salepixel.accounts.store import Account
from salepixel.campaigns.store import get_campaign
from salepixel.money.amounts import from_minor
from salepixel.report.journey_store import read_journeys
from salepixel.report.journeys import AN_ORDER, MARKOV, SHAPLEY, Interval, Shortage, Tally, tally

MODELS = (*map(str, Model), SHAPLEY, MARKOV)


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


def compare(connection: sa.Connection, account: Account, first: datetime, last: datetime) -> Comparison:
    """Compare the models over an account's orders placed from `first` (inclusive) to `last` (exclusive)."""
    found = tally(read_journeys(connection, account.emp_id, first, last, account.policy))
    names = {}
    for campaign_id in found.campaigns:
        if campaign := get_campaign(connection, campaign_id):
            names[campaign_id] = campaign.name
    shortage = found.shortage()
    together = {} if shortage else found.credit_together()
    return Comparison(account, first, last, found, names, shortage, together)
