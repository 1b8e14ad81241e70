"""An erased person is in no file, stream or log; an interrupted erasure is continued."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from salepixel.accounts.principal import INSTALLATION
from salepixel.campaigns.directory import publish_directory, read_directory
from salepixel.clicks.records import ClickRecord, HitRecord
from salepixel.clicks.tokens import ClickSealer, Signal, new_click_id
from salepixel.privacy.erase import continue_erasures
from salepixel.privacy.erasures import erasures_under_way
from salepixel.privacy.use_cases import begin_erasure
from salepixel.storage.database import Database, migrate, open_database
from salepixel_worker.fold import fold_all
from salepixel_worker.rebuild import verify_all
from tests.make import NOON, click_at
from tests.privacy.village import ADDRESS, CODE, CUSTOMER, REF, WRITTEN, Village
from tests.worker.test_fold import ship
from tests.worker.world import HOUR


def traces(village: Village) -> list[bytes]:
    """Everything by which Ana can be found in a file."""
    tokens = [village.sealer.seal(click) for click in village.clicks]
    return [text.encode() for text in (REF, ADDRESS, WRITTEN, CUSTOMER, CODE, *village.hashes, *tokens)]


@pytest.fixture
def on_disk(tmp_path: Path, sealer: ClickSealer) -> Iterator[Village]:
    database = open_database("", tmp_path)
    migrate(database)
    yield Village(database, sealer)
    database.close()


def files_with(folder: Path, wanted: list[bytes]) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    contents = {path.name: path.read_bytes() for path in files}
    return [
        f"{name}: {trace!r}" for name, content in contents.items() for trace in wanted if trace in content
    ]


def test_no_byte_of_an_erased_person_is_in_sqlites_files(on_disk: Village, tmp_path: Path) -> None:
    """Not even what was replaced before: `secure_delete` is on in every process."""
    for hour in range(1, 5):  # each snapshot replaces another one
        at = NOON + hour * HOUR
        on_disk.report_again(replace(on_disk.bought, updated_at=at, issued_at=at, number=f"1-{hour}" * hour))
        on_disk.reconcile()
    assert files_with(tmp_path, traces(on_disk))
    on_disk.erase()
    assert files_with(tmp_path, traces(on_disk)) == [], "before anything else writes"
    on_disk.reconcile()
    on_disk.database.close()
    assert files_with(tmp_path, traces(on_disk)) == []


def test_an_erasure_is_continued_after_a_crash_at_any_step(village: Village) -> None:
    """Each call of the sweep does one step here; what is left is found by who was there at the beginning."""
    money = village.money()
    with village.database.write() as connection:
        begin_erasure(connection, INSTALLATION, village.keys, 1, REF, NOON)
    steps = 0
    while under_way(village.database):
        continue_erasures(village.database, village.sealer, 0)
        steps += 1
        village.report_again(replace(village.bought, updated_at=NOON + steps * HOUR))
    assert steps > 7
    assert list(village.found()) == []
    village.reconcile()
    assert village.money() == money
    assert verify_all(village.database, village.sealer).different == []


def test_a_second_call_ends_what_a_first_one_began(village: Village) -> None:
    with village.database.write() as connection:
        begin_erasure(connection, INSTALLATION, village.keys, 1, REF, NOON)
    for _ in range(3):
        continue_erasures(village.database, village.sealer, 0)
    village.erase(ADDRESS)
    assert list(village.found()) == []
    continue_erasures(village.database, village.sealer, 60)
    assert under_way(village.database) == []


def under_way(database: Database) -> list[str]:
    with database.read() as connection:
        return erasures_under_way(connection)


def test_what_a_journal_brings_later_is_stored_without_her(village: Village, redis: Redis) -> None:
    village.erase()
    click = click_at(NOON, REF, serial=99)
    token = village.sealer.seal(click)
    hit = HitRecord(new_click_id(99), 1, "empId=1&PEDIDO=1&IMPORTE=1", token, "", False)
    ship(redis, 1, [ClickRecord(click, Signal(0), "Firefox"), hit])
    assert fold_all(village.database, redis, village.sealer, 5) == 2
    village.clicks.append(click)
    assert list(village.found()) == []
    publish_directory(village.database, redis)
    assert in_redis(redis, [REF.encode(), token.encode()]) == []


def in_redis(redis: Redis, wanted: list[bytes]) -> list[str]:
    dumps = [(str(key), redis.dump(key) or b"") for key in redis.scan_iter()]
    return [key for key, dump in dumps for trace in wanted if trace in dump]


def test_edges_know_who_was_erased(village: Village) -> None:
    """A contact that had opted out gets no cookie either, although the opt-out was deleted with it."""
    village.contact(REF, None, consent=False)
    village.erase()
    with village.database.read() as connection:
        directory = read_directory(connection)
    assert directory.opted_out == {}
    assert village.keys.hash_erased(1, "contact", REF) in directory.erased[1]
    assert type(directory).from_json(directory.to_json()) == directory


def test_logs_name_nobody(village: Village, capfd: pytest.CaptureFixture[str]) -> None:
    village.erase()
    village.report_again(village.bought)
    village.reconcile()
    logged = "".join(capfd.readouterr())
    assert [trace for trace in traces(village) if trace.decode() in logged] == []
