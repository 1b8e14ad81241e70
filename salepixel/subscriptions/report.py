"""What a report says, read from the overview of a campaign or an account."""

from dataclasses import dataclass
from datetime import UTC, timedelta

import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.store import Account, get_account
from salepixel.campaigns.store import get_campaign
from salepixel.report.figures import Counted
from salepixel.report.overview import Best
from salepixel.report.periods import Against, Range, compare
from salepixel.report.use_cases import read_account_overview, read_campaign_overview
from salepixel.subscriptions.rules import AFTER, MONTH, month_days
from salepixel.subscriptions.store import ReportMail

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Report:
    """A report in no language. `name`: of the campaign or the account; `path`: of the page with more.

    `best`: links of the campaign, or campaigns of the account, per currency.
    """

    kind: str
    account: Account
    name: str
    path: str
    now: Counted
    before: Counted | None
    best: dict[str, list[Best]]


def read_report(connection: sa.Connection, mail: ReportMail) -> Report | None:
    """The report of a mail; None if its campaign or account was deleted, or is no longer marked as sent."""
    account = get_account(connection, mail.emp_id)
    if account is None:
        return None
    if mail.kind == MONTH:
        first, after = month_days(mail.about)
        days = Range(first.date(), (after - _DAY).date())
        its = read_account_overview(
            connection, INSTALLATION, mail.emp_id, days, compare(days, Against.BEFORE)
        )
        path = f"/accounts/{mail.emp_id}?from={days.first}&to={days.last}"
        return Report(mail.kind, account, account.name, path, its.now, its.before, its.campaigns)
    campaign = get_campaign(connection, mail.about)
    if campaign is None or campaign.sent_at is None:
        return None
    sent = campaign.sent_at.astimezone(UTC)
    days = Range(sent.date(), (sent + AFTER[mail.kind]).date())
    of = read_campaign_overview(connection, INSTALLATION, campaign.id, days)
    return Report(mail.kind, account, campaign.name, f"/campaigns/{campaign.id}", of.now, None, of.links)
