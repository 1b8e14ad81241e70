"""Sessions end when they expire, at sign-out, and with their key."""

from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits

from salepixel.accounts.api_keys import (
    FIRST_KEY,
    add_api_key,
    key_digest,
    remove_api_key,
    set_first_key,
)
from salepixel.accounts.principal import FULL, Principal
from salepixel.accounts.sessions import SESSION_HOURS, end_session, find_session_principal, start_session
from salepixel.people.sessions import PREFIX
from salepixel.storage.database import Database

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
KEY = "sp_a key of account seven"


def test_a_session_has_the_rights_of_its_key_until_it_ends(database: Database) -> None:
    with database.write() as connection:
        add_api_key(connection, KEY, 7, "seven", NOON)
        one, other = (start_session(connection, key_digest(KEY), NOON) for _ in range(2))
        last = NOON + timedelta(hours=SESSION_HOURS)
        assert one != other
        assert find_session_principal(connection, one, last - timedelta(microseconds=1)) == Principal(
            {7: FULL}, "seven"
        )
        assert find_session_principal(connection, one, last) is None
        assert find_session_principal(connection, "another", NOON) is None
        end_session(connection, one)
        end_session(connection, one)
        assert find_session_principal(connection, one, NOON) is None
        assert find_session_principal(connection, other, NOON) is not None


def test_no_session_of_a_key_is_read_as_that_of_a_person() -> None:
    assert set(PREFIX) - set(f"{ascii_letters}{digits}-_"), "the characters of secrets.token_urlsafe"


def test_the_sessions_of_a_key_end_with_it(database: Database) -> None:
    with database.write() as connection:
        key_id = add_api_key(connection, KEY, 7, "seven", NOON)
        session = start_session(connection, key_digest(KEY), NOON)
        remove_api_key(connection, key_id)
        add_api_key(connection, KEY, 7, "seven", NOON)
        assert find_session_principal(connection, session, NOON) is None


def test_the_sessions_of_the_key_of_the_settings_end_when_it_is_changed(database: Database) -> None:
    with database.write() as connection:
        set_first_key(connection, KEY, NOON)
        session = start_session(connection, key_digest(KEY), NOON)
        set_first_key(connection, KEY, NOON)
        assert find_session_principal(connection, session, NOON) == Principal({None: FULL}, FIRST_KEY)
        set_first_key(connection, "sp_another key of the settings", NOON)
        set_first_key(connection, KEY, NOON)
        assert find_session_principal(connection, session, NOON) is None
