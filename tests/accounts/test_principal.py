"""What each role may do, and in which accounts."""

import pytest
import sqlalchemy as sa

from salepixel.accounts.declined import NotAllowed
from salepixel.accounts.principal import CANARY, FULL, INSTALLATION, Change, Principal, Rights, Role
from salepixel.accounts.scope import Scope, in_scope

EDITOR, VIEWER = Rights(Role.EDITOR), Rights(Role.VIEWER, contacts=False)
ANA = Principal({7: FULL, 8: EDITOR, 9: VIEWER}, "Ana", "p1")


@pytest.mark.parametrize(
    ("emp_id", "reads", "content", "access", "contacts"),
    [
        (7, True, True, True, True),
        (8, True, True, False, True),
        (9, True, False, False, False),
        (10, False, False, False, False),
    ],
)
def test_a_person_has_the_rights_of_a_role_in_each_account(
    emp_id: int, reads: bool, content: bool, access: bool, contacts: bool
) -> None:
    assert ANA.allows(emp_id) is reads
    assert ANA.may_change(emp_id) is content
    assert ANA.may_change(emp_id, Change.ACCESS) is access
    assert ANA.sees_contacts(emp_id) is contacts


def test_lists_have_the_accounts_of_the_principal() -> None:
    assert ANA.accounts == frozenset({7, 8, 9})
    assert ANA.accounts_to_change() == frozenset({7, 8})
    assert ANA.accounts_to_change(Change.ACCESS) == frozenset({7})
    assert ANA.only_account is None
    assert Principal({7: FULL}, "").only_account == 7
    assert INSTALLATION.accounts is None
    assert INSTALLATION.accounts_to_change(Change.ACCESS) is None


def test_rights_in_all_accounts_and_in_one_add_up() -> None:
    both = Principal({None: VIEWER, 7: FULL}, "Ana")
    assert both.accounts is None
    assert both.may_change(7, Change.ACCESS)
    assert both.allows(8)
    assert not both.may_change(8)
    assert both.accounts_to_change() == frozenset({7})
    assert not both.may_add_accounts
    assert INSTALLATION.may_add_accounts


def test_a_refusal_says_whose_right_is_missing() -> None:
    for emp_id in (8, 9):
        with pytest.raises(NotAllowed, match="for_owners"):
            ANA.require_change(emp_id, Change.ACCESS)
    with pytest.raises(NotAllowed, match="read_only"):
        ANA.require_change(9)
    with pytest.raises(NotAllowed, match="contacts_hidden"):
        ANA.require_contacts(9)
    with pytest.raises(NotAllowed, match="not_allowed"):
        ANA.require_all_accounts()


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        (None, {7, 8}),
        (7, {7}),
        (CANARY, {CANARY}),
        (frozenset({8}), {8}),
        (frozenset({7, 8, 9}), {7, 8}),
        (frozenset(), set()),
    ],
)
def test_a_list_has_the_rows_of_its_scope(scope: Scope, found: set[int]) -> None:
    rows = sa.table("rows", sa.column("emp_id", sa.BigInteger))
    with sa.create_engine("sqlite://").begin() as connection:
        connection.execute(sa.text("CREATE TABLE rows (emp_id BIGINT)"))
        connection.execute(sa.insert(rows), [{"emp_id": one} for one in (7, 8, CANARY)])
        query = sa.select(rows.c.emp_id).where(in_scope(rows.c.emp_id, scope))
        assert set(connection.scalars(query)) == found
