"""Calls to other hosts. All HTTP requests to other machines go through `call`, SMTP through `connect`.

One deadline covers a whole call, from the DNS lookup to the last byte of the answer. So a host that sends one
byte at a time costs no more than a silent one. The address is checked after the lookup, and the connection
goes to the checked address. So a name cannot resolve to a public address first and to a private one later.
Redirects are not followed, proxies and .netrc of the environment are ignored, and nothing is retried.

This module needs urllib3 and certifi. The edge does not use it, because it calls no other host.
"""

import math
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import certifi
import structlog
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_HEAD_BYTES = 32_768
"""A limit like those of nginx and Node. http.client alone would accept 6.5 MB of headers."""

MAX_ADDRESSES = 4
"""The most addresses of a host that are tried, within one deadline."""

_PIECE_BYTES = 65_536
_PORTS = {"http": 80, "https": 443}
_CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_NOT_PUBLIC: tuple[Network, ...] = (
    IPv4Network(
        "192.0.0.0/24"
    ),  # IANA's special block, partly public in its registry; contains Oracle's metadata service
    IPv4Network("192.88.99.0/24"),  # former relays of 6to4
    IPv4Network("168.63.129.16/32"),  # formally public, but inside Azure it is a server of Azure
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("2001::/23"),  # IANA's special block; with Teredo, which like 6to4 hides an IPv4 address
)
"""Networks that are not public, although some or all versions of Python call them public."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a host, whatever its status. `body` is empty if it was not requested.

    `headers`: by their names in lower case; of a repeated one, the first.
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class CallFailed(Exception):
    """No answer. `reason` is counted. The text reveals nothing, so anybody may see it."""

    reason = ""
    text = ""

    def __str__(self) -> str:
        return self.text


class Unreachable(CallFailed):
    """The name is unknown, nobody listens, TLS fails, or the answer is not HTTP."""

    reason = "unreachable"
    text = "it cannot be reached"


class UnknownName(Unreachable):
    """The name of the host is unknown."""


class ConnectionRefused(Unreachable):
    """The host is there, but nobody listens at this port."""


class Forbidden(Unreachable):
    """The address must not be called. The text is that of Unreachable, so that it reveals nothing."""

    reason = "forbidden_address"


class BadCertificate(Unreachable):
    """The host's certificate is expired, of another name, or of an unknown authority."""

    reason = "bad_certificate"
    text = "its certificate is not valid"


class BadTls(Unreachable):
    """TLS could not begin: the host does not speak it at this port, or only in ways that are not safe."""


class TooSlow(CallFailed):
    """The answer was not complete before the deadline."""

    reason = "too_slow"
    text = "it did not answer in time"


class TooLarge(CallFailed):
    """The body is above the limit, or the headers are above MAX_HEAD_BYTES."""

    reason = "too_large"
    text = "its answer is too large"


class _Reach:
    """The private networks that this process may call. Set once, at its start."""

    private: tuple[Network, ...] = ()


def allow_private(networks: Iterable[Network]) -> None:
    """Allow calls to these private networks (SALEPIXEL_PRIVATE_NETWORKS). By default none is allowed."""
    _Reach.private = tuple(networks)


def call(
    method: str,
    url: str,
    *,
    seconds: float,
    max_bytes: int = 0,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    own: bool = False,
) -> Answer:
    """Send one request; returns the answer. Raises CallFailed.

    It ends after `seconds` at the latest. The body of the answer has at most `max_bytes`; with 0 it is not
    read. A redirect is returned like any other answer. `own`: an address of this installation, in the
    operator's settings, may be private.
    """
    deadline = time.monotonic() + seconds
    try:
        target = _read_url(url)
        scheme, host = str(target.scheme), str(target.host).strip("[]")
        port = target.port or _PORTS[scheme]
        with (
            closing(_open(_look_up(host, port, deadline, own=own), deadline)) as plain,
            closing(_encrypt(plain, host) if scheme == "https" else plain) as opened,
        ):
            connection = _CONNECTIONS[scheme](host, port)
            connection.sock = opened
            connection.request(
                method,
                target.request_uri,
                body=body,
                headers={"Accept-Encoding": "identity", "Connection": "close", **(headers or {})},
                preload_content=False,
                decode_content=False,
            )
            with closing(connection.getresponse()) as response:
                opened.max_bytes = (
                    math.inf
                )  # until here the limit was for the headers; the body counts without its framing
                content = bytearray()
                while max_bytes and (piece := response.read1(_PIECE_BYTES)):
                    content += piece
                    if len(content) > max_bytes:
                        raise TooLarge
                return Answer(response.status, bytes(content), _first_headers(response.headers))
    except (OSError, HTTPException, HTTPError, ValueError) as error:
        raise Unreachable from error


def connect(
    host: str, port: int, *, seconds: float, encrypted: bool = False, own: bool = False
) -> "Connection":
    """A connection to a host, with TLS if `encrypted`, for another protocol than HTTP. Raises CallFailed.

    All its operations end after `seconds` together, and it receives at most MAX_HEAD_BYTES. They raise
    TooSlow, TooLarge, OSError. `own`: as for `call`.
    """
    deadline = time.monotonic() + seconds
    plain = _open(_look_up(host, port, deadline, own=own), deadline)
    if not encrypted:
        return plain
    try:
        return encrypt(plain, host)
    except BaseException:
        plain.close()
        raise


