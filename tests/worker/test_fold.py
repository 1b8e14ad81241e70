"""Records that an edge ships are in the database once and in sequence, or are requested again."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from redis import Redis

from salepixel.accounts import store as accounts
from salepixel.campaigns import pages
from salepixel.campaigns import store as campaigns
from salepixel.campaigns.store import Campaign
from salepixel.clicks import journal_run
from salepixel.clicks import store as clicks
from salepixel.clicks.records import ClickRecord, HitRecord, LossRecord, Record, pack_payload
from salepixel.clicks.tokens import ClickSealer, Signal, Verdict, new_click_id
from salepixel.keys import pixel_secret_place
from salepixel.orders.deliveries import list_rejections
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.sums.links import totals_of_links
from salepixel.wire.streams import FIELD, JOURNALS_KEY, OLDEST, frame, mark_key, stream_key
from salepixel_worker.fold import fold_all, fold_journal
from tests.make import CAMPAIGN, LINK, NOON, click_at

JOURNAL = "edge-00000001"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36"
)
RECORDS: list[Record] = [
    ClickRecord(click_at(NOON + timedelta(minutes=n), f"c{n}", serial=n), Signal(0), "Firefox")
    for n in range(1, 11)
]


def ship(redis: Redis, first: int, records: Sequence[Record], oldest: bool = False) -> None:
    """Add records to the stream as the shipper does, numbered from `first`."""
    data = b"".join(frame(number, pack_payload(record)) for number, record in enumerate(records, first))
    fields: dict[bytes, bytes] = {FIELD: data} | ({OLDEST: b"1"} if oldest else {})
    redis.sadd(JOURNALS_KEY, JOURNAL)
    redis.xadd(stream_key(JOURNAL), fields, id=f"{first + len(records) - 1}-0")  # type: ignore[arg-type]


def folded(database: Database) -> list[str]:
    with database.read() as connection:
        return [found.click.contact for found in clicks.list_clicks(connection, CAMPAIGN, 100, None)]


def test_each_record_is_folded_once_and_the_stream_is_trimmed(
    database: Database, redis: Redis, sealer: ClickSealer
) -> None:
    ship(redis, 1, RECORDS[:4])
    ship(redis, 5, RECORDS[4:6])
    assert fold_all(database, redis, sealer, 5) == 6
    assert fold_all(database, redis, sealer, 5) == 0
    ship(redis, 7, RECORDS[6:])
    assert fold_all(database, redis, sealer, 5) == 4
    assert folded(database) == [f"c{n}" for n in range(1, 11)]
    assert redis.get(mark_key(JOURNAL)) == b"10"
    assert redis.xlen(stream_key(JOURNAL)) <= 1


def test_clicks_on_a_dynamic_link_count_for_their_pages(
    database: Database, redis: Redis, sealer: ClickSealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token has the dynamic link, the stored click its page; beyond the limit, the dynamic link."""
    monkeypatch.setattr(pages, "FREE_PAGES", 2)
    paths = ["p/2", "p/1", "p/1", "p/2", "p/3"]
    records = [
        ClickRecord(
            click_at(NOON, f"c{n}", link=CAMPAIGN, serial=n), Signal(0), "Firefox", "", f"shop.test/{path}"
        )
        for n, path in enumerate(paths, 1)
    ]
    with database.write() as connection:
        campaigns.add_campaign(connection, Campaign(CAMPAIGN, 1, "Basket", "plain", NOON), [])
    ship(redis, 1, [RECORDS[0], *records[:2]])
    fold_all(database, redis, sealer, 5)
    ship(redis, 4, records[2:])
    fold_all(database, redis, sealer, 5)
    with database.read() as connection:
        labels = {link.id: link.label for link in campaigns.links_of(connection, CAMPAIGN)}
        found = [one.click for one in clicks.list_clicks(connection, CAMPAIGN, 100, None)]
        sums = {
            labels.get(its, its): one.unknown + one.human
            for its, one in totals_of_links(connection, CAMPAIGN).items()
        }
    assert [labels.get(click.link) for click in found] == ["/p/2", "/p/1", "/p/1", "/p/2", "/r/", None]
    assert sums == {"/p/1": 2, "/p/2": 2, "/r/": 1, LINK: 1}


