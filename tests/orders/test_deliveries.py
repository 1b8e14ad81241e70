"""A delivery is stored once, what two have in common is stored once, and each reads as it came."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.orders import deliveries
from salepixel.orders.deliveries import Form, StoredDelivery
from salepixel.orders.packing import Damaged
from salepixel.orders.store import store_order
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.make import NOON, order

SECOND = timedelta(seconds=1)
HEADERS = {"saleor-event": "order_updated", "saleor-signature": "e30..c2ln"}


def body_of(event: str, *, issued: int = 0, **content: Any) -> bytes:
    order_of_shop = {"id": "O1", "lines": [{"productName": f"Shoes {n}", "quantity": n} for n in range(20)]}
    head = {"__typename": event, "issuedAt": (NOON + issued * SECOND).isoformat()}
    return json.dumps({**head, "order": order_of_shop | content}).encode()


def receive(database: Database, body: bytes, event: str = "order_updated", at: datetime = NOON) -> str:
    """What the webhook does with a delivery of order O1; gives its digest."""
    digest = deliveries.delivery_digest("https://a.test/", event, body)
    with database.write() as connection:
        stored = deliveries.store_delivery(
            connection,
            digest=digest,
            shop_id="s1",
            event=event,
            headers=HEADERS | {"saleor-event": event},
            body=body,
            at=at,
            like=connection.scalar(sa.select(schema.orders.c.delivery)) or "",
        )
        if stored:
            store_order(connection, "s1", 1, replace(order(), updated_at=at, issued_at=at), digest)
    return digest


def read(database: Database, digest: str) -> StoredDelivery:
    with database.read() as connection:
        found = deliveries.read_delivery(connection, digest)
    assert found is not None
    return found


def rows(database: Database) -> dict[str, Any]:
    with database.read() as connection:
        return {row.digest: row for row in connection.execute(sa.select(schema.deliveries))}


def test_a_snapshot_that_comes_as_other_events_is_stored_once_and_each_reads_as_it_came(
    database: Database,
) -> None:
    events = ("OrderCreated", "OrderConfirmed", "OrderUpdated", "OrderFullyPaid")
    bodies = [body_of(event, issued=n) for n, event in enumerate(events)]
    digests = [
        receive(database, body, event, NOON + n * SECOND)
        for n, (event, body) in enumerate(zip(events, bodies, strict=True))
    ]
    kept = rows(database)
    assert [kept[digest].same_as for digest in digests] == [None, *[digests[0]] * 3]
    assert all(len(kept[digest].body) < len(kept[digests[0]].body) for digest in digests[1:])
    for digest, event, body in zip(digests, events, bodies, strict=True):
        found = read(database, digest)
        assert (found.event, found.headers["saleor-event"], found.body) == (event, event, body)
        assert deliveries.delivery_digest("https://a.test/", event, found.body) == digest


def test_another_snapshot_is_stored_by_itself(database: Database) -> None:
    first = receive(database, body_of("OrderCreated"))
    changed = body_of("OrderUpdated", note="x" * deliveries.MAX_BEGINNING)
    other = body_of("OrderUpdated", lines=[])
    for n, body in enumerate((changed, other), 1):
        digest = receive(database, body, at=NOON + n * SECOND)
        assert rows(database)[digest].same_as is None
        assert read(database, digest).body == body
    assert read(database, first).body == body_of("OrderCreated")


def test_a_delivery_that_comes_again_is_known_and_changes_nothing(database: Database) -> None:
    bodies = [body_of("OrderCreated"), body_of("OrderUpdated"), body_of("OrderPaid", paid=True)]
    digests = [receive(database, body, at=NOON + n * SECOND) for n, body in enumerate(bodies)]
    before = rows(database)
    for n, body in enumerate(bodies):
        receive(database, body, at=NOON + (10 + n) * SECOND)
    assert rows(database) == before
    assert [read(database, digest).body for digest in digests] == bodies


def test_the_same_body_as_two_events_is_two_deliveries(database: Database) -> None:
    """The shop signs the body alone; an API's callers may send one body twice."""
    digests = [receive(database, body_of("OrderUpdated"), event) for event in ("order_updated", "other")]
    assert len(rows(database)) == 2
    assert [read(database, digest).body for digest in digests] == [body_of("OrderUpdated")] * 2


def test_deliveries_at_the_same_time_are_each_stored_once(database: Database) -> None:
    bodies = [body_of("OrderUpdated", issued=n) for n in range(4)]
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(lambda body: receive(database, body), bodies * 4))
    assert len(rows(database)) == len(bodies)
    assert [read(database, digest).body for digest in digests] == bodies * 4


def test_an_end_is_not_looked_for_in_a_delivery_of_long_ago(database: Database) -> None:
    """Both are to be deleted by their age."""
    receive(database, body_of("OrderCreated"))
    at = NOON + deliveries.ALIKE_WITHIN
    soon = receive(database, body_of("OrderUpdated"), at=at)
    assert rows(database)[soon].same_as is not None
    late = receive(database, body_of("OrderPaid"), at=at + SECOND)
    assert rows(database)[late].same_as is None


