"""Every change is in the audit list, and no refusal is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from salepixel.accounts import use_cases as accounts
from salepixel.accounts.audit import FEEDS
from salepixel.accounts.declined import Declined
from salepixel.accounts.principal import FULL, INSTALLATION, Principal
from salepixel.campaigns import use_cases as campaigns
from salepixel.checks import use_cases as checks
from salepixel.clicks import use_cases as clicks
from salepixel.destinations import use_cases as destinations
from salepixel.flows import use_cases as flows
from salepixel.keys import Keys
from salepixel.mails import use_cases as mails
from salepixel.orders import use_cases as orders
from salepixel.people import store as person_store
from salepixel.people import use_cases as people
from salepixel.privacy import use_cases as privacy
from salepixel.shops import use_cases as shops
from salepixel.smtp import use_cases as smtp
from salepixel.storage.database import Database
from salepixel.subscriptions import use_cases as subscriptions
from tests.use_cases.calls import IN_ACCOUNT, OF_A_PERSON, OF_ALL_ACCOUNTS, Call, name_of
from tests.use_cases.tables import READS, READS_OF_A_PERSON, SHOWS_CONTACTS
from tests.use_cases.world import (
    NOW,
    PASSWORD,
    PERSON,
    ROLES,
    STRANGER,
    add_member,
    listed_changes,
    open_world,
    present_code,
    sealed_secret,
)

CHANGES_NOTHING = {
    *(accounts.change_account, accounts.target_account, accounts.see_audit, accounts.see_keys),
    *(campaigns.change_campaign, campaigns.lock_campaign, campaigns.make_fragment),
    *(checks.keep_findings, checks.keep_report),
    *(mails.preview_mail, mails.see_again, people.see_members, smtp.open_smtp),
    *(privacy.count_person, privacy.export_person, privacy.find_export),
    *(shops.report_orders, clicks.see_losses, orders.see_rejections),
}
"""Of the use cases that need the right to change: these check, read or compute, or keep what a program found.
Reported orders are kept as they arrived (deliveries)."""

MAY_CHANGE_NOTHING = {
    *(orders.retry_failed, destinations.retry_dead, subscriptions.retry_reports),
    *(flows.remove_part, smtp.remove_smtp),
}
"""Here, nothing has failed, the flow has no part, and there are no SMTP settings to remove: see below,
and tests/plugin/test_audit_of_calls.py."""


def _changes() -> Iterator[tuple[Callable[..., Any], Call]]:
    for use_case, call in {**IN_ACCOUNT, **OF_ALL_ACCOUNTS}.items():
        if use_case not in READS | SHOWS_CONTACTS | CHANGES_NOTHING | {
            clicks.see_losses,
            orders.see_rejections,
        }:
            yield use_case, call


def test_each_change_writes_its_row_of_the_audit_list_and_each_refusal_none(
    sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    found: dict[tuple[str, str], tuple[bool, bool]] = {}
    with open_world(sqlite, keys, tmp_path) as world:
        for use_case, call in _changes():
            who = {role: Principal({7: rights, 8: FULL}, role, "p1") for role, rights in ROLES.items()}
            who |= {"stranger": STRANGER, "all": INSTALLATION}
            for role, principal in who.items():
                part = world.connection.begin_nested()
                before = listed_changes(world)
                try:
                    call(world, principal)
                    done = True
                except Declined:
                    done = False
                new = listed_changes(world) - before
                part.rollback()
                by_it = {action for action, actor in new if actor == principal.name}
                # The program itself imports lists, and the start of an import has its row.
                if use_case not in MAY_CHANGE_NOTHING and (role != "all" or not by_it <= FEEDS):
                    found[name_of(use_case), role] = done, bool(by_it)
    assert len(found) > 200
    assert {call: pair for call, pair in found.items() if pair[0] is not pair[1]} == {}


@pytest.mark.parametrize("use_case", OF_A_PERSON, ids=name_of)
def test_a_persons_own_changes_are_in_the_audit_list(
    use_case: Callable[..., Any], sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with open_world(sqlite, keys, tmp_path) as world:
        add_member(world)
        if use_case is people.turn_off_second_factor:
            person_store.change_person(world.connection, PERSON, {"totp_secret": sealed_secret(world)})
        before = listed_changes(world)
        call = OF_A_PERSON[use_case]
        if use_case is people.turn_off_second_factor:
            confirmed = people.confirm_password(world.connection, Principal({}, "Ana", PERSON), PASSWORD)
            people.turn_off_second_factor(
                world.connection, Principal({}, "Ana", PERSON), world.keys, confirmed, present_code(), NOW
            )
        else:
            call(world, Principal({7: ROLES["hidden"]}, "Ana", PERSON))
        new = listed_changes(world) - before
        assert [actor for _, actor in new] == ([] if use_case in READS_OF_A_PERSON else ["Ana"])
