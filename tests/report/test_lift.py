"""The groups of a holdout, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from salepixel.accounts import store as accounts
from salepixel.accounts.policy import Policy
from salepixel.attribution.decide import Decision
from salepixel.attribution.decisions import store_decision
from salepixel.campaigns import contacts, recipients
from salepixel.campaigns import store as campaigns
from salepixel.orders import store as orders
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.store import StoredOrder
from salepixel.report import lift
from salepixel.report.lift import compare_groups
from salepixel.storage.database import Database
from tests.make import CAMPAIGN, NOON, order

DAY = timedelta(days=1)


def test_each_group_counts_its_sales_in_the_period_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as connection:
        account = accounts.Account(1, "Shoes", "EUR", NOON)
        campaign = campaigns.Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON, holdout_percent=10)
        campaigns.add_campaign(connection, campaign, [])
        people = [("ana", "h1"), ("bo", "h2"), ("cy", "h2"), ("di", None), ("ed", "h5")]
        batch = [contacts.Contact(ref, address) for ref, address in people]
        contacts.store_contacts(connection, 1, [*batch, contacts.Contact("fay", "h6", consent=False)], NOON)
        lots = {"ana": 1000, "bo": 0, "cy": 999, "di": 1, "ed": 9999, "fay": 2}
        for _ in range(2):
            recipients.assign_recipients(connection, CAMPAIGN, lots)
        recipients.assign_recipients(connection, CAMPAIGN, {"ana": 0})
        assert recipients.assigned_recipients(connection, CAMPAIGN, ["ana", "gus"]) == {"ana": 1000}

        def bought(name: str, address: str, outcome: Outcome, reason: Reason, **reported: Any) -> None:
            its = order(id=name, number=name, email_hash=address, **reported)
            orders.store_order(connection, "s1", 1, its, "")
            stored = StoredOrder("s1", 1, its, "")
            store_decision(connection, stored, Decision(outcome, reason, Policy().version), [])

        nobody = Outcome.UNATTRIBUTED, Reason.NO_CLICK
        bought("1", "h1", *nobody)
        bought("2", "h2", *nobody)
        bought("3", "h2", *nobody, placed_at=NOON + 7 * DAY)
        bought("4", "h5", Outcome.PENDING, Reason.UNPAID, paid=False)
        bought("5", "h6", *nobody)
        bought("6", "h1", Outcome.UNATTRIBUTED, Reason.REPLACEMENT, replaces="1")
        found = compare_groups(connection, CAMPAIGN, account, NOON, NOON + 7 * DAY)
        monkeypatch.setattr(lift, "RECIPIENTS_AT_ONCE", 1)
        assert compare_groups(connection, CAMPAIGN, account, NOON, NOON + 7 * DAY) == found
    mailed, held_out = found.mailed, found.held_out
    assert (mailed.people, mailed.without_address, mailed.buyers, mailed.orders) == (2, 0, 1, 1)
    assert (held_out.people, held_out.without_address, held_out.buyers, held_out.orders) == (1, 1, 1, 1)
    assert (mailed.opted_out, held_out.opted_out) == (0, 1)
    assert {currency: str(net) for currency, net in held_out.net.items()} == {"EUR": "59.80"}
