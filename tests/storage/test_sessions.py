"""Sessions end here: when their time is over, at sign-out, and with their key."""

from datetime import UTC, datetime, timedelta

from salepixel.storage import accounts
from salepixel.storage.accounts import KeyScope, key_digest
from salepixel.storage.database import Database
from salepixel.storage.sessions import SESSION_HOURS, end_session, find_session_scope, start_session

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
KEY = "sp_a key of account seven"


def test_a_session_may_do_what_its_key_may_until_it_ends(database: Database) -> None:
    with database.write() as connection:
        accounts.add_api_key(connection, KEY, 7, "seven", NOON)
        one, other = (start_session(connection, key_digest(KEY), NOON) for _ in range(2))
        last = NOON + timedelta(hours=SESSION_HOURS)
        assert one != other
        assert find_session_scope(connection, one, last - timedelta(microseconds=1)) == KeyScope(7, "seven")
        assert find_session_scope(connection, one, last) is None
        assert find_session_scope(connection, "another", NOON) is None
        end_session(connection, one)
        end_session(connection, one)
        assert find_session_scope(connection, one, NOON) is None
        assert find_session_scope(connection, other, NOON) is not None


def test_the_sessions_of_a_key_end_with_it(database: Database) -> None:
    with database.write() as connection:
        key_id = accounts.add_api_key(connection, KEY, 7, "seven", NOON)
        session = start_session(connection, key_digest(KEY), NOON)
        accounts.remove_api_key(connection, key_id)
        accounts.add_api_key(connection, KEY, 7, "seven", NOON)
        assert find_session_scope(connection, session, NOON) is None


def test_the_sessions_of_the_key_of_the_settings_end_when_it_is_changed(database: Database) -> None:
    with database.write() as connection:
        accounts.set_first_key(connection, KEY, NOON)
        session = start_session(connection, key_digest(KEY), NOON)
        accounts.set_first_key(connection, KEY, NOON)
        assert find_session_scope(connection, session, NOON) == KeyScope(None, accounts.FIRST_KEY)
        accounts.set_first_key(connection, "sp_another key of the settings", NOON)
        accounts.set_first_key(connection, KEY, NOON)
        assert find_session_scope(connection, session, NOON) is None
