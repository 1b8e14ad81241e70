"""The fold: clicks and pixel hits from the streams into the database, exactly once, in order.

The contract with the edge is the docstring of salepixel/wire/streams.py.
"""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

import sqlalchemy as sa
import structlog
from redis import Redis
from rq.timeouts import JobTimeoutException

from salepixel.accounts import store as accounts
from salepixel.accounts.store import Account
from salepixel.clicks import hit_store as hits
from salepixel.clicks import store as clicks
from salepixel.clicks.agents import agent_signals
from salepixel.clicks.hits import UNREADABLE, BadHit, Hit, is_signed, parse_hit
from salepixel.clicks.networks import NO_NETWORK, network_signal
from salepixel.clicks.opt_outs import opted_out_among
from salepixel.clicks.records import ClickRecord, HitRecord, LossRecord, Record, unpack_payload
from salepixel.clicks.tokens import BadClickToken, Click, ClickSealer, Signal, is_digest
from salepixel.keys import pixel_secret_place
from salepixel.money.amounts import BadMoney
from salepixel.orders import deliveries
from salepixel.orders import store as orders
from salepixel.orders.bounds import OutOfBounds, check_order
from salepixel.orders.requeue import requeue_orders_of_pixel_hit
from salepixel.shops import store as shops
from salepixel.storage.database import Database, is_passing
from salepixel.wire.streams import FIELD, OLDEST, BadRecord, read_frames, stream_key
from salepixel_worker.attempt import describe
from salepixel_worker.journals import journals_to_fold, publish_marks

ENTRIES_AT_ONCE = 8
"""Stream entries of one transaction: up to 64 kB each, some five thousand clicks in all."""

MAX_HITS = 500
"""Of one order: each further one has all of them read again, and no order has so many lines."""

HITS_AT_ONCE = 25
"""Pixel hits of one transaction: about 2 ms each, and a webhook waits for the database's only writer."""

LET_IN_SECONDS = 0.03
"""After so many hits, where more may follow: SQLite's writers ask again after 25 ms, and none has a turn."""

