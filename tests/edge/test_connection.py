"""HTTP at the edge: one request at a time, within limits, and all are answered when it stops."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from salepixel.campaigns.links import Link, LinkSealer
from salepixel.keys import Keys
from salepixel.wire.directory import DIRECTORY_KEY, Directory
from salepixel_edge.connection import (
    IDLE_SECONDS,
    MAX_HEAD_BYTES,
    NEW_SECONDS,
    Connection,
    Connections,
)
from salepixel_edge.request import Request, read_address, read_cookie
from tests.edge.running import RunningEdge, Valkey
from tests.make import CAMPAIGN, LINK
from tests.waiting import PATIENCE_SECONDS, until


class Wire:
    """A transport without a network: records what was written and whether it was closed."""

    def __init__(self) -> None:
        self.sent = b""
        self.closed = self.reading_paused = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return ("192.0.2.1", 1)

    def pause_reading(self) -> None:
        self.reading_paused = True

    def resume_reading(self) -> None:
        self.reading_paused = False


class Slow:
    """Answers on request of the test."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.connections: list[Connection] = []

    def handle(self, request: Request, connection: Connection) -> None:
        self.asked.append(request)
        self.connections.append(connection)


def connect(limit: int = 10) -> tuple[Connections, Slow, Connection, Wire]:
    slow, wire = Slow(), Wire()
    connections = Connections(slow, limit)
    connection = connections.make()
    connection.connection_made(wire)  # type: ignore[arg-type]  # as much of a transport as is used
    return connections, slow, connection, wire


def get(path: str, *headers: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (f"GET {path} HTTP/1.1", "Host: x", *headers, "")).encode()


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_head_may_arrive_in_pieces(cut: int) -> None:
    _, slow, connection, _ = connect()
    data = get("/c/abc?k=ana", "User-Agent: Firefox", "X-Odd: a: b")
    for piece in (data[:cut], data[cut : cut + 1], data[cut + 1 :]):
        connection.data_received(piece) if piece else None
    (request,) = slow.asked
    assert (request.method, request.path, request.query) == (b"GET", b"/c/abc", b"k=ana")
    assert request.headers == {b"host": b"x", b"user-agent": b"Firefox"}, "others are not kept"
    assert request.address == b"192.0.2.1"


def test_headers_do_not_leak_into_the_next_request() -> None:
    _, slow, connection, _ = connect()
    connection.data_received(get("/1", "Sec-GPC: 1"))
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    connection.data_received(get("/2"))
    assert slow.asked[0].headers == {b"host": b"x", b"sec-gpc": b"1"}
    assert slow.asked[1].headers == {b"host": b"x"}


@pytest.mark.parametrize(
    "names",
    [
        ("X-Forwarded-For", "X-Forwarded-For"),
        ("x-forwarded-for", "X-Forwarded-For", "x-forwarded-for"),
        ("X-FORWARDED-FOR", "x-Forwarded-For"),
    ],
)
def test_a_visitor_cannot_override_the_address_that_proxies_report(names: tuple[str, ...]) -> None:
    _, slow, connection, _ = connect()
    lines = [f"{name}: 192.0.2.{number}" for number, name in enumerate(names)]
    connection.data_received(get("/", *lines, "User-Agent: x"))
    for proxies in range(1, len(names) + 1):  # each may add a line of its own
        assert read_address(slow.asked[0], proxies) == b"192.0.2.%d" % (len(names) - proxies)


def test_the_last_of_repeated_headers_counts() -> None:
    _, slow, connection, _ = connect()
    connection.data_received(get("/", "SEC-gpc: 0", "Sec-GPC: 1"))
    assert slow.asked[0].headers == {b"host": b"x", b"sec-gpc": b"1"}


@pytest.mark.parametrize(
    ("version", "hosts", "taken"),
    [
        ("1.1", ["Host: x"], True),
        ("1.1", ["Host:"], True),
        ("1.1", [], False),
        ("1.1", ["Host: x", "Host: y"], False),
        ("1.1", ["Host: x", "HOST: x"], False),
        ("1.0", [], True),
        ("1.0", ["Host: x", "host: y"], False),
    ],
)
def test_a_request_names_one_host(version: str, hosts: list[str], taken: bool) -> None:
    """RFC 9112, 3.2: a proxy may have used another one than we would."""
    _, slow, connection, wire = connect()
    connection.data_received("\r\n".join([f"GET / HTTP/{version}", *hosts, "", ""]).encode())
    assert bool(slow.asked) is taken
    assert wire.sent[9:12] == (b"" if taken else b"400")
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n") if taken else None
    if not wire.closed:
        connection.data_received(get("/2"))
        assert len(slow.asked) == 2, "of the next request it counts anew"


