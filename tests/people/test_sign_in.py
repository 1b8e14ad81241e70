"""Signing in, the second factor, and sessions."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from salepixel.accounts.declined import BadField, Conflict, Invalid, NotAllowed
from salepixel.keys import Keys
from salepixel.people import passwords, sessions, store, totp, use_cases
from salepixel.people.person import Person
from salepixel.people.sign_in import enter, enter_code, find_with_password
from salepixel.storage.schema import people
from tests.people.conftest import NOON, OWNER_OF_7, PASSWORD, as_principal, member

LATER = NOON + timedelta(hours=1)


def _with_second_factor(connection: sa.Connection, keys: Keys) -> tuple[Person, str, list[str]]:
    ana = member(connection, "ana@shop.test")
    who = as_principal(connection, ana)
    enrolment = use_cases.begin_second_factor(connection, who, keys)
    codes = use_cases.turn_on_second_factor(
        connection, who, keys, enrolment.sealed, ana.password, _code(enrolment.secret), NOON
    )
    changed = store.get_person(connection, ana.id)
    assert changed is not None
    return changed, enrolment.secret, codes


def _code(secret: str, later: timedelta = timedelta()) -> str:
    return totp.code_at(secret, int((NOON + later).timestamp()) // totp.STEP_SECONDS)


def test_address_and_password_find_the_person(connection: sa.Connection) -> None:
    ana = member(connection, "ana@shop.test")
    assert find_with_password(connection, " ANA@shop.test", PASSWORD) == ana
    for email, password in (("ana@shop.test", "wrong"), ("bo@shop.test", PASSWORD), ("", "")):
        assert find_with_password(connection, email, password) is None


def test_an_unknown_address_takes_one_comparison_like_a_known_one(
    connection: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    member(connection, "ana@shop.test")
    compared: list[str] = []
    verify = type(passwords._HASHER).verify

    def counting(self: object, stored: str, password: str) -> bool:
        compared.append(stored.rpartition("$")[0].rpartition("$")[0])  # without salt and hash
        return verify(passwords._HASHER, stored, password)

    monkeypatch.setattr(type(passwords._HASHER), "verify", counting)
    for email in ("ana@shop.test", "nobody@shop.test"):
        find_with_password(connection, email, "wrong password here")
    assert len(compared) == 2
    assert len(set(compared)) == 1, "with the same settings, so in the same time"


def test_each_session_has_a_new_id_and_ends(connection: sa.Connection) -> None:
    ana = member(connection, "ana@shop.test")
    one, other = (enter(connection, ana, "Firefox, Linux", NOON).secret for _ in range(2))
    assert one != other
    ended = NOON + timedelta(days=sessions.SESSION_DAYS)
    assert sessions.find_person(connection, one, ended - timedelta(microseconds=1)) is not None
    assert sessions.find_person(connection, one, ended) is None
    sessions.end_session(connection, one)
    assert sessions.find_person(connection, one, NOON) is None
    assert sessions.find_person(connection, other, NOON) is not None


def test_with_a_second_factor_the_password_alone_opens_nothing(connection: sa.Connection, keys: Keys) -> None:
    ana, secret, _ = _with_second_factor(connection, keys)
    entered = enter(connection, ana, "", LATER)
    assert entered.needs_code
    assert sessions.find_person(connection, entered.secret, LATER) is None
    assert sessions.list_sessions(connection, ana.id, LATER) == []
    assert enter_code(connection, keys, entered.secret, "000000", "", LATER) is None
    code = _code(secret, timedelta(hours=1))
    done = enter_code(connection, keys, entered.secret, code, "", LATER)
    assert done is not None
    assert done.secret != entered.secret, "a session that was known before the code is not the session"
    assert sessions.find_person(connection, done.secret, LATER) is not None
    assert sessions.find_person(connection, entered.secret, LATER, needs_code=True) is None


def test_the_code_is_entered_within_minutes(connection: sa.Connection, keys: Keys) -> None:
    ana, secret, _ = _with_second_factor(connection, keys)
    waiting = enter(connection, ana, "", LATER).secret
    late = timedelta(hours=1, minutes=sessions.CODE_MINUTES)
    assert enter_code(connection, keys, waiting, _code(secret, late), "", NOON + late) is None


def test_a_code_is_valid_once(connection: sa.Connection, keys: Keys) -> None:
    ana, secret, _ = _with_second_factor(connection, keys)
    code = _code(secret, timedelta(hours=1))
    one, other = (enter(connection, ana, "", LATER).secret for _ in range(2))
    assert enter_code(connection, keys, one, code, "", LATER) is not None
    assert enter_code(connection, keys, other, code, "", LATER) is None


def test_the_code_that_turned_it_on_does_not_sign_in(connection: sa.Connection, keys: Keys) -> None:
    ana, secret, _ = _with_second_factor(connection, keys)
    waiting = enter(connection, ana, "", NOON).secret
    assert enter_code(connection, keys, waiting, _code(secret), "", NOON) is None


def test_each_of_ten_recovery_codes_is_valid_once(connection: sa.Connection, keys: Keys) -> None:
    ana, _, codes = _with_second_factor(connection, keys)
    assert len(codes) == 10
    for code in (codes[0].upper().replace("-", " "), codes[1]):
        waiting = enter(connection, ana, "", LATER).secret
        assert enter_code(connection, keys, waiting, code, "", LATER) is not None
    waiting = enter(connection, ana, "", LATER).secret
    assert enter_code(connection, keys, waiting, codes[0], "", LATER) is None
    assert use_cases.see_me(connection, as_principal(connection, ana), NOON).codes == 8


def test_a_secret_of_another_installation_leaves_the_recovery_codes(
    connection: sa.Connection, keys: Keys
) -> None:
    other_keys = Keys(1, {1: b"o" * 32})
    ana, secret, codes = _with_second_factor(connection, keys)
    waiting = enter(connection, ana, "", LATER).secret
    code = _code(secret, timedelta(hours=1))
    assert enter_code(connection, other_keys, waiting, code, "", LATER) is None
    assert enter_code(connection, other_keys, waiting, codes[0], "", LATER) is not None


def test_the_secret_is_stored_encrypted_and_for_its_person_only(
    connection: sa.Connection, keys: Keys
) -> None:
    _, secret, _ = _with_second_factor(connection, keys)
    assert secret not in repr(connection.execute(sa.select(people)).all())
    bo = as_principal(connection, member(connection, "bo@shop.test"))
    enrolment = use_cases.begin_second_factor(connection, bo, keys)
    eve = as_principal(connection, member(connection, "eve@shop.test"))
    with pytest.raises(Invalid, match="enrolment_damaged"):
        use_cases.see_enrolment(connection, eve, keys, enrolment.sealed)
    with pytest.raises(Invalid, match="enrolment_damaged"):
        use_cases.see_enrolment(connection, bo, keys, "")


def test_turning_it_on_needs_the_password_and_the_first_code(connection: sa.Connection, keys: Keys) -> None:
    who = as_principal(connection, member(connection, "ana@shop.test"))
    made = use_cases.begin_second_factor(connection, who, keys)
    confirmed = use_cases.confirm_password(connection, who, PASSWORD)
    with pytest.raises(Invalid, match="wrong_password"):
        use_cases.confirm_password(connection, who, "wrong")
    for stored, code, reason in (
        ("changed meanwhile", _code(made.secret), "wrong_password"),
        (confirmed, "000000", "wrong_code"),
    ):
        with pytest.raises(Invalid, match=reason):
            use_cases.turn_on_second_factor(connection, who, keys, made.sealed, stored, code, NOON)


def test_turning_it_off_needs_password_and_code(connection: sa.Connection, keys: Keys) -> None:
    ana, secret, _ = _with_second_factor(connection, keys)
    who, code = as_principal(connection, ana), _code(secret, timedelta(hours=1))
    with pytest.raises(Conflict, match="second_factor_on"):
        use_cases.begin_second_factor(connection, who, keys)
    with pytest.raises(Invalid, match="wrong_password"):
        use_cases.turn_off_second_factor(connection, who, keys, "changed meanwhile", code, LATER)
    with pytest.raises(Invalid, match="wrong_code"):
        use_cases.turn_off_second_factor(connection, who, keys, ana.password, "000000", LATER)
    use_cases.turn_off_second_factor(connection, who, keys, ana.password, code, LATER)
    assert not enter(connection, use_cases.see_me(connection, who, LATER).person, "", LATER).needs_code


def test_a_new_password_ends_the_other_sessions(connection: sa.Connection) -> None:
    ana = member(connection, "ana@shop.test")
    who = as_principal(connection, ana)
    mine, other = (enter(connection, ana, "", NOON).secret for _ in range(2))
    found = sessions.find_person(connection, mine, NOON)
    assert found is not None
    with pytest.raises(Invalid, match="wrong_password"):
        use_cases.choose_password(connection, who, "wrong", "a completely new one")
    with pytest.raises(BadField, match="common"):
        use_cases.choose_password(connection, who, PASSWORD, "123456789123")
    new = use_cases.choose_password(connection, who, PASSWORD, "a completely new one")
    use_cases.change_password(connection, who, new, found[1])
    with pytest.raises(Invalid, match="wrong_password"):
        use_cases.change_password(connection, who, new, found[1])
    assert sessions.find_person(connection, mine, NOON) is not None
    assert sessions.find_person(connection, other, NOON) is None
    assert find_with_password(connection, "ana@shop.test", PASSWORD) is None


def test_nobody_ends_the_session_of_another_person(connection: sa.Connection) -> None:
    ana, bo = member(connection, "ana@shop.test"), member(connection, "bo@shop.test")
    secret = enter(connection, ana, "", NOON).secret
    (listed,) = sessions.list_sessions(connection, ana.id, NOON)
    use_cases.end_my_sessions(connection, as_principal(connection, bo), only=listed.id)
    assert sessions.find_person(connection, secret, NOON) is not None
    use_cases.end_my_sessions(connection, as_principal(connection, ana), only=listed.id)
    assert sessions.find_person(connection, secret, NOON) is None


def test_an_api_key_has_no_settings_of_a_person(connection: sa.Connection) -> None:
    with pytest.raises(NotAllowed, match="not_a_person"):
        use_cases.see_me(connection, OWNER_OF_7, NOON)
