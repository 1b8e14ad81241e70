"""A sale is sent to an allowed server until it is accepted, with the same key each time."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from freezegun import freeze_time

from salepixel.clicks.tokens import ClickSealer
from salepixel.destinations import forward, outbox
from salepixel.destinations.announce import fill_template
from salepixel.destinations.forward import RETRY_AFTER, forward_due, forward_to
from salepixel.storage import schema
from salepixel.storage.database import Database
from tests.far_host import FarHost, answers, breaks_off, holds, is_silent
from tests.make import NOON, click_at, order
from tests.worker.world import HOUR, World

PATH = "/track/sale"
TEMPLATE = PATH + "?empId={empId}&PRODUCTO={item}&CANTIDAD={quantity}&IMPORTE={amount}"
ALLOWED = frozenset({"127.0.0.1"})


@pytest.fixture
def host() -> Iterator[FarHost]:
    """The hosted pixel's server."""
    with FarHost() as opened:
        yield opened


def sold(database: Database, sealer: ClickSealer, host: FarHost, **account: Any) -> World:
    world = World(database, sealer, forward_url=host.url + TEMPLATE, hosted_emp_id="4711", **account)
    world.connect()
    world.order(order(click_token=sealer.seal(click_at(NOON - HOUR))))
    world.report()
    return world


def states(database: Database) -> set[tuple[str, int, str]]:
    with database.read() as connection:
        return {(row.state, row.attempts, row.answer) for row in connection.execute(sa.select(schema.outbox))}


def test_each_line_is_forwarded_once(database: Database, sealer: ClickSealer, host: FarHost) -> None:
    host.answers[PATH] = answers(200)
    world = sold(database, sealer, host)
    assert forward_due(database, ALLOWED) == 2
    world.order(order(updated_at=NOON + HOUR, click_token=sealer.seal(click_at(NOON - HOUR))))
    world.report()
    assert forward_due(database, ALLOWED) == 0
    assert sorted(request.target.partition("?")[2] for request in host.requests) == [
        "empId=4711&PRODUCTO=Laces&CANTIDAD=1&IMPORTE=20.00",
        "empId=4711&PRODUCTO=Red%20shoes&CANTIDAD=2&IMPORTE=39.80",
    ]


def test_an_order_can_be_forwarded_as_one_sale(sqlite: Database, sealer: ClickSealer, host: FarHost) -> None:
    host.answers[PATH] = answers(204)
    sold(sqlite, sealer, host, forward_per="order")
    assert forward_due(sqlite, ALLOWED) == 1
    (request,) = host.requests
    assert "PRODUCTO=Red%20shoes%2C%20Laces&CANTIDAD=3&IMPORTE=59.80" in request.target


def test_a_transient_failure_is_retried_later_with_the_same_key(
    sqlite: Database, sealer: ClickSealer, host: FarHost
) -> None:
    host.answers[PATH] = answers(503)
    now = datetime.now(UTC)
    with freeze_time(now) as clock:
        sold(sqlite, sealer, host, forward_per="order")
        clock.move_to(now + timedelta(seconds=1))
        assert forward_due(sqlite, ALLOWED) == 0
        assert forward_due(sqlite, ALLOWED) == 0, "not before its time"
        assert states(sqlite) == {("waiting", 1, "503")}
        clock.tick(RETRY_AFTER[0])
        host.answers[PATH] = breaks_off
        forward_due(sqlite, ALLOWED)
        assert states(sqlite) == {("waiting", 2, "unreachable")}
        clock.tick(RETRY_AFTER[1])
        host.answers[PATH] = answers(200)
        assert forward_due(sqlite, ALLOWED) == 1
    assert len({request.headers["idempotency-key"] for request in host.requests}) == 1


@pytest.mark.parametrize("status", [301, 302, 400, 404, 410])
def test_a_permanent_rejection_is_not_retried(
    sqlite: Database, sealer: ClickSealer, host: FarHost, status: int
) -> None:
    host.answers[PATH] = answers(status, Location="http://127.0.0.1/")
    sold(sqlite, sealer, host, forward_per="order")
    assert forward_due(sqlite, ALLOWED) == 0
    assert states(sqlite) == {("dead", 1, str(status))}
    assert len(host.requests) == 1


