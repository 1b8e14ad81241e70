"""Losses of edges, as a report shows them; on both databases."""

from datetime import datetime, timedelta

from salepixel.clicks.losses import OUTAGE_GAP, Loss, losses_since
from salepixel.clicks.records import LossRecord
from salepixel.clicks.store import store_loss
from salepixel.storage.database import Database
from tests.make import NOON

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def _lose(database: Database, number: int, count: int, from_at: datetime, to_at: datetime) -> None:
    first, last = (int(time.timestamp() * 1000) for time in (from_at, to_at))
    with database.write() as connection:
        store_loss(connection, f"edge-{number % 2}", number, LossRecord(count, first, last))


def _since(database: Database, since: datetime | None) -> list[Loss]:
    with database.read() as connection:
        return losses_since(connection, since)


def test_losses_close_to_each_other_are_merged(database: Database) -> None:
    assert _since(database, None) == []
    _lose(database, 1, 5, NOON, NOON + 9 * MINUTE)
    _lose(database, 2, 3, NOON + MINUTE, NOON + 2 * MINUTE)  # on another edge, at the same time
    _lose(database, 3, 2, NOON + 9 * MINUTE + OUTAGE_GAP, NOON + 9 * MINUTE + OUTAGE_GAP)
    _lose(database, 4, 7, NOON + 5 * HOUR, NOON + 6 * HOUR)
    assert _since(database, None) == [
        Loss(7, NOON + 5 * HOUR, NOON + 6 * HOUR),
        Loss(10, NOON, NOON + 9 * MINUTE + OUTAGE_GAP),
    ]


def test_a_loss_is_reported_for_every_period_that_it_overlaps(database: Database) -> None:
    _lose(database, 1, 5, NOON, NOON + HOUR)
    reported = [Loss(5, NOON, NOON + HOUR)]
    for since, expected in (
        (NOON - HOUR, reported),
        (NOON + MINUTE, reported),
        (NOON + HOUR, reported),
        (NOON + HOUR + MINUTE, []),
    ):
        assert _since(database, since) == expected