def encrypt(plain: "Connection", host: str) -> "Connection":
    """The same connection with TLS; the host's certificate is checked. Raises CallFailed."""
    try:
        return _encrypt(plain, host)
    except OSError as error:
        raise BadTls from error


def _first_headers(headers: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.iteritems():
        found.setdefault(name.lower(), value)
    return found


def may_call(address: Address) -> bool:
    """True for a public address, and for one in a network of `allow_private`."""
    reached = _reached(address)
    return _is_public(reached) or any(reached in network for network in _Reach.private)


def _reached(address: Address) -> Address:
    """The address that packets reach. Mapped and NAT64 addresses contain an IPv4 address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_public(address: Address) -> bool:
    # is_global alone calls multicast and IPv4-compatible addresses public.
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return not any(address in network for network in _NOT_PUBLIC)


class Connection(socket.socket):
    """A socket with one deadline for all its operations, and a limit of received bytes."""

    deadline: float
    max_bytes: float = MAX_HEAD_BYTES

    def recv_into(self, *args: Any) -> int:
        """As in the base class. All reads of http.client use it. Raises TooSlow, TooLarge."""
        if self.max_bytes <= 0:
            raise TooLarge
        self.wait_until(self.deadline)
        try:
            received = super().recv_into(*args)
        except TimeoutError as error:
            raise TooSlow from error
        self.max_bytes -= received
        return received

    def send(self, *args: Any) -> int:
        """As in the base class. All writes of TLS use it. Raises TooSlow."""
        self.wait_until(self.deadline)
        try:
            return super().send(*args)
        except TimeoutError as error:
            raise TooSlow from error

    def sendall(self, *args: Any) -> None:
        """As in the base class. Raises TooSlow."""
        self.wait_until(self.deadline)
        try:
            super().sendall(*args)
        except TimeoutError as error:
            raise TooSlow from error

    def wait_until(self, deadline: float) -> None:
        """Set the time-out of the next operation to the remaining time. Raises TooSlow if there is none."""
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TooSlow
        self.settimeout(remaining)


class _TlsSocket(Connection, ssl.SSLSocket):
    """The same for TLS."""


def _read_url(url: str) -> Url:
    target = parse_url(url)
    if target.scheme not in _PORTS or not target.host or target.auth:
        raise ValueError("not an address of the web")
    return target


def _encrypt(plain: Connection, host: str) -> Connection:
    """The same connection with TLS; the host's certificate is checked. Raises TooSlow, OSError."""
    plain.wait_until(plain.deadline)
    try:
        encrypted = _tls().wrap_socket(plain, server_hostname=host.rstrip("."))
    except TimeoutError as error:
        raise TooSlow from error
    except ssl.SSLCertVerificationError as error:
        raise BadCertificate from error
    assert isinstance(encrypted, _TlsSocket), "as _tls says"  # noqa: S101
    encrypted.deadline = plain.deadline
    return encrypted


_FAILURES: tuple[tuple[type[OSError], type[CallFailed]], ...] = (
    (TimeoutError, TooSlow),
    (ConnectionRefusedError, ConnectionRefused),
)


def _open(addresses: list[tuple[socket.AddressFamily, Any]], deadline: float) -> Connection:
    """A connection to the first address that accepts one."""
    failure: CallFailed = Unreachable()
    for tried, (family, address) in enumerate(addresses):
        opened = Connection(family, socket.SOCK_STREAM)
        opened.deadline = deadline
        try:
            now = time.monotonic()
            opened.wait_until(now + (deadline - now) / (len(addresses) - tried))
            opened.connect(address)
        except OSError as error:
            opened.close()
            failure = next((kind() for cause, kind in _FAILURES if isinstance(error, cause)), Unreachable())
        except BaseException:
            opened.close()
            raise
        else:
            return opened
    raise failure


def _look_up(
    host: str, port: int, deadline: float, *, own: bool = False
) -> list[tuple[socket.AddressFamily, Any]]:
    """The addresses of a host that may be called, at least one. Raises Forbidden, Unreachable, TooSlow."""
    found: queue.SimpleQueue[list[Any] | OSError | UnicodeError] = queue.SimpleQueue()

    def look() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.put(error)

    # getaddrinfo has no time-out. A thread that hangs in it is abandoned. It ends with the resolver's own
    # time-out, about half a minute. There are never many of them, because each caller waits for its deadline.
    threading.Thread(target=look, name=f"look up {host}", daemon=True).start()
    try:
        result = found.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise TooSlow from None
    if not isinstance(result, list):
        raise UnknownName from result
    addresses = [(family, where) for family, _, _, _, where in result if own or may_call(_address(where))]
    if not addresses:
        log.warning("address_rejected", host=host, setting="SALEPIXEL_PRIVATE_NETWORKS")
        raise Forbidden
    return addresses[:MAX_ADDRESSES]


def _address(where: tuple[Any, ...]) -> Address:
    return ip_address(where[0])


@cache
def _tls() -> ssl.SSLContext:
    """The system's certificate authorities, with the operator's, and certifi's if the system has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.sslsocket_class = _TlsSocket
    return context