def test_a_requeued_dead_letter_keeps_its_key_and_gets_all_attempts_again(
    sqlite: Database, sealer: ClickSealer, host: FarHost
) -> None:
    now = datetime.now(UTC)
    with freeze_time(now + timedelta(seconds=1)) as clock:
        host.answers[PATH] = answers(404)
        sold(sqlite, sealer, host, forward_per="order")
        forward_due(sqlite, ALLOWED)
        with sqlite.write() as connection:
            (letter,) = outbox.list_dead(connection, None, 10, None)
            assert letter.given_up_at == datetime.now(UTC)
            assert outbox.retry_forwards(connection, None, datetime.now(UTC)) == 1
        host.answers[PATH] = answers(503)
        forward_due(sqlite, ALLOWED)
        assert states(sqlite) == {("waiting", 1, "503")}
        clock.tick(RETRY_AFTER[0])
        host.answers[PATH] = answers(200)
        assert forward_due(sqlite, ALLOWED) == 1
    assert {request.headers["idempotency-key"] for request in host.requests} == {letter.id}


def test_no_request_goes_to_a_host_that_the_operator_did_not_allow(
    sqlite: Database, sealer: ClickSealer, host: FarHost
) -> None:
    sold(sqlite, sealer, host, forward_per="order")
    assert forward_due(sqlite, frozenset({"other.test"})) == 0
    ((state, _, answer),) = states(sqlite)
    assert (state, "SALEPIXEL_FORWARD_HOSTS" in answer, len(host.requests)) == ("dead", True, 0)


def test_placeholders_are_url_encoded_and_other_braces_kept() -> None:
    filled = fill_template("https://x.test/?a={item}&b={other}", {"item": "a&b={empId}/é"})
    assert filled == "https://x.test/?a=a%26b%3D%7BempId%7D%2F%C3%A9&b={other}"


OTHER = "localhost"  # another host by its name


def to_other(database: Database, host: FarHost, count: int) -> None:
    """This many orders are waiting to be sent to the other host, one after the other."""
    url = host.url.replace("127.0.0.1", OTHER)
    with database.write() as connection:
        for number in range(count):
            at = NOON - HOUR + timedelta(seconds=number)
            outbox.announce_order(connection, 1, "s", f"{number}", {"": f"{url}/{number}"}, at)


def test_while_one_host_is_slow_the_sales_of_others_are_sent(
    database: Database, sealer: ClickSealer, host: FarHost
) -> None:
    asked, over = threading.Event(), threading.Event()
    host.answers |= {"/0": holds(asked, over), PATH: answers(200)}
    sold(database, sealer, host)
    to_other(database, host, 30)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(forward_to, database, OTHER, ALLOWED | {OTHER})
        asked.wait()
        assert forward_to(database, "127.0.0.1", ALLOWED | {OTHER}) == (2, True)
        assert not slow.done()
        over.set()
    assert slow.result() == (0, False)


def test_sales_for_an_unresponsive_host_keep_their_position_and_attempts(
    database: Database, host: FarHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "TIMEOUT_SECONDS", 0.3)
    to_other(database, host, 3)
    host.answers["*"] = is_silent
    assert forward_to(database, OTHER, {OTHER}) == (0, False)
    assert states(database) == {("waiting", 1, "too_slow"), ("waiting", 0, "")}
    assert len(host.requests) == 1
    host.answers["*"] = answers(200)
    monkeypatch.undo()
    assert forward_to(database, OTHER, {OTHER}) == (2, True)
    assert [request.target for request in host.requests] == ["/0", "/1", "/2"]


def test_addresses_of_unlisted_hosts_share_one_queue(sqlite: Database, host: FarHost) -> None:
    to_other(sqlite, host, 1)
    with sqlite.write() as connection:
        connection.execute(sa.update(schema.outbox).values(url="http://a@evil.test/"))
        urls = ["HTTPS://A.test/", "http://a.test:80/", "http://a_test/", "http://b.test?a.test/"]
        for number, url in enumerate(urls):
            outbox.announce_order(connection, 1, "s", f"other {number}", {"": url}, NOON)

        def claim(host: str) -> set[str]:
            claimed = outbox.claim_outgoing(connection, NOON, NOON, 9, host, ["a.test", "a"])
            return {outgoing.url for outgoing in claimed}

        assert claim("a.test") == set(urls[:2])
        assert claim("a") == set()
        assert claim("") == {"http://a@evil.test/", *urls[2:]}