class TestDamage:
    """A damaged delivery is logged and counted; the next one is stored anyway."""

    @pytest.fixture
    def damaged(self, database: Database) -> str:
        digest = receive(database, body_of("OrderCreated"))
        with database.write() as connection:
            connection.execute(sa.update(schema.deliveries).values(body=b"x\x9c damaged"))
        return digest

    def test_it_raises_damaged(self, database: Database, damaged: str) -> None:
        with database.read() as connection, pytest.raises(Damaged):
            deliveries.read_delivery(connection, damaged)

    def test_the_next_delivery_of_its_order_is_stored_whole_and_it_is_counted(
        self, database: Database, damaged: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        body = body_of("OrderUpdated")
        digest = receive(database, body, at=NOON + SECOND)
        assert read(database, digest).body == body
        with database.read() as connection:
            counts = deliveries.sum_rejections(connection)
        assert counts == {("deliveries", "damaged"): 1}

    def test_a_delivery_whose_end_was_deleted_raises_damaged(self, database: Database) -> None:
        first = receive(database, body_of("OrderCreated"))
        second = receive(database, body_of("OrderUpdated"), at=NOON + SECOND)
        with database.write() as connection:
            connection.execute(sa.delete(schema.deliveries).where(schema.deliveries.c.digest == first))
        with database.read() as connection, pytest.raises(Damaged, match="deleted"):
            deliveries.read_delivery(connection, second)


def test_an_erased_delivery_and_those_with_its_end_have_nothing_of_the_person(database: Database) -> None:
    """Their digests stay, so that a retry does not bring the person back."""
    bodies = [body_of(event, userEmail="ana@example.com") for event in ("OrderCreated", "OrderUpdated")]
    first, second = (receive(database, body, at=NOON + n * SECOND) for n, body in enumerate(bodies))
    assert rows(database)[second].same_as == first
    with database.write() as connection:
        deliveries.erase_in_delivery(connection, first, {}, b'{"order": {"id": "O1"}}')
    for digest in (first, second):
        found = read(database, digest)
        assert (found.body, found.erased) == (b'{"order": {"id": "O1"}}', True)
    before = rows(database)
    for n, body in enumerate(bodies):
        receive(database, body, at=NOON + n * SECOND)
    assert rows(database) == before
    later = receive(database, body_of("OrderPaid"), at=NOON + 9 * SECOND)
    assert rows(database)[later].same_as is None, "nothing refers to what was erased"


def test_deliveries_of_an_earlier_version_read_as_they_came_before_and_after_they_are_packed(
    database: Database,
) -> None:
    bodies = {f"d{n}": body_of("OrderUpdated", issued=n) for n in range(5)}
    with database.write() as connection:
        connection.execute(
            sa.insert(schema.deliveries),
            [
                {"digest": digest, "shop_id": "s1", "event": "order_updated", "unread": ""}
                | {"headers": json.dumps(HEADERS), "body": body, "received_at": NOON}
                for digest, body in bodies.items()
            ],
        )
    expected = {digest: (HEADERS, body, False) for digest, body in bodies.items()}

    def found() -> dict[str, Any]:
        read_now = {digest: read(database, digest) for digest in bodies}
        return {digest: (one.headers, one.body, one.erased) for digest, one in read_now.items()}

    assert found() == expected
    packed = []
    while True:
        with database.write() as connection:
            if not deliveries.has_plain(connection):
                break
            packed.append(deliveries.pack_older(connection, 2))
        assert found() == expected
    assert packed == [2, 2, 1]
    with database.write() as connection:
        assert deliveries.pack_older(connection, 2) == 0
    assert {row.form for row in rows(database).values()} == {Form.PACKED}


@pytest.mark.parametrize("text", ['{"a": ', "[]", ""], ids=["cut", "a list", "nothing"])
def test_damaged_headers_of_an_earlier_version_stop_neither_a_sweep_nor_the_next_delivery(
    database: Database, text: str
) -> None:
    first = receive(database, body_of("OrderCreated"))
    with database.write() as connection:
        plain = {"form": Form.PLAIN, "headers": text, "body": body_of("OrderCreated")}
        connection.execute(sa.update(schema.deliveries).values(plain))
    second = receive(database, body_of("OrderUpdated"), at=NOON + SECOND)
    with database.write() as connection:
        assert deliveries.pack_older(connection, 9) == 1
        assert not deliveries.has_plain(connection)
    found = read(database, first)
    assert (found.headers, found.body) == ({"damaged": text}, body_of("OrderCreated"))
    assert read(database, second).body == body_of("OrderUpdated")


def test_the_next_delivery_may_have_its_end_in_one_of_an_earlier_version(database: Database) -> None:
    first = receive(database, body_of("OrderCreated"))
    with database.write() as connection:
        plain = {"form": Form.PLAIN, "headers": json.dumps(HEADERS), "body": body_of("OrderCreated")}
        connection.execute(sa.update(schema.deliveries).values(plain))
    second = receive(database, body_of("OrderUpdated"), at=NOON + SECOND)
    assert rows(database)[second].same_as == first
    with database.write() as connection:
        deliveries.pack_older(connection, 9)
    assert read(database, second).body == body_of("OrderUpdated")


def test_unread_deliveries_are_listed_newest_first(database: Database) -> None:
    with database.write() as connection:
        for n, why in enumerate(("", "no_order", "no_lines no_order")):
            deliveries.store_delivery(
                connection,
                digest=str(n),
                shop_id="s1",
                event="order_updated",
                headers=HEADERS,
                body=b"{}",
                at=NOON + n * SECOND,
                unread=why,
            )
        listed = deliveries.list_unread(connection, 9)
    assert [(digest, why) for digest, *_, why in listed] == [("2", "no_lines no_order"), ("1", "no_order")]


@given(st.binary(max_size=50), st.binary(max_size=50), st.binary(max_size=100))
def test_the_common_end_of_two_bodies_is_the_longest(one: bytes, other: bytes, end: bytes) -> None:
    alike = deliveries._common_end(one + end, other + end)
    assert alike >= len(end)
    assert (one + end)[len(one + end) - alike :] == (other + end)[len(other + end) - alike :]
    longer = alike + 1
    assert longer > min(len(one), len(other)) + len(end) or (one + end)[-longer:] != (other + end)[-longer:]
