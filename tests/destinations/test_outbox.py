"""Dead letters are listed, and only they can be requeued; on both databases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from salepixel.destinations import outbox
from salepixel.orders import store as orders
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import NOON, order

HOUR = timedelta(hours=1)


@pytest.fixture
def letters(database: Database) -> Database:
    """Dead letters: one of account 1 for a known order, two of account 2. Sent and waiting: one each."""
    ends = [(1, "O1", "dead"), (2, "O2", "dead"), (2, "O3", "dead"), (1, "O4", "sent"), (1, "O5", "waiting")]
    with database.write() as connection:
        orders.store_order(connection, "s1", 1, order(), "")
        for hours, (emp_id, order_id, state) in enumerate(ends):
            urls = {"": f"https://x.test/{order_id}"}
            outbox.announce_order(connection, emp_id, "s1", order_id, urls, NOON)
            (claimed,) = outbox.claim_outgoing(connection, NOON, NOON + HOUR, 1)
            outbox.record_attempt(
                connection, claimed, state=state, answer="404", next_at=NOON + hours * HOUR + HOUR
            )
    return database


def test_dead_letters_are_listed_newest_first_by_account(letters: Database) -> None:
    with letters.read() as connection:
        every = outbox.list_dead(connection, None, 10, None)
        assert [letter.order_id for letter in every] == ["O3", "O2", "O1"]
        last = every[-1]
        assert (last.order_number, last.attempts, last.answer) == ("1042", 1, "404")
        assert last.given_up_at == NOON + HOUR
        assert outbox.list_dead(connection, 2, 10, None) == every[:2]
        assert outbox.list_dead(connection, None, 1, (every[0].given_up_at, every[0].id)) == every[1:2]
        assert [outbox.count_dead(connection, emp_id) for emp_id in (None, 1, 2, 3)] == [3, 1, 2, 0]


def test_only_dead_letters_are_requeued_and_they_keep_their_key(letters: Database) -> None:
    later = NOON + timedelta(days=1)
    with letters.write() as connection:
        (mine,) = outbox.list_dead(connection, 1, 10, None)
        assert outbox.retry_forwards(connection, 2, later, mine.id) == 0, "another account's"
        assert outbox.retry_forwards(connection, 1, later, mine.id) == 1
        assert outbox.retry_forwards(connection, 1, later, mine.id) == 0, "it waits already"
        assert outbox.retry_forwards(connection, 1, later) == 0, "what was sent stays sent"
        assert outbox.retry_forwards(connection, None, later) == 2
        assert outbox.count_outgoing(connection) == {"waiting": 4, "sent": 1}
        claimed = outbox.claim_outgoing(connection, later, later + HOUR, 10)
        assert mine.id in {outgoing.id for outgoing in claimed}
        assert {outgoing.attempts for outgoing in claimed if outgoing.url[-2:] != "O5"} == {0}


@pytest.mark.parametrize(
    ("state", "now", "reported"),
    [
        ("waiting", {"L1": "https://x.test/?contact=bo"}, {"https://x.test/?contact=bo"}),
        ("dead", {"L1": "https://x.test/?contact="}, {"https://x.test/?contact="}),
        ("waiting", {}, set()),
        ("dead", {"L2": "https://x.test/2"}, {"https://x.test/2"}),
        # A sent sale is known to the other server and is not sent again.
        ("sent", {"L1": "https://x.test/?contact=bo"}, {"https://x.test/?contact=ana"}),
        ("sent", {}, {"https://x.test/?contact=ana"}),
    ],
)
def test_an_unsent_sale_is_forwarded_with_its_current_values(
    database: Database, state: str, now: dict[str, str], reported: set[str]
) -> None:
    with database.write() as connection:
        outbox.announce_order(connection, 1, "s1", "O1", {"L1": "https://x.test/?contact=ana"}, NOON)
        (claimed,) = outbox.claim_outgoing(connection, NOON, NOON, 1)
        outbox.record_attempt(connection, claimed, state=state, answer="", next_at=NOON)
        outbox.announce_order(connection, 1, "s1", "O2", {"L1": "https://x.test/other"}, NOON)
        outbox.announce_order(connection, 1, "s1", "O1", now, NOON + HOUR)
        found = set(connection.scalars(sa.select(schema.outbox.c.url)))
    assert found == reported | {"https://x.test/other"}
