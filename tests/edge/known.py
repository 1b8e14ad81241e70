"""A running edge with accounts, and the records in its journals."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from salepixel.clicks.records import Record, unpack_payload
from salepixel.keys import Keys, pixel_secret_place
from salepixel.wire.directory import DIRECTORY_KEY, Directory, contact_digest
from salepixel.wire.redis import open_redis
from salepixel.wire.streams import read_frames
from tests.edge.running import RunningEdge
from tests.waiting import until

SECRET = bytes(range(16))
DIRECTORY = Directory(
    {7: ("Track.Shop.test", ""), 8: ("", ""), 9: ("", "")},
    frozenset({9}),
    currencies={7: "EUR", 8: "EUR", 9: "EUR"},
    opted_out={7: frozenset({contact_digest("who refusé".encode()), contact_digest(b"c9")})},
    tags={7: frozenset({"-CONTACTID-", "[ID]", "%id%", "{ID}", "$ID$", "@ID@", "CONTACTO"})},
    link_hosts={7: frozenset({"shop.test", "*.shop.test"})},
)


def with_secrets(keys: Keys) -> Directory:
    sealed = {emp_id: ("", keys.seal(pixel_secret_place(emp_id), SECRET.hex())) for emp_id in (8, 9)}
    erased = {7: frozenset({keys.hash_erased(7, "contact", "érased")})}
    return replace(DIRECTORY, accounts=DIRECTORY.accounts | sealed, erased=erased)


@contextmanager
def edge_that_knows_accounts(redis_address: str, keys: Keys, folder: Path) -> Iterator[RunningEdge]:
    """A running edge that knows three accounts; its exit is checked."""
    redis = open_redis(redis_address)
    redis.flushall()
    redis.set(DIRECTORY_KEY, with_secrets(keys).to_json())
    redis.close()
    running = RunningEdge(folder, redis_address, keys)
    running.start()
    running.wait_for("redis", "ok")
    unknown = "ignored; unknown_account"
    assert until(lambda: running.get("/track/sale?empId=66").header("x-salepixel") == unknown)
    yield running
    assert running.terminate() == 0


def journaled(edge: RunningEdge) -> list[Record]:
    """All records of an edge's journals, from the disk."""
    records = []
    for segment in sorted((edge.data / "journal").glob("*/*.seg")):
        records += [unpack_payload(payload) for _, payload, _ in read_frames(segment.read_bytes())]
    return records