def test_a_flood_of_pixel_hits_is_folded_in_short_transactions(
    database: Database, redis: Redis, sealer: ClickSealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A webhook waits for SQLite's only writer, and an entry of the stream may hold a thousand hits."""
    monkeypatch.setattr(journal_run, "HITS_AT_ONCE", 3)
    hits = [HitRecord(new_click_id(n), 9, f"empId=9&PEDIDO={n}", "", "", False) for n in range(1, 9)]
    ship(redis, 1, [*RECORDS[:2], *hits[:5], RECORDS[2]])
    ship(redis, 9, [RECORDS[3], *hits[5:]])
    steps = []
    while count := fold_journal(database, redis, sealer, JOURNAL):
        steps.append(count)
    assert steps == [5, 5, 2]
    assert folded(database) == ["c1", "c2", "c3", "c4"]
    with database.read() as connection:
        assert [row[1:] for row in list_rejections(connection, 9)] == [("pixel", "unknown_account", 8)]


def test_clicks_of_many_accounts_are_folded_in_short_transactions(
    database: Database, redis: Redis, sealer: ClickSealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each account takes statements of its own, however few its clicks are."""
    monkeypatch.setattr(journal_run, "ACCOUNTS_AT_ONCE", 3)
    records = [
        ClickRecord(click_at(NOON, f"c{n}", emp_id, serial=n), Signal(0), "Firefox")
        for n, emp_id in enumerate((1, 2, 1, 3, 4, 4, 4, 4, 5), 1)
    ]
    ship(redis, 1, records[:5])
    ship(redis, 6, records[5:])
    steps = []
    while count := fold_journal(database, redis, sealer, JOURNAL):
        steps.append(count)
    assert steps == [4, 5]
    assert folded(database) == [f"c{n}" for n in range(1, 10)]


def test_records_shipped_again_are_not_folded_again(
    database: Database, redis: Redis, sealer: ClickSealer
) -> None:
    ship(redis, 1, RECORDS[:5])
    fold_all(database, redis, sealer, 5)
    redis.flushall()
    ship(redis, 1, RECORDS[:3], oldest=True)
    ship(redis, 4, RECORDS[3:8])
    fold_all(database, redis, sealer, 5)
    assert folded(database) == [f"c{n}" for n in range(1, 9)]


def test_a_gap_drops_the_stream_so_that_it_is_shipped_again(
    database: Database, redis: Redis, sealer: ClickSealer
) -> None:
    ship(redis, 1, RECORDS[:2])
    fold_all(database, redis, sealer, 5)
    ship(redis, 5, RECORDS[4:])
    assert fold_journal(database, redis, sealer, JOURNAL) == 0
    assert not redis.exists(stream_key(JOURNAL))
    assert redis.get(mark_key(JOURNAL)) == b"2"
    ship(redis, 3, RECORDS[2:])
    fold_all(database, redis, sealer, 5)
    assert folded(database) == [f"c{n}" for n in range(1, 11)]


def test_records_lost_by_the_journal_are_counted(
    database: Database, redis: Redis, sealer: ClickSealer
) -> None:
    ship(redis, 4, RECORDS[3:], oldest=True)
    fold_all(database, redis, sealer, 5)
    assert folded(database) == [f"c{n}" for n in range(4, 11)]
    with database.read() as connection:
        assert connection.scalar(sa.select(schema.losses.c.count)) == 3


def test_clicks_that_an_edge_could_not_write_are_counted_with_their_time(
    sqlite: Database, redis: Redis, sealer: ClickSealer
) -> None:
    ship(redis, 1, [LossRecord(17, 1_000, 61_000)])
    fold_all(sqlite, redis, sealer, 5)
    with sqlite.read() as connection:
        (loss,) = connection.execute(sa.select(schema.losses))
    assert (loss.journal, loss._mapping["count"]) == (JOURNAL, 17)
    assert loss.to_at - loss.from_at == timedelta(minutes=1)


def test_records_missing_after_a_reported_loss_are_counted_too(
    database: Database, redis: Redis, sealer: ClickSealer
) -> None:
    ship(redis, 1, [LossRecord(17, 1_000, 61_000)])
    assert fold_all(database, redis, sealer, 1) == 1
    ship(redis, 5, RECORDS[4:5], oldest=True)
    fold_all(database, redis, sealer, 1)
    with database.read() as connection:
        assert sorted(connection.scalars(sa.select(schema.losses.c.count))) == [3, 17]


def test_a_damaged_entry_drops_the_stream(sqlite: Database, redis: Redis, sealer: ClickSealer) -> None:
    ship(redis, 1, RECORDS[:2])
    redis.xadd(stream_key(JOURNAL), {FIELD: b"not a record"}, id="3-0")
    assert fold_journal(sqlite, redis, sealer, JOURNAL) == 0
    assert not redis.exists(stream_key(JOURNAL))


def test_a_record_of_another_version_is_counted_and_skipped(
    sqlite: Database, redis: Redis, sealer: ClickSealer
) -> None:
    redis.sadd(JOURNALS_KEY, JOURNAL)
    data = frame(1, b"\xffnew kind") + frame(2, pack_payload(RECORDS[0]))
    redis.xadd(stream_key(JOURNAL), {FIELD: data}, id="2-0")
    assert fold_all(sqlite, redis, sealer, 5) == 2
    assert folded(sqlite) == ["c1"]
    with sqlite.read() as connection:
        assert [row[1:] for row in list_rejections(connection, 1)] == [("fold", "unknown_record", 1)]


@pytest.mark.parametrize(
    ("agent", "verdict"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", Verdict.HUMAN),
        (
            "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG) AppleWebKit/537.36 Chrome/156 Mobile",
            Verdict.HUMAN,
        ),
        ("curl/8.5.0", Verdict.BOT),
        ("python-requests/2.34", Verdict.BOT),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Verdict.BOT),
        ("Barracuda Sentinel (EE)", Verdict.BOT),
        ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", Verdict.BOT),
    ],
)
def test_known_programs_are_judged_as_bots(
    sqlite: Database, redis: Redis, sealer: ClickSealer, agent: str, verdict: Verdict
) -> None:
    ship(redis, 1, [ClickRecord(click_at(NOON), Signal(0), agent)])
    fold_all(sqlite, redis, sealer, 5)
    with sqlite.read() as connection:
        (found,) = clicks.list_clicks(connection, CAMPAIGN, 10, None)
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("signals", "agent", "address", "reasons"),
    [
        (Signal(0), CHROME, "40.107.22.1", ("gateway_network",)),
        (Signal(0), CHROME, "67.231.152.10", ("likely_gateway_network",)),
        (Signal.NO_FETCH, CHROME, "192.0.2.1", ("fetch_missing",)),
        (Signal.NO_FETCH, "Mozilla/5.0 (PlayStation 5 8.00)", "192.0.2.1", ()),
        (Signal(0), CHROME.replace("156", "57"), "", ("old_agent",)),
    ],
)
def test_a_click_is_judged_by_user_agent_and_ip_address_which_are_not_stored(
    sqlite: Database,
    redis: Redis,
    sealer: ClickSealer,
    tmp_path: Path,
    signals: Signal,
    agent: str,
    address: str,
    reasons: tuple[str, ...],
) -> None:
    ship(redis, 1, [ClickRecord(click_at(NOON, "somebody"), signals, agent, address)])
    fold_all(sqlite, redis, sealer, 5)
    with sqlite.read() as connection:
        (found,) = clicks.list_clicks(connection, CAMPAIGN, 10, None)
    assert found.reasons == reasons
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"somebody" in stored
    assert agent.encode() not in stored
    assert not address or address.encode() not in stored


def test_an_ignored_hit_is_stored_and_counted(sqlite: Database, redis: Redis, sealer: ClickSealer) -> None:
    with sqlite.write() as connection:
        accounts.add_account(connection, accounts.Account(7, "Shoes", "EUR", NOON))
    ship(
        redis,
        1,
        [
            HitRecord(click_at(NOON, serial=1).id, 7, "empId=7&IMPORTE=NaN", "", "bad_amount", False),
            HitRecord(click_at(NOON, serial=2).id, 8, "empId=8", "", "", False),
        ],
    )
    fold_all(sqlite, redis, sealer, 5)
    with sqlite.read() as connection:
        assert [row[1:] for row in list_rejections(connection, 1)] == [
            ("pixel", "bad_amount", 1),
            ("pixel", "unknown_account", 1),
        ]
        assert connection.scalars(sa.select(schema.hits.c.ignored)).all() == ["bad_amount"]


@pytest.mark.parametrize(("query", "ignored"), [("empId=7", "unsigned"), ("empId=7&sig=00", "bad_signature")])
def test_the_fold_checks_a_signature_that_the_edge_could_not(
    sqlite: Database, redis: Redis, sealer: ClickSealer, query: str, ignored: str
) -> None:
    with sqlite.write() as connection:
        secret = sealer.keys.seal(pixel_secret_place(7), "00ff")
        signed = accounts.Account(7, "Shoes", "EUR", NOON, pixel_secret=secret, pixel_signed=True)
        accounts.add_account(connection, signed)
    ship(redis, 1, [HitRecord(click_at(NOON).id, 7, query, "", "", False)])
    fold_all(sqlite, redis, sealer, 5)
    with sqlite.read() as connection:
        assert connection.scalars(sa.select(schema.hits.c.ignored)).all() == [ignored]
