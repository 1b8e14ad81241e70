"""A person is erased while a worker writes what concerns them: nothing of them stays, and sums are exact."""

import threading

from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.storage.database import Database
from salepixel.sums.check import find_wrong_sums
from tests.make import NOON, click_at
from tests.privacy.village import REF, Village
from tests.worker.test_at_once import until_it_ends_or_waits
from tests.worker.world import HOUR


def test_a_verdict_that_changes_during_an_erasure_is_counted_once(
    postgresql_database: Database, sealer: ClickSealer
) -> None:
    village = Village(postgresql_database, sealer)
    click = click_at(NOON - 3 * HOUR, REF, serial=77)
    with village.database.write() as connection:
        clicks.store_clicks(connection, [(click, Signal.HEAD)])
    erasing = threading.Thread(target=village.erase)
    with village.database.write() as connection:
        clicks.clear_click(connection, click.id, "s1", "O9")
        erasing.start()
        until_it_ends_or_waits(village.database, erasing)
    erasing.join(20)
    assert not erasing.is_alive()
    assert list(village.found()) == []
    with village.database.read() as connection:
        assert find_wrong_sums(connection) == []