Entries = list[tuple[bytes, dict[bytes, bytes]]]
"""What XRANGE gives: (id, fields)."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Run:
    """Records of a journal in sequence, and how many of them are gone for good: the first of those.

    `is_full`: it ends with as many hits as one transaction takes.
    """

    records: list[tuple[int, Record]]
    unreadable: int
    lost: int
    last: int
    first_lost: int = 0
    is_full: bool = False


class Gap(Exception):
    """Records are missing that the journal still has: it must ship them again."""


def fold_all(database: Database, redis: Redis, sealer: ClickSealer, budget_seconds: float) -> int:
    """Fold what the streams hold, for about so long; gives the number of records folded."""
    deadline = time.monotonic() + budget_seconds
    folded = 0
    for name in journals_to_fold(redis):
        while count := fold_journal(database, redis, sealer, name):
            folded += count
            if time.monotonic() > deadline:
                return folded
    return folded


def fold_journal(database: Database, redis: Redis, sealer: ClickSealer, journal: str) -> int:
    """Fold the next entries of one journal; gives the number of records, 0 when there is nothing new."""
    with database.read() as connection:
        mark = clicks.read_mark(connection, journal)
    entries = redis.xrange(stream_key(journal), min=f"({mark}-0", count=ENTRIES_AT_ONCE)
    with _no_collection():
        return _fold_entries(database, redis, sealer, journal, mark, cast(Entries, entries))


@contextmanager
def _no_collection() -> Iterator[None]:
    # The records of a batch all live until it is stored, and none is in a cycle: the garbage collector
    # would look through them again and again, for a fifth of the time that a fold takes.
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _fold_entries(
    database: Database, redis: Redis, sealer: ClickSealer, journal: str, mark: int, entries: Entries
) -> int:
    try:
        run = read_run(entries, mark)
    except (Gap, BadRecord) as problem:
        log.warning("stream_dropped", journal=journal, mark=mark, problem=repr(problem))
        redis.delete(stream_key(journal))
        publish_marks(redis, {journal: mark})
        return 0
    if run.last > mark:
        now = datetime.now(UTC)
        with database.write() as connection:
            if not clicks.move_mark(connection, journal, mark, run.last, now):
                return 0  # another worker folded this meanwhile
            _store(connection, sealer, journal, mark, run, now)
    publish_marks(redis, {journal: run.last})
    if run.is_full:
        time.sleep(LET_IN_SECONDS)
    return run.last - mark


def read_run(entries: Entries, mark: int) -> Run:
    """The records after `mark`, in sequence, to the HITS_AT_ONCE-th hit. Raises Gap or BadRecord."""
    records: list[tuple[int, Record]] = []
    unreadable, lost, first_lost, last, its_hits = 0, 0, 0, mark, 0
    for _, fields in entries:
        for number, payload, _ in read_frames(fields[FIELD]):
            if number <= last:
                continue
            if number > last + 1:
                if OLDEST not in fields:
                    raise Gap(f"{last} is followed by {number}")
                lost += number - last - 1
                first_lost = first_lost or last + 1
            last = number
            try:
                record = unpack_payload(payload)
            except BadRecord:
                unreadable += 1  # whole, but not of a kind we know: an edge of another version
                continue
            records.append((number, record))
            its_hits += isinstance(record, HitRecord)
            if its_hits == HITS_AT_ONCE:
                return Run(records, unreadable, lost, last, first_lost, is_full=True)
    return Run(records, unreadable, lost, last, first_lost)


def _store(
    connection: sa.Connection, sealer: ClickSealer, journal: str, mark: int, run: Run, now: datetime
) -> None:
    batch = [(record.click, _signals(record)) for _, record in run.records if isinstance(record, ClickRecord)]
    clicks.store_clicks(connection, batch)
    for number, record in run.records:
        if isinstance(record, HitRecord):
            _try_to_store_hit(connection, sealer, record)
        elif isinstance(record, LossRecord):
            clicks.store_loss(connection, journal, number, record)
    if run.lost:
        now_ms = int(now.timestamp() * 1000)
        # Under a number that no record has: the one before may be a loss that the edge told of.
        clicks.store_loss(connection, journal, run.first_lost, LossRecord(run.lost, now_ms, now_ms))
    for _ in range(run.unreadable):
        deliveries.count_rejection(connection, "fold", "unknown_record")


def _try_to_store_hit(connection: sa.Connection, sealer: ClickSealer, record: HitRecord) -> None:
    """Store a hit, or count one that cannot be: no hit stops a journal and all the clicks in it."""
    try:
        with connection.begin_nested():
            _store_hit(connection, sealer, record)
    except Exception as error:
        if is_passing(error) or isinstance(error, JobTimeoutException):
            raise
        log.error("hit_not_stored", emp_id=record.emp_id, error=describe(error))
        deliveries.count_rejection(connection, "pixel", "unstorable")


def _signals(record: ClickRecord) -> Signal:
    signals, network = agent_signals(record.signals, record.agent), network_signal(record.address)
    return signals | network if network is not NO_NETWORK else signals


def _store_hit(connection: sa.Connection, sealer: ClickSealer, record: HitRecord) -> None:
    account = accounts.hold_account(connection, record.emp_id)
    if account is None:
        deliveries.count_rejection(connection, "pixel", "unknown_account")
        return
    hit, ignored = _read_hit(record, account)
    signed = record.signed
    if not ignored:
        # Again, because the edge may not have known the account's secret or currency yet.
        place = pixel_secret_place(account.emp_id)
        secret = bytes.fromhex(sealer.keys.open(place, account.pixel_secret))
        signed = bool(secret and hit.signature) and is_signed(secret, hit)
        if secret and hit.signature and not signed and hit.is_readable:
            ignored = "bad_signature"
        elif account.pixel_signed and not signed:
            ignored = "unsigned"
    token, click = _open(sealer, account.emp_id, record.cookie, hit.click)
    if click and _refused(connection, click):
        token, click = "", None
    stored = hits.StoredHit(record.id, hit, token, signed, ignored)
    since = shops.connected_since(connection, account.emp_id)
    if not ignored and (since is None or stored.hit_at < since):
        # Where a shop is connected a hit is evidence: only what makes money must be readable.
        ignored = "" if hit.is_readable else hit.problem
        order_id = "" if ignored else hits.pixel_order_id(connection, account, hit, click)
        stored = replace(stored, ignored=ignored, order_id=order_id)
    its_hits = hits.hits_making(connection, account.emp_id, stored.order_id) if stored.order_id else []
    if stored.order_id and (reason := _out_of_bounds(account, stored, its_hits)):
        stored = replace(stored, ignored=reason, order_id="")
    if stored.problem:
        deliveries.count_rejection(connection, "pixel", stored.problem)
    if not hits.store_hit(connection, stored) or stored.ignored:
        return
    if stored.order_id:
        shop = shops.shop_of_account(connection, account.emp_id, "pixel", stored.hit_at)
        order = hits.order_from_hits(account, stored.order_id, [*its_hits, stored])
        orders.store_order(connection, shop.id, account.emp_id, order, "", always=True)
    if hit.order:
        requeue_orders_of_pixel_hit(connection, account.emp_id, hit.order)


def _out_of_bounds(
    account: accounts.Account, stored: hits.StoredHit, its_hits: Sequence[hits.StoredHit]
) -> str:
    """Why the order that a hit makes together with others cannot be one; empty when it can."""
    if stored.id in {hit.id for hit in its_hits}:
        return ""  # folded before
    if len(its_hits) >= MAX_HITS:
        return "too_many_hits"
    # Line by line, whatever the account takes their amounts for now: it may choose anew.
    by_line = replace(account, pixel_amount="line")
    try:
        check_order(hits.order_from_hits(by_line, stored.order_id, [*its_hits, stored]), datetime.now(UTC))
    except (OutOfBounds, BadMoney) as error:
        return error.reason
    return ""


def _refused(connection: sa.Connection, click: Click) -> bool:
    """Whether the contact of a token refused to be followed."""
    if is_digest(click.contact):
        # Too long for the token; the click's row has it whole, or empty when its contact had refused.
        stored = clicks.get_clicks(connection, [click.id]).get(click.id)
        click = stored.click if stored else click
        if not click.contact:
            return True
    return bool(opted_out_among(connection, click.emp_id, [click.contact]))


def _read_hit(record: HitRecord, account: Account) -> tuple[Hit, str]:
    """The hit as the account's currency says, and why it is ignored; what is unreadable is judged later."""
    ignored = "" if record.ignored in UNREADABLE else record.ignored
    try:
        return parse_hit(record.query, {account.emp_id: account.currency}), ignored
    except BadHit as bad:
        return Hit(record.emp_id), ignored or bad.reason


def _open(sealer: ClickSealer, emp_id: int, *tokens: str) -> tuple[str, Click | None]:
    """The first of these click tokens that opens and is of this account, and its click."""
    for token in tokens:
        with suppress(BadClickToken):
            click = sealer.open(token)
            if click.emp_id == emp_id:
                return token, click
    return "", None
