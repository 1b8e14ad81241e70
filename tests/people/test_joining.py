"""Invitations: used once, for a while, for one account."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from salepixel.accounts.declined import BadField, Conflict, Invalid, NotAllowed, NotFound
from salepixel.accounts.principal import FULL, INSTALLATION, Rights, Role
from salepixel.people import command, invitations, sessions, store, use_cases
from salepixel.people.joining import accept, join, see_invitation
from salepixel.people.passwords import is_right
from salepixel.people.sign_in import enter
from salepixel.storage.schema import EVERYWHERE
from salepixel.storage.schema import invitations as table
from tests.people.conftest import NOON, OWNER_OF_7, OWNER_OF_8, PASSWORD, as_principal, member

EDITOR = Rights(Role.EDITOR)


def _invite(connection: sa.Connection, email: str = "bo@shop.test") -> str:
    return use_cases.invite(connection, OWNER_OF_7, 7, email, EDITOR, NOON)[1]


def _join(connection: sa.Connection, secret: str, password: str = PASSWORD, email: str = "") -> str:
    accepted = accept(see_invitation(connection, secret, NOON), email, "Bo", password)
    return join(connection, secret, accepted, "Bo", "es", NOON).id


def test_an_invitation_makes_a_person_with_its_rights(connection: sa.Connection) -> None:
    _join(connection, _invite(connection, " Bo@Shop.test "))
    person = store.find_by_email(connection, "bo@shop.test")
    assert person is not None
    assert (person.name, person.language) == ("Bo", "es")
    assert as_principal(connection, person).rights == {7: EDITOR}


def test_only_the_digest_of_a_link_is_stored(connection: sa.Connection) -> None:
    secret = _invite(connection)
    assert secret not in repr(connection.execute(sa.select(table)).all())


def test_an_invitation_is_used_once(connection: sa.Connection) -> None:
    secret = _invite(connection)
    _join(connection, secret)
    with pytest.raises(NotFound):
        see_invitation(connection, secret, NOON)
    with pytest.raises(NotFound):
        _join(connection, secret)


def test_an_invitation_expires(connection: sa.Connection) -> None:
    secret = _invite(connection)
    late = NOON + invitations.VALID_FOR
    accepted = accept(
        see_invitation(connection, secret, late - timedelta(microseconds=1)), "", "Bo", PASSWORD
    )
    with pytest.raises(NotFound):
        join(connection, secret, accepted, "Bo", "es", late)


def test_a_second_invitation_replaces_the_first(connection: sa.Connection) -> None:
    first, second = _invite(connection), _invite(connection)
    with pytest.raises(NotFound):
        _join(connection, first)
    _join(connection, second)


def test_a_refused_password_does_not_use_the_invitation(connection: sa.Connection) -> None:
    secret = _invite(connection)
    with pytest.raises(BadField, match="too_short"):
        _join(connection, secret, "short")
    _join(connection, secret)


def test_a_known_person_confirms_with_the_present_password(connection: sa.Connection) -> None:
    ana = member(connection, "ana@shop.test", 8)
    secret = _invite(connection, "ana@shop.test")
    with pytest.raises(Invalid, match="wrong_password"):
        _join(connection, secret, "another long password")
    assert _join(connection, secret) == ana.id
    assert as_principal(connection, ana).rights == {7: EDITOR, 8: FULL}
    unchanged = store.get_person(connection, ana.id)
    assert unchanged is not None
    assert unchanged.name == "Ana"


def test_the_address_in_the_form_does_not_replace_that_of_the_invitation(connection: sa.Connection) -> None:
    _join(connection, _invite(connection), email="mallory@evil.test")
    assert store.find_by_email(connection, "mallory@evil.test") is None


def test_nobody_withdraws_the_invitation_of_another_account(connection: sa.Connection) -> None:
    made, secret = use_cases.invite(connection, OWNER_OF_7, 7, "bo@shop.test", EDITOR, NOON)
    with pytest.raises(NotFound):
        use_cases.withdraw_invitation(connection, OWNER_OF_8, made.id)
    use_cases.withdraw_invitation(connection, OWNER_OF_7, made.id)
    with pytest.raises(NotFound):
        _join(connection, secret)


def test_nobody_invites_to_another_account_or_to_all(connection: sa.Connection) -> None:
    with pytest.raises(NotFound):
        use_cases.invite(connection, OWNER_OF_7, 8, "bo@shop.test", FULL, NOON)
    with pytest.raises(NotAllowed):
        use_cases.invite(connection, OWNER_OF_7, EVERYWHERE, "bo@shop.test", FULL, NOON)


def test_the_first_link_makes_one_owner_of_the_installation(connection: sa.Connection) -> None:
    first = command.first_link(connection, "https://s.test", NOON) or ""
    link = command.first_link(connection, "https://s.test", NOON) or ""
    assert link.startswith("https://s.test/join/")
    secret = link.rpartition("/")[2]
    with pytest.raises(NotFound):
        _join(connection, first.rpartition("/")[2], email="eve@shop.test")
    with pytest.raises(BadField):
        _join(connection, secret, email="nobody")
    _join(connection, secret, email="Ana@shop.test")
    ana = store.find_by_email(connection, "ana@shop.test")
    assert ana is not None
    assert as_principal(connection, ana).may_add_accounts
    assert command.first_link(connection, "https://s.test", NOON) is None


def test_the_first_link_ends_when_somebody_came_by_another_one(connection: sa.Connection) -> None:
    secret = (command.first_link(connection, "https://s.test", NOON) or "").rpartition("/")[2]
    member(connection, "ana@shop.test")
    with pytest.raises(NotFound):
        _join(connection, secret, email="eve@shop.test")


def test_a_lost_password_is_replaced_and_all_sessions_end(connection: sa.Connection) -> None:
    ana = member(connection, "ana@shop.test")
    session = enter(connection, ana, "", NOON).secret
    link = command.invite_person(connection, "https://s.test", "ANA@shop.test", None, Role.OWNER, NOON)
    _join(connection, link.rpartition("/")[2], "quite another password")
    changed = store.get_person(connection, ana.id)
    assert changed is not None
    assert is_right(changed.password, "quite another password")
    assert as_principal(connection, ana).rights == {7: FULL}, "and no more rights"
    assert sessions.find_person(connection, session, NOON) is None


def test_roles_are_changed_by_owners_and_one_owner_stays(connection: sa.Connection) -> None:
    ana, bo = member(connection, "ana@shop.test"), member(connection, "bo@shop.test", rights=EDITOR)
    with pytest.raises(NotAllowed, match="for_owners"):
        use_cases.change_member(connection, as_principal(connection, bo), 7, bo.id, FULL, NOON)
    owner = as_principal(connection, ana)
    with pytest.raises(Conflict, match="last_owner"):
        use_cases.change_member(connection, owner, 7, ana.id, EDITOR, NOON)
    with pytest.raises(Conflict, match="last_owner"):
        use_cases.remove_member(connection, owner, 7, ana.id)
    use_cases.change_member(connection, owner, 7, bo.id, FULL, NOON)
    use_cases.remove_member(connection, owner, 7, ana.id)
    assert store.get_person(connection, ana.id) is None, "without an account, nothing is stored of her"


def test_a_person_without_this_account_is_no_member(connection: sa.Connection) -> None:
    ana = member(connection, "ana@shop.test", 8)
    with pytest.raises(NotFound):
        use_cases.change_member(connection, OWNER_OF_7, 7, ana.id, FULL, NOON)
    with pytest.raises(NotFound):
        use_cases.remove_member(connection, OWNER_OF_7, 7, ana.id)
    with pytest.raises(Conflict, match="already_member"):
        use_cases.invite(connection, OWNER_OF_8, 8, "ana@shop.test", FULL, NOON)


def test_contacts_are_hidden_only_from_viewers(connection: sa.Connection) -> None:
    hidden = Rights(Role.EDITOR, contacts=False)
    made, _ = use_cases.invite(connection, INSTALLATION, 7, "bo@shop.test", hidden, NOON)
    assert made.rights == EDITOR
