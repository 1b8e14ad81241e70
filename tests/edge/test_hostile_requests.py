"""Requests that no browser sends get a clear answer or none, and never cause an internal error."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from salepixel.campaigns.links import Link, LinkSealer
from salepixel.clicks.records import ClickRecord, HitRecord
from salepixel.keys import Keys
from tests.edge.known import edge_that_knows_accounts, journaled
from tests.edge.running import RunningEdge
from tests.make import CAMPAIGN, LINK
from tests.waiting import PATIENCE_SECONDS

URL = "https://shop.test/p/1?a=b#top"


@pytest.fixture(scope="module")
def edge(redis_address: str, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    with edge_that_knows_accounts(redis_address, keys, tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def slow_client(edge: RunningEdge) -> tuple[threading.Thread, list[float]]:
    """A client that begins a request, at the start of this module, and the time until it was disconnected."""
    seconds: list[float] = []

    def wait() -> None:
        with socket.create_connection(("127.0.0.1", edge.port), timeout=PATIENCE_SECONDS) as slow:
            begun = time.monotonic()
            slow.sendall(b"GET /c/x HTTP/1.1\r\nHost: x\r\n")
            while slow.recv(1000):
                pass
            seconds.append(time.monotonic() - begun)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread, seconds


@pytest.fixture(scope="module")
def token(links: LinkSealer) -> str:
    return links.seal(Link(7, CAMPAIGN, LINK, URL))


HOSTILE = {
    "a NUL in the path": b"GET /c/\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a NUL in a header": b"GET /track/sale?empId=7 HTTP/1.1\r\nHost: x\r\nCookie: spx7=\0\r\n\r\n",
    "bytes in the path": b"GET /c/\xff\xfe\x80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes in the query": b"GET /track/sale?empId=7&PRODUCTO=\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "utf-8 in the query": b"GET /track/sale?empId=8&PRODUCTO="
    + "ñ".encode() * 500
    + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "percent bytes in the path": b"GET /c/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes in headers": b"GET /track/sale?empId=8 HTTP/1.1\r\nHost: \xff\xfe\r\n"
    b"Cookie: \xff=\xfe; spx8=\x80\r\n"
    b"User-Agent: \xff\r\nPurpose: \xff\r\nSec-GPC: \xff\r\n\r\n",
    "bytes in the contact": b"GET /c/%TOKEN%?k=%ff%fe\xff HTTP/1.1\r\nHost: x\r\n"
    b"User-Agent: \xff\xfe\r\n\r\n",
    "surrogates in the contact": b"GET /c/%TOKEN%?k=%ed%a0%80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /track/sale?empId=7 HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /track/sale?empId=7 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "an absolute address": b"GET http://evil.test/c/%TOKEN%?k=c1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/1.0": b"GET /c/%TOKEN%?k=c1 HTTP/1.0\r\n\r\n",
    "HTTP/9.9": b"GET /c/%TOKEN%?k=c1 HTTP/9.9\r\nHost: x\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
    "an http2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n",
    "a bare line feed": b"GET /c/x HTTP/1.1\nHost: x\n\n",
    "a long header": b"GET /track/sale?empId=8 HTTP/1.1\r\nHost: x\r\nCookie: "
    + b"a" * 100_000
    + b"\r\n\r\n",
    "a long path": b"GET /c/" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "many headers": b"GET /track/sale?empId=8 HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 2_000 + b"\r\n",
    "many cookies": b"GET /track/sale?empId=8 HTTP/1.1\r\nHost: x\r\n" + b"Cookie: spx8=x\r\n" * 90 + b"\r\n",
    "a wrong length": b"GET /c/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"GET /c/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"GET /c/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unwanted body": b"GET /c/%TOKEN%?k=c1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    "a missing body": b"GET /c/%TOKEN%?k=c1 HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nhello",
    "an upgrade": b"GET /c/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "half a request": b"GET /c/x HTT",
    "nothing": b"",
}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/c/x", "/track/sale?empId=7", "/healthz"])
def test_only_get_and_head_are_accepted(edge: RunningEdge, method: str, path: str) -> None:
    answer = edge.get(path, method=method)
    assert (answer.status, answer.header("allow"), answer.body) == (405, "GET, HEAD", b"")


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_bytes_never_cause_an_internal_error(edge: RunningEdge, token: str, case: str) -> None:
    # A timeout alone: these two are waited for, until others are cut below.
    timeout = 1 if case in ("half a request", "nothing") else PATIENCE_SECONDS
    answer = edge.raw(HOSTILE[case].replace(b"%TOKEN%", token.encode()), timeout)
    if answer:
        status = int(answer.split(None, 2)[1])
        assert status < 500, answer[:300]
        if b"evil.test" in HOSTILE[case]:
            assert b"evil.test" not in answer
    assert edge.get("/c/x").status == 404


@pytest.mark.parametrize(
    ("case", "status"), [("no host", b"400"), ("two hosts", b"400"), ("utf-8 in the query", b"200")]
)
def test_each_malformed_or_unusual_request_has_its_status(
    edge: RunningEdge, case: str, status: bytes
) -> None:
    assert edge.raw(HOSTILE[case])[9:12] == status


def test_non_ascii_letters_in_a_query_lose_no_visitor(edge: RunningEdge, token: str) -> None:
    answer = edge.raw(f"GET /c/{token}?k=Peña HTTP/1.1\r\nHost: track.shop.test\r\n\r\n".encode())
    assert answer[9:12] == b"302"
    record = journaled(edge)[-1]
    assert isinstance(record, ClickRecord)
    assert record.click.contact == "Peña"


def test_every_written_record_can_be_read_again(edge: RunningEdge) -> None:
    edge.raw(HOSTILE["utf-8 in the query"])
    query = "empId=8&PRODUCTO=" + "%22%5C" * 500 + '"\\' * 400
    edge.get(f"/track/sale?{query}")
    edge.get("/track/sale?empId=8&order=last")
    record = journaled(edge)[-1]
    assert isinstance(record, HitRecord)
    assert record.query == "empId=8&order=last"


def test_a_client_that_never_ends_its_head_is_disconnected(
    slow_client: tuple[threading.Thread, list[float]],
) -> None:
    thread, seconds = slow_client
    thread.join(PATIENCE_SECONDS)
    (taken,) = seconds
    assert taken > 9