@pytest.mark.parametrize("cut", [None, 14, 15, 16])
def test_non_ascii_targets_are_read_as_browsers_would_encode_them(cut: int | None) -> None:
    _, slow, connection, _ = connect()
    data = "GET /ñ?k=Peña HTTP/1.1\r\nHost: x\r\nCookie: a=ñ; spx7=b\r\n\r\n".encode()
    for piece in (data[:cut], data[cut:]) if cut else (data,):
        connection.data_received(piece)
    (request,) = slow.asked
    assert (request.path, request.query) == (b"/%C3%B1", b"k=Pe%C3%B1a")
    assert read_cookie(request.headers, b"spx7") == "b"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/c/a?k=b?c", b"/c/a", b"k=b?c"),
        ("http://evil.test/c/a?k=b", b"/c/a", b"k=b"),
        ("http://evil.test", b"/", b""),
        ("/", b"/", b""),
    ],
)
def test_the_target_may_be_an_absolute_url(target: str, path: bytes, query: bytes) -> None:
    _, slow, connection, _ = connect()
    connection.data_received(get(target))
    assert (slow.asked[0].path, slow.asked[0].query) == (path, query)


@pytest.mark.parametrize(
    ("headers", "version", "closes"),
    [((), "1.1", False), (("Connection: close",), "1.1", True), (("Connection: keep-alive",), "1.0", True)],
)
def test_a_connection_is_kept_open_unless_the_client_asks_to_close_it(
    headers: tuple[str, ...], version: str, closes: bool
) -> None:
    _, _, connection, wire = connect()
    connection.data_received(get("/", *headers).replace(b"HTTP/1.1", f"HTTP/{version}".encode()))
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    assert wire.closed is closes
    assert (b"connection: close\r\n" in wire.sent) is closes


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"rubbish\r\n\r\n", b"400"),
        (get("/") + b"rubbish\r\n\r\n", b""),
        (get("/", "Content-Length: 3") + b"abc", b"400"),
        (get("/", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n", b"400"),
        (get("/", "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n", b"400"),
        (get("/", "Transfer-Encoding: chunked") + b"0\r\n\r\n", b"400"),
        (get("/", "TRANSFER-Encoding: chunked") + b"0\r\nX-Forwarded-For: 192.0.2.66\r\n\r\n", b"400"),
        (get("/" + "x" * MAX_HEAD_BYTES), b"431"),
        (get("/", "Cookie: " + "x" * MAX_HEAD_BYTES), b"431"),
        (b"\x16\x03\x01\x02\x00", b"400"),
    ],
)
def test_an_invalid_request_closes_the_connection(data: bytes, status: bytes) -> None:
    _, slow, connection, wire = connect()
    connection.data_received(data)
    if status:
        assert wire.closed
        assert wire.sent.split()[1] == status
        assert b"connection: close\r\n" in wire.sent
        assert slow.asked == []
    else:
        assert wire.sent == b"", "the request before it is answered first"
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        assert wire.closed
        assert wire.sent.split()[1] == b"200"


def test_an_upgrade_request_is_ignored_and_the_request_answered() -> None:
    _, slow, connection, wire = connect()
    connection.data_received(get("/c/x", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"))
    assert len(slow.asked) == 1
    connection.send(b"HTTP/1.1 404 Not Found\r\n\r\n")
    assert wire.sent.startswith(b"HTTP/1.1 404")
    assert wire.closed


@pytest.mark.parametrize(
    ("sent", "seconds", "overdue"),
    [
        (b"GET / HT", 9, False),
        (b"GET / HT", 11, True),
        (b"", 60, False),
        (b"", 80, True),
    ],
)
def test_a_slow_client_is_disconnected(sent: bytes, seconds: float, overdue: bool) -> None:
    connections, _, connection, wire = connect()
    if sent:
        connection.data_received(sent)
    assert connection.is_overdue(time.monotonic() + seconds) is overdue
    assert connections.open == {connection}
    connection.cut()
    assert wire.closed
    assert wire.sent.split()[1:2] == ([b"408"] if sent else [])


def test_a_client_that_waits_for_the_disk_is_not_disconnected() -> None:
    _, slow, connection, _ = connect()
    connection.data_received(get("/"))
    assert len(slow.asked) == 1
    assert not connection.is_overdue(time.monotonic() + IDLE_SECONDS * 2)


def test_connections_above_the_limit_are_refused_and_counted_until_one_closes() -> None:
    connections, slow, connection, _ = connect(limit=1)
    second, wire = connections.make(), Wire()
    second.connection_made(wire)  # type: ignore[arg-type]
    assert (wire.closed, wire.sent.split()[1], connections.refused) == (True, b"503", 1)
    connection.connection_lost(None)
    third, wire = connections.make(), Wire()
    third.connection_made(wire)  # type: ignore[arg-type]
    third.data_received(get("/"))
    assert len(slow.asked) == 1
    assert not wire.closed


def test_reading_pauses_while_a_client_does_not_read_its_answers() -> None:
    _, _, connection, wire = connect()
    states = []
    for change in (connection.pause_writing, connection.resume_writing):
        change()
        states.append(wire.reading_paused)
    assert states == [True, False]


@pytest.mark.parametrize("path", ["/2", "/" + "x" * 5000])
@pytest.mark.parametrize("many", [1, 1000])
@pytest.mark.parametrize("packet", ["same", "next", "split"])
def test_a_pipelined_request_closes_the_connection_after_the_current_answer(
    path: str, many: int, packet: str
) -> None:
    connections, slow, connection, wire = connect()
    first, more = get("/1"), get(path) * many
    cut = {"same": len(first + more), "next": len(first), "split": len(first) + 6}[packet]
    for piece in filter(None, ((first + more)[:cut], (first + more)[cut:])):
        connection.data_received(piece)
    closed = [wire.closed]
    connection.send(b"HTTP/1.1 302 Found\r\n\r\n")
    assert wire.sent == b"HTTP/1.1 302 Found\r\nconnection: close\r\n\r\n"
    assert [*closed, wire.closed] == [False, True]
    assert [request.path for request in slow.asked] == [b"/1"]
    assert connections.open == {connection}, "until the event loop says that it is lost"


def test_the_second_request_of_a_packet_is_not_answered_even_if_the_first_is_at_once() -> None:
    class AtOnce:
        def handle(self, _request: Request, connection: Connection) -> None:
            connection.send(b"HTTP/1.1 200 OK\r\n\r\n")

    connection, wire = Connections(AtOnce(), 1).make(), Wire()
    connection.connection_made(wire)  # type: ignore[arg-type]
    for _ in range(3):
        connection.data_received(get("/"))
    assert (wire.sent.count(b"200"), wire.closed) == (3, False), "one after the other they are"
    connection.data_received(get("/") * 1000)
    assert (wire.sent.count(b"200"), wire.closed) == (4, True)


def test_a_client_that_never_reads_its_answers_is_disconnected() -> None:
    _, _, connection, wire = connect()
    connection.data_received(get("/"))
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    connection.pause_writing()
    assert not connection.is_overdue(time.monotonic() + IDLE_SECONDS - 5)
    assert connection.is_overdue(time.monotonic() + IDLE_SECONDS + 1)
    connection.cut()
    assert wire.closed


def test_an_internal_error_is_a_500_and_no_client_waits() -> None:
    class Wrong:
        def handle(self, _request: Request, _connection: Connection) -> None:
            raise ZeroDivisionError

    connection, wire = Connections(Wrong(), 1).make(), Wire()
    connection.connection_made(wire)  # type: ignore[arg-type]
    connection.data_received(get("/1") + get("/2"))
    assert wire.sent.split()[1] == b"500"
    assert wire.sent.count(b"HTTP/1.1") == 1
    assert wire.closed


def test_stopping_answers_waiting_clients_and_closes_idle_connections() -> None:
    connections, slow, waiting, wire = connect()
    idle, idle_wire = connections.make(), Wire()
    idle.connection_made(idle_wire)  # type: ignore[arg-type]
    idle.data_received(get("/"))
    idle.send(b"HTTP/1.1 200 OK\r\n\r\n")
    waiting.data_received(get("/c/a"))
    connections.end()
    assert (idle_wire.closed, wire.closed) == (True, False)
    waiting.data_received(get("/c/b"))
    waiting.send(b"HTTP/1.1 302 Found\r\n\r\n")
    assert wire.closed
    assert [request.path for request in slow.asked] == [b"/", b"/c/a"]


def test_a_client_that_connected_just_before_the_stop_gets_one_answer() -> None:
    connections, slow, connection, wire = connect()
    silent, silent_wire = connections.make(), Wire()
    silent.connection_made(silent_wire)  # type: ignore[arg-type]
    connections.end()
    assert (wire.closed, silent_wire.closed) == (False, False)
    connection.data_received(get("/1") + get("/2"))
    connection.send(b"HTTP/1.1 302 Found\r\n\r\n")
    assert (b"connection: close\r\n" in wire.sent, wire.closed) == (True, True)
    assert [request.path for request in slow.asked] == [b"/1"]
    assert silent.is_new(time.monotonic())
    assert not silent.is_new(time.monotonic() + NEW_SECONDS), "it may have nothing to ask"


@pytest.mark.parametrize(("sent", "closes"), [(b"", True), (b"GET / HT", True), (get("/"), False)])
def test_a_half_closed_client_still_gets_its_answer(sent: bytes, closes: bool) -> None:
    _, slow, connection, wire = connect()
    connection.data_received(sent)
    assert connection.eof_received(), "not closed by the event loop"
    assert wire.closed is closes
    if slow.asked:
        connection.send(b"HTTP/1.1 302 Found\r\n\r\n")
        assert wire.sent.startswith(b"HTTP/1.1 302")
        assert wire.closed


@pytest.fixture
def edge(tmp_path: Path, keys: Keys, valkey: Valkey) -> Iterator[RunningEdge]:
    valkey.client.set(DIRECTORY_KEY, Directory({7: ("", "")}).to_json())
    running = RunningEdge(tmp_path / "edge", valkey.address, keys)
    running.start()
    running.wait_for("redis", "ok")
    yield running
    running.kill()


def test_only_the_first_of_two_clicks_in_a_packet_is_answered_and_written(
    edge: RunningEdge, path: str
) -> None:
    with closing(socket.create_connection(("127.0.0.1", edge.port), PATIENCE_SECONDS)) as client:
        client.sendall(get(path) + get(path))
        received = b""
        while data := client.recv(65536):
            received += data
    assert received.startswith(b"HTTP/1.1 302 Found\r\nconnection: close\r\n")
    assert received.count(b"HTTP/1.1") == 1
    assert edge.health()["durable"] == 1


def test_sequential_requests_are_all_answered(edge: RunningEdge, path: str) -> None:
    """On one connection, whether they wait for the disk, for the directory, or not at all."""
    connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=PATIENCE_SECONDS)
    with closing(connection):
        connection.connect()
        used = connection.sock
        found = []
        for asked in [path, "/c/x", "/track/sale?empId=7", "/sp.js", "/track/sale?empId=66", path] * 3:
            connection.request("GET", asked)
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
        assert found == [302, 404, 200, 200, 200, 302] * 3
        assert connection.sock is used


def test_a_click_counts_even_if_the_client_leaves_before_the_answer(
    edge: RunningEdge, links: LinkSealer
) -> None:
    click = f"/c/{links.seal(Link(7, CAMPAIGN, LINK, 'https://shop.test/'))}?k=ana"
    for _ in range(20):
        with closing(socket.create_connection(("127.0.0.1", edge.port), PATIENCE_SECONDS)) as client:
            client.sendall(get(click))
    assert until(lambda: edge.health()["durable"] == 20)
    assert edge.get(click).status == 302


def test_a_changed_link_redirects_elsewhere_and_a_disabled_one_is_410(
    edge: RunningEdge, links: LinkSealer, valkey: Valkey
) -> None:
    path = f"/c/{links.seal(Link(7, CAMPAIGN, LINK, 'https://shop.test/old'))}?k=ana"
    assert edge.get(path).header("location").startswith("https://shop.test/old?spx=")

    def tell(changed: dict[str, str]) -> None:
        valkey.client.set(DIRECTORY_KEY, Directory({7: ("", "")}, links=changed).to_json())

    tell({LINK: "https://shop.test/new#top"})
    assert until(lambda: edge.get(path).header("location").startswith("https://shop.test/new?spx="))
    assert edge.get(path).header("location").endswith("#top")
    tell({LINK: ""})
    assert until(lambda: edge.get(path).status == 410)
    before = edge.health()["durable"]
    assert edge.get(path).header("location") == ""
    assert edge.health()["durable"] == before, "who is not sent on has not clicked"
    tell({LINK: "https://shop.test/\r\nSet-Cookie: x=1"})
    assert until(lambda: edge.get(path).header("location").startswith("https://shop.test/old?spx="))
    tell({LINK: "https://shop.test/new"})
    assert until(lambda: edge.get(path).header("location").startswith("https://shop.test/new?spx="))
    edge.terminate()
    valkey.close()
    edge.start()
    assert edge.get(path).header("location").startswith("https://shop.test/new?spx="), "without Redis too"
    tampered = path.replace(path[10], "A" if path[10] != "A" else "B", 1)
    assert edge.get(tampered).status == 404
