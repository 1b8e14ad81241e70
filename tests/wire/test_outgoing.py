"""A call to another host ends in time, accepts a bounded answer, and goes only to public addresses."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from salepixel.wire import outgoing
from salepixel.wire.outgoing import Forbidden, TooLarge, TooSlow, Unreachable, call, may_call
from tests.conftest import LOOPBACK
from tests.far_host import Behaviour, FarHost, answers, breaks_off, drips, floods, is_silent, sends

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def host() -> Iterator[FarHost]:
    with FarHost() as opened:
        yield opened


@pytest.fixture
def closed_to_us() -> Iterator[None]:
    """No private network is open, as in a new installation."""
    outgoing.allow_private(())
    yield
    outgoing.allow_private(LOOPBACK)


def test_a_request_arrives_unchanged_and_its_answer_is_returned(host: FarHost) -> None:
    host.answers["/a"] = answers(201, b"yes")
    answer = call("POST", f"{host.url}/a?b=c d", seconds=5, max_bytes=3, body=b"{}", headers={"X-One": "1"})
    assert (answer.status, answer.body) == (201, b"yes")
    (request,) = host.requests
    assert (request.method, request.target, request.body) == ("POST", "/a?b=c%20d", b"{}")
    assert request.headers["host"] == host.url.removeprefix("http://")
    assert (request.headers["x-one"], request.headers["accept-encoding"]) == ("1", "identity")


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (HEAD + b"\r\nto the end", b"to the end"),
        (CHUNKED + b"2\r\nto\r\n4\r\n end\r\n0\r\n\r\n", b"to end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 1\r\n\r\na", b"a"),
    ],
)
def test_any_valid_framing_of_an_answer_is_read(host: FarHost, raw: bytes, body: bytes) -> None:
    host.answers["*"] = sends(raw)
    assert call("GET", host.url, seconds=5, max_bytes=100).body == body


@pytest.mark.parametrize(
    "behaviour",
    [
        is_silent,
        drips(b""),
        drips(HEAD + b"X: "),
        drips(HEAD, b"X: y\r\n"),
        drips(HEAD + b"Content-Length: 1000\r\n\r\n"),
        drips(HEAD + b"\r\n"),
        drips(CHUNKED, b"1\r\na\r\n"),
        drips(CHUNKED + b"1;x="),
        drips(CHUNKED + b"0\r\n", b"X: y\r\n"),
        drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=[
        "silent",
        "status",
        "a header",
        "headers",
        "body",
        "body without length",
        "chunks",
        "chunk extension",
        "trailers",
        "informational answers",
    ],
)
def test_a_slowly_answering_host_is_cut_off_at_the_deadline(host: FarHost, behaviour: Any) -> None:
    host.answers["*"] = behaviour
    with pytest.raises(TooSlow):
        call("GET", host.url, seconds=0.3, max_bytes=1_000_000)


def _url(listener: socket.socket, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_host_that_does_not_read_is_cut_off_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(TooSlow):
        call("POST", _url(listener), seconds=0.3, body=b"a" * 50_000_000)


def test_a_host_that_does_not_accept_is_cut_off_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        where = listener.getsockname()
        waiting = [socket.socket() for _ in range(8)]  # the queue of the listener is full then
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(where)
        with pytest.raises(TooSlow):
            call("GET", _url(listener), seconds=0.3)
        for one in waiting:
            one.close()


def test_a_host_without_a_tls_answer_is_cut_off_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(TooSlow):
        call("GET", _url(listener, "https"), seconds=0.3)


def test_a_slow_dns_lookup_is_cut_off_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def look(*_: Any, **__: Any) -> list[Any]:
        over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look)
    with pytest.raises(TooSlow):
        call("GET", "http://shop.test/", seconds=0.1)
    over.set()


@pytest.mark.parametrize(
    "behaviour",
    [
        answers(200, b"a" * 1001),
        floods(HEAD + b"\r\n", b"a" * 10_000),
        floods(CHUNKED, b"1\r\na\r\n" * 1000),
        floods(HEAD, b"X: y\r\n"),
        floods(HEAD + b"X: ", b"a" * 1000),
        floods(b"", b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"),
    ],
    ids=["body", "endless body", "endless chunks", "endless headers", "endless header", "endless continues"],
)
def test_an_oversized_answer_is_refused(host: FarHost, behaviour: Any) -> None:
    host.answers["*"] = behaviour
    with pytest.raises((TooLarge, Unreachable)) as refused:
        call("GET", host.url, seconds=10, max_bytes=1000)
    # http.client itself has a limit for the length and the number of headers.
    assert refused.type in (TooLarge, Unreachable)


def test_an_unwanted_body_is_not_read(host: FarHost) -> None:
    host.answers["*"] = floods(HEAD + b"\r\n", b"a" * 10_000)
    assert call("GET", host.url, seconds=5).body == b""


@pytest.mark.parametrize(
    "behaviour",
    [
        breaks_off,
        sends(b"SSH-2.0-OpenSSH_9.6\r\n"),
        sends(HEAD + b"Content-Length: 9\r\n\r\ncut"),
        sends(CHUNKED + b"9\r\ncut"),
        sends(CHUNKED + b"cut\r\n"),
        sends(HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
    ],
)
def test_an_incomplete_answer_is_an_error(host: FarHost, behaviour: Any) -> None:
    host.answers["*"] = behaviour
    with pytest.raises(Unreachable):
        call("GET", host.url, seconds=5, max_bytes=100)


def test_a_redirect_is_returned_and_not_followed(host: FarHost) -> None:
    host.answers["/"] = answers(302, Location=f"{host.url}/secret")
    assert call("GET", f"{host.url}/", seconds=5).status == 302
    assert len(host.requests) == 1


def test_no_proxy_and_no_netrc_of_the_environment_is_used(
    host: FarHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / ".netrc").write_text("default login a password b\n")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    host.answers["*"] = answers(204)
    assert call("GET", host.url, seconds=5).status == 204
    assert "authorization" not in host.requests[0].headers


@pytest.mark.parametrize(
    "url",
    ["", "shop.test", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://a b/", "http://a:99999/",
     "http://user:secret@127.0.0.1/", "http://[::1/", "http://127.0.0.1:1/\r\nX: y"],
)  # fmt: skip
def test_only_valid_http_urls_are_called(url: str) -> None:
    with pytest.raises(Unreachable):
        call("GET", url, seconds=1)


@pytest.mark.parametrize(
    "spelling",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001",
        "localhost", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    ],
)  # fmt: skip
def test_no_spelling_of_loopback_is_called(host: FarHost, closed_to_us: None, spelling: str) -> None:
    port = host.url.rpartition(":")[2]
    with pytest.raises(Unreachable):
        call("GET", f"http://{spelling}:{port}/", seconds=5)
    assert host.requests == []


def test_a_forbidden_address_looks_like_an_unreachable_one(closed_to_us: None) -> None:
    with pytest.raises(Forbidden) as forbidden:
        call("GET", "http://127.0.0.1:1/", seconds=5)
    outgoing.allow_private(LOOPBACK)
    with pytest.raises(Unreachable) as refused:
        call("GET", "http://127.0.0.1:1/", seconds=5)
    assert str(forbidden.value) == str(refused.value)
    assert issubclass(refused.type, Unreachable)


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.100.100.200", "169.254.169.254",
        "127.9.9.9", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250", "240.0.0.1",  # noqa: S104  # not bound to
        "255.255.255.255", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
        "168.63.129.16", "::", "::1", "::10.0.0.1", "::8.8.8.8", "::ffff:10.0.0.1", "64:ff9b::a00:1",
        "64:ff9b:1::808:808", "fe80::1", "fec0::1", "fd00:ec2::254", "fc00::1", "ff02::1", "100::1",
        "2001::1", "2001:db8::1", "2002:a00:1::1", "2002:808:808::1", "4000::1", "fe80::1%1",
    ],
)  # fmt: skip
def test_a_non_public_address_may_not_be_called(closed_to_us: None, address: str) -> None:
    assert not may_call(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_may_be_called(closed_to_us: None, address: str) -> None:
    assert may_call(ip_address(address))


def test_a_private_network_may_be_called_if_the_operator_allows_it(closed_to_us: None) -> None:
    outgoing.allow_private([ip_network("10.1.0.0/16"), ip_network("fd00::/8")])
    assert may_call(ip_address("10.1.2.3"))
    assert may_call(ip_address("::ffff:10.1.2.3"))
    assert may_call(ip_address("fd00::5"))
    assert not may_call(ip_address("10.2.0.1"))
    assert not may_call(ip_address("127.0.0.1"))


V4 = (
    st.ip_addresses(v=4)
    .map(lambda address: IPv4Address(int(address)))
    .filter(lambda a: not outgoing._is_public(a))
)


def _spellings(address: IPv4Address) -> list[str]:
    number = int(address)
    a, b, c, d = address.packed
    return [
        str(address),
        str(number),
        hex(number),
        f"0{number:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.{(c << 8) + d}",
        f"[::ffff:{address}]",
        f"[{IPv6Address(0xFFFF << 32 | number)}]",
        f"[{IPv6Address((0x64FF9B << 96) | number).exploded}]",
        f"[{IPv6Address((0x2002 << 112) | number << 80)}]",
        f"[::{address}]",
    ]


@given(V4.flatmap(lambda address: st.sampled_from(_spellings(address))))
def test_no_spelling_of_a_forbidden_address_is_called(spelling: str) -> None:
    outgoing.allow_private(())
    try:
        with pytest.raises(Unreachable):
            outgoing._look_up(spelling.strip("[]"), 80, time.monotonic() + 30)
    finally:
        outgoing.allow_private(LOOPBACK)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """The certificate of a server of shop.test; the machine trusts it, as an operator may configure."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.test")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(pem + secret)
    (tmp_path / "ca.pem").write_bytes(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    outgoing._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    yield context
    outgoing._tls.cache_clear()


def _over_tls(context: ssl.SSLContext, behaviour: Behaviour, names: list[str]) -> Behaviour:
    context.sni_callback = lambda _, name, __: names.append(name)

    def serve(connection: socket.socket, over: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(65536)
            behaviour(encrypted, over)

    return serve


def test_tls_verifies_the_name_although_the_address_is_connected_to(
    certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", _names([["127.0.0.1"]] * 3))
    with FarHost(at_once=True) as host:
        port = host.url.rpartition(":")[2]
        host.answers["*"] = _over_tls(certificate, answers(200, b"yes"), names)
        assert call("GET", f"https://shop.test:{port}/", seconds=5, max_bytes=9).body == b"yes"
        with pytest.raises(Unreachable):
            call("GET", f"https://other.test:{port}/", seconds=5, max_bytes=9)
        host.answers["*"] = _over_tls(certificate, drips(HEAD + b"X: "), names)
        with pytest.raises(TooSlow):
            call("GET", f"https://shop.test:{port}/", seconds=0.3, max_bytes=9)
    assert names == ["shop.test", "other.test", "shop.test"]


def _names(answers_of: list[list[str]]) -> Callable[..., list[Any]]:
    """A resolver that gives the next of these at each lookup."""
    real, turns = socket.getaddrinfo, iter(answers_of)

    def look(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        return [found for address in next(turns) for found in real(address, port, type=socket.SOCK_STREAM)]

    return look


def test_a_name_is_looked_up_once_so_it_cannot_change_its_address(
    host: FarHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.answers["*"] = answers(204)
    port = host.url.rpartition(":")[2]
    monkeypatch.setattr(socket, "getaddrinfo", _names([["127.0.0.1"], ["10.0.0.1"]]))
    assert call("GET", f"http://shop.test:{port}/", seconds=5).status == 204
    assert host.requests[0].headers["host"] == f"shop.test:{port}"


def test_the_allowed_ones_of_several_addresses_are_tried_in_turn(
    host: FarHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.answers["*"] = answers(204)
    port = host.url.rpartition(":")[2]
    monkeypatch.setattr(socket, "getaddrinfo", _names([["10.0.0.1", "::1", "127.0.0.1"]]))
    assert call("GET", f"http://shop.test:{port}/", seconds=5).status == 204


def test_a_name_with_only_private_addresses_is_not_called(
    host: FarHost, closed_to_us: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _names([["127.0.0.1", "10.0.0.1"]]))
    with pytest.raises(Forbidden):
        call("GET", f"http://shop.test:{host.url.rpartition(':')[2]}/", seconds=5)
    assert host.requests == []
