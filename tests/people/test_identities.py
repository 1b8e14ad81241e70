"""Who signs in with a company account: who is linked, a member, or invited, and nobody else."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from salepixel.accounts.declined import NotAllowed
from salepixel.accounts.principal import INSTALLATION, Rights, Role
from salepixel.keys import Keys
from salepixel.people import invitations, passwords, sessions, store, use_cases
from salepixel.people.command import invite_person
from salepixel.people.identities import enter_with_identity
from salepixel.people.openid import Identity
from salepixel.people.sign_in import enter
from tests.people.conftest import NOON, as_principal, member

EDITOR = Rights(Role.EDITOR)
ISSUER = "https://id.shop.test"


def _identity(subject: str = "u-1", email: str = "ana@shop.test", issuer: str = ISSUER) -> Identity:
    return Identity(issuer, subject, email, "Ana Ruiz")


def _invite(connection: sa.Connection, email: str = "ana@shop.test", emp_id: int = 7) -> None:
    use_cases.invite(connection, INSTALLATION, emp_id, email, EDITOR, NOON)


def test_an_invited_address_becomes_a_person_without_a_password(connection: sa.Connection) -> None:
    _invite(connection)
    _invite(connection, emp_id=8)
    ana = enter_with_identity(connection, _identity(), "es", NOON)
    assert (ana.email, ana.name, ana.language, ana.password) == ("ana@shop.test", "Ana Ruiz", "es", "")
    assert as_principal(connection, ana).rights == {7: EDITOR, 8: EDITOR}
    assert invitations.list_invitations_of(connection, "ana@shop.test", NOON) == []
    assert not passwords.is_right(ana.password, "")
    assert not passwords.is_right(ana.password, "the password of nobody")


def test_a_linked_identity_signs_in_whatever_its_address_is_now(connection: sa.Connection) -> None:
    _invite(connection)
    ana = enter_with_identity(connection, _identity(), "en", NOON)
    for email in ("", "other@shop.test"):
        assert enter_with_identity(connection, _identity(email=email), "en", NOON).id == ana.id
    _invite(connection, emp_id=8)
    assert enter_with_identity(connection, _identity(email="other@shop.test"), "en", NOON).id == ana.id
    assert as_principal(connection, ana).rights == {7: EDITOR}, "the invitation is for another address"
    enter_with_identity(connection, _identity(), "en", NOON)
    assert as_principal(connection, ana).rights == {7: EDITOR, 8: EDITOR}


def test_linking_ends_the_password_and_the_sessions_that_it_began(connection: sa.Connection) -> None:
    """The owner who made the invitation may have chosen the password."""
    ana = member(connection, "ana@shop.test")
    session = enter(connection, ana, "", NOON).secret
    assert enter_with_identity(connection, _identity(), "en", NOON).id == ana.id
    changed = store.get_person(connection, ana.id)
    assert changed is not None
    assert changed.password == ""
    assert sessions.find_person(connection, session, NOON) is None


def test_linking_ends_links_for_a_new_password(connection: sa.Connection) -> None:
    member(connection, "ana@shop.test")
    link = invite_person(connection, "", "ana@shop.test", None, Role.OWNER, NOON)
    enter_with_identity(connection, _identity(), "en", NOON)
    assert invitations.find_invitation(connection, link.rpartition("/")[2], NOON) is None


def test_a_second_factor_stays(connection: sa.Connection, keys: Keys) -> None:
    ana = member(connection, "ana@shop.test")
    sealed = use_cases.begin_second_factor(connection, as_principal(connection, ana), keys).sealed
    store.change_person(connection, ana.id, {"totp_secret": sealed})
    linked = enter_with_identity(connection, _identity(), "en", NOON)
    assert enter(connection, linked, "", NOON).needs_code


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (_identity(email="nobody@shop.test"), "not_invited"),
        (_identity(email=""), "email_not_verified"),
    ],
)
def test_nobody_else_signs_in(connection: sa.Connection, identity: Identity, reason: str) -> None:
    _invite(connection)
    member(connection, "bo@shop.test")
    with pytest.raises(NotAllowed, match=reason):
        enter_with_identity(connection, identity, "en", NOON)


def test_an_expired_invitation_lets_nobody_in(connection: sa.Connection) -> None:
    _invite(connection)
    with pytest.raises(NotAllowed, match="not_invited"):
        enter_with_identity(
            connection, _identity(), "en", NOON + invitations.VALID_FOR + timedelta(seconds=1)
        )


def test_an_address_that_was_given_to_somebody_else_does_not_lead_to_the_same_person(
    connection: sa.Connection,
) -> None:
    _invite(connection)
    ana = enter_with_identity(connection, _identity(), "en", NOON)
    with pytest.raises(NotAllowed, match="other_identity"):
        enter_with_identity(connection, _identity("u-2"), "en", NOON)
    use_cases.remove_member(connection, INSTALLATION, 7, ana.id)
    _invite(connection)
    assert enter_with_identity(connection, _identity("u-2"), "en", NOON).id != ana.id


def test_a_person_without_a_password_gets_none_but_by_the_operator(
    connection: sa.Connection, keys: Keys
) -> None:
    _invite(connection)
    who = as_principal(connection, enter_with_identity(connection, _identity(), "en", NOON))
    for refused in (
        lambda: use_cases.choose_password(connection, who, "", "a completely new one"),
        lambda: use_cases.begin_second_factor(connection, who, keys),
    ):
        with pytest.raises(Exception, match="no_password"):
            refused()
