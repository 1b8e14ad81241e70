"""Every use case checks the rights of its principal itself."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import salepixel
from salepixel.accounts.declined import Declined, NotAllowed
from salepixel.accounts.principal import FULL, INSTALLATION, Principal
from salepixel.destinations import outbox
from salepixel.destinations import use_cases as destinations
from salepixel.keys import Keys
from salepixel.orders import use_cases as orders
from salepixel.orders.queue import record_failure
from salepixel.storage.database import Database
from tests.use_cases.calls import IN_ACCOUNT, LISTS, OF_A_PERSON, OF_ALL_ACCOUNTS, Call, name_of
from tests.use_cases.tables import CHANGES_ACCESS, READS, SHOWS_CONTACTS
from tests.use_cases.world import (
    NOW,
    OWNER,
    PERSON,
    ROLES,
    STRANGER,
    add_member,
    listed_changes,
    open_world,
)


def test_every_use_case_has_a_call_here() -> None:
    found = set()
    for file in Path(salepixel.__file__).parent.glob("*/use_cases.py"):
        room = import_module(f"salepixel.{file.parent.name}.use_cases")
        for name, function in inspect.getmembers(room, inspect.isfunction):
            if function.__module__ == room.__name__ and not name.startswith("_"):
                takes = inspect.signature(function).parameters
                assert "principal" in takes, name_of(function)
                found.add(name_of(function))
    assert found == set(map(name_of, {**IN_ACCOUNT, **OF_ALL_ACCOUNTS, **LISTS, **OF_A_PERSON}))


@pytest.mark.parametrize("use_case", IN_ACCOUNT, ids=name_of)
def test_another_accounts_principal_is_declined(
    use_case: Callable[..., Any], sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with open_world(sqlite, keys, tmp_path) as world:
        with pytest.raises(Declined):
            IN_ACCOUNT[use_case](world, STRANGER)
        IN_ACCOUNT[use_case](world, OWNER)


def _who_may(use_case: Callable[..., Any]) -> set[str]:
    if use_case in READS:
        return set(ROLES)
    if use_case in SHOWS_CONTACTS:
        return {"owner", "editor", "viewer"}
    return {"owner"} if use_case in CHANGES_ACCESS else {"owner", "editor"}


@pytest.mark.parametrize("role", ["editor", "viewer", "hidden"])
def test_a_role_does_what_its_rights_allow(role: str, sqlite: Database, keys: Keys, tmp_path: Path) -> None:
    with open_world(sqlite, keys, tmp_path) as world:
        for use_case, call in IN_ACCOUNT.items():
            # An owner elsewhere has no more rights here.
            who = Principal({7: ROLES[role], 8: FULL}, role, "p1")
            part = world.connection.begin_nested()
            try:
                call(world, who)
                done = True
            except NotAllowed:
                done = False
            finally:
                part.rollback()
            assert done is (role in _who_may(use_case)), name_of(use_case)


@pytest.mark.parametrize("use_case", OF_A_PERSON, ids=name_of)
def test_a_person_changes_the_own_settings_and_a_key_has_none(
    use_case: Callable[..., Any], sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with open_world(sqlite, keys, tmp_path) as world:
        add_member(world)
        with pytest.raises(NotAllowed):
            OF_A_PERSON[use_case](world, OWNER)
        OF_A_PERSON[use_case](world, Principal({7: ROLES["hidden"]}, "Ana", PERSON))


@pytest.mark.parametrize("use_case", OF_ALL_ACCOUNTS, ids=name_of)
def test_use_cases_for_all_accounts_need_rights_on_all_accounts(
    use_case: Callable[..., Any], sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with open_world(sqlite, keys, tmp_path) as world:
        with pytest.raises(NotAllowed):
            OF_ALL_ACCOUNTS[use_case](world, OWNER)
        OF_ALL_ACCOUNTS[use_case](world, INSTALLATION)


@pytest.mark.parametrize("use_case", LISTS, ids=name_of)
def test_a_list_contains_only_what_its_principal_may_see(
    use_case: Callable[..., Any], sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with open_world(sqlite, keys, tmp_path) as world:
        record_failure(world.connection, world.api_shop, "o-1", "ValueError", NOW)
        outbox.announce_order(world.connection, 7, world.api_shop, "o-1", {"": "https://other.test/"}, NOW)
        (claimed,) = outbox.claim_outgoing(world.connection, NOW, NOW, 10)
        outbox.record_attempt(world.connection, claimed, state="dead", answer="410", next_at=NOW)
        seen = [len(LISTS[use_case](world, who)) for who in (OWNER, STRANGER, INSTALLATION)]
    assert seen == [1, 0, 1]


@pytest.mark.parametrize(
    "retry",
    [
        lambda w, who: orders.retry_failed(w.connection, who, None),
        lambda w, who: destinations.retry_dead(w.connection, who, None, NOW),
    ],
    ids=["orders", "destinations"],
)
def test_requeuing_without_an_account_is_limited_to_the_principals_own(
    retry: Call, sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with open_world(sqlite, keys, tmp_path) as world:
        record_failure(world.connection, world.api_shop, "o-1", "ValueError", NOW)
        outbox.announce_order(world.connection, 7, world.api_shop, "o-1", {"": "https://other.test/"}, NOW)
        (claimed,) = outbox.claim_outgoing(world.connection, NOW, NOW, 10)
        outbox.record_attempt(world.connection, claimed, state="dead", answer="410", next_at=NOW)
        before = listed_changes(world)
        assert [retry(world, who) for who in (STRANGER, OWNER, OWNER)] == [0, 1, 0]
        assert [actor for _, actor in (listed_changes(world) - before).elements()] == [OWNER.name]
