"""A sale is told to another server until it took it: the same key each time, and only where allowed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
import sqlalchemy as sa
from freezegun import freeze_time

from salepixel.clicks import ClickSealer
from salepixel.storage import outbox, schema
from salepixel.storage.database import Database
from salepixel_worker.forward import RETRY_AFTER, forward_due
from salepixel_worker.reconcile import fill_template
from tests.make import NOON, click_at, order
from tests.worker.world import HOUR, World

TEMPLATE = (
    "https://track.mdrctr.com/track/sale?empId={empId}&PRODUCTO={item}&CANTIDAD={quantity}&IMPORTE={amount}"
)
ALLOWED = frozenset({"track.mdrctr.com"})


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def sold(database: Database, sealer: ClickSealer, **account: Any) -> World:
    world = World(database, sealer, forward_url=TEMPLATE, hosted_emp_id="4711", **account)
    world.connect()
    world.order(order(click_token=sealer.seal(click_at(NOON - HOUR))))
    world.report()
    return world


def states(database: Database) -> set[tuple[str, int, str]]:
    with database.read() as connection:
        return {(row.state, row.attempts, row.answer) for row in connection.execute(sa.select(schema.outbox))}


def test_each_line_is_told_once(
    database: Database, sealer: ClickSealer, mocked: responses.RequestsMock
) -> None:
    mocked.get("https://track.mdrctr.com/track/sale", status=200)
    world = sold(database, sealer)
    assert forward_due(database, ALLOWED) == 2
    world.order(order(updated_at=NOON + HOUR, click_token=sealer.seal(click_at(NOON - HOUR))))
    world.report()
    assert forward_due(database, ALLOWED) == 0
    assert sorted(str(call.request.url).partition("?")[2] for call in mocked.calls) == [
        "empId=4711&PRODUCTO=Laces&CANTIDAD=1&IMPORTE=20.00",
        "empId=4711&PRODUCTO=Red%20shoes&CANTIDAD=2&IMPORTE=39.80",
    ]


def test_an_order_can_be_told_as_one(
    sqlite: Database, sealer: ClickSealer, mocked: responses.RequestsMock
) -> None:
    mocked.get("https://track.mdrctr.com/track/sale", status=204)
    sold(sqlite, sealer, forward_per="order")
    assert forward_due(sqlite, ALLOWED) == 1
    (call,) = mocked.calls
    assert "PRODUCTO=Red%20shoes%2C%20Laces&CANTIDAD=3&IMPORTE=59.80" in str(call.request.url)


def test_trouble_is_tried_again_later_under_the_same_key(
    sqlite: Database, sealer: ClickSealer, mocked: responses.RequestsMock
) -> None:
    mocked.get("https://track.mdrctr.com/track/sale", status=503)
    mocked.get("https://track.mdrctr.com/track/sale", body=requests.ConnectionError())
    mocked.get("https://track.mdrctr.com/track/sale", status=200)
    now = datetime.now(UTC)
    with freeze_time(now) as clock:
        sold(sqlite, sealer, forward_per="order")
        clock.move_to(now + timedelta(seconds=1))
        assert forward_due(sqlite, ALLOWED) == 0
        assert forward_due(sqlite, ALLOWED) == 0, "not before its time"
        assert states(sqlite) == {("waiting", 1, "503")}
        clock.tick(RETRY_AFTER[0])
        forward_due(sqlite, ALLOWED)
        assert states(sqlite) == {("waiting", 2, "ConnectionError")}
        clock.tick(RETRY_AFTER[1])
        assert forward_due(sqlite, ALLOWED) == 1
    assert len({call.request.headers["Idempotency-Key"] for call in mocked.calls}) == 1


@pytest.mark.parametrize("status", [301, 302, 400, 404, 410])
def test_an_answer_that_will_not_change_is_not_asked_for_again(
    sqlite: Database, sealer: ClickSealer, mocked: responses.RequestsMock, status: int
) -> None:
    mocked.get(
        "https://track.mdrctr.com/track/sale", status=status, headers={"Location": "http://127.0.0.1/"}
    )
    sold(sqlite, sealer, forward_per="order")
    assert forward_due(sqlite, ALLOWED) == 0
    assert states(sqlite) == {("dead", 1, str(status))}
    assert len(mocked.calls) == 1


def test_what_was_given_up_is_sent_again_under_the_same_key_and_with_all_its_attempts(
    sqlite: Database, sealer: ClickSealer, mocked: responses.RequestsMock
) -> None:
    now = datetime.now(UTC)
    with freeze_time(now + timedelta(seconds=1)) as clock:
        mocked.get("https://track.mdrctr.com/track/sale", status=404)
        sold(sqlite, sealer, forward_per="order")
        forward_due(sqlite, ALLOWED)
        with sqlite.write() as connection:
            (letter,) = outbox.list_dead(connection, None, 10, None)
            assert letter.given_up_at == datetime.now(UTC)
            assert outbox.try_again(connection, None, datetime.now(UTC)) == 1
        mocked.upsert("GET", "https://track.mdrctr.com/track/sale", status=503)
        forward_due(sqlite, ALLOWED)
        assert states(sqlite) == {("waiting", 1, "503")}
        clock.tick(RETRY_AFTER[0])
        mocked.upsert("GET", "https://track.mdrctr.com/track/sale", status=200)
        assert forward_due(sqlite, ALLOWED) == 1
    assert {call.request.headers["Idempotency-Key"] for call in mocked.calls} == {letter.id}


def test_no_request_goes_to_a_host_that_the_operator_did_not_allow(
    sqlite: Database, sealer: ClickSealer, mocked: responses.RequestsMock
) -> None:
    sold(sqlite, sealer, forward_per="order")
    assert forward_due(sqlite, frozenset({"other.test"})) == 0
    ((state, _, answer),) = states(sqlite)
    assert (state, "SALEPIXEL_FORWARD_HOSTS" in answer, len(mocked.calls)) == ("dead", True, 0)


def test_words_are_quoted_and_other_braces_kept() -> None:
    filled = fill_template("https://x.test/?a={item}&b={other}", {"item": "a&b={empId}/é"})
    assert filled == "https://x.test/?a=a%26b%3D%7BempId%7D%2F%C3%A9&b={other}"
