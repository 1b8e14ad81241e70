"""The edge's answers. Every click begins in `Edge.handle`: read from there down."""

import asyncio
import hashlib
import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

import structlog
from prometheus_client import CONTENT_TYPE_LATEST

from salepixel.campaigns.dynamic import HostNotListed, listed_address, page_of, with_item
from salepixel.campaigns.links import (
    BadDestination,
    BadLink,
    LinkSealer,
    check_destination,
    with_appended,
    with_further,
    with_parameter,
    without_parameters,
)
from salepixel.clicks.records import pack_click, pack_page, pack_payload
from salepixel.clicks.tokens import ClickIds, ClickSealer, Signal, pack_claims
from salepixel.keys import load_keys
from salepixel.settings import EdgeSettings
from salepixel.wire.directory import Directory, contact_digest
from salepixel.wire.redis import open_redis
from salepixel.wire.round_trip import BACK, COOKIE, PARAMETER, PATH, VALID, BadTrip, Report, RoundTrips
from salepixel_edge.board import Board, Facts
from salepixel_edge.connection import Connection, Connections
from salepixel_edge.directory import kept_directory
from salepixel_edge.health import judge_health, read_facts, write_metrics
from salepixel_edge.journal import Journal
from salepixel_edge.pixel import Judgement, PixelRequest, judge, query_text, record_of
from salepixel_edge.request import (
    Request,
    read_address,
    read_agent,
    read_altered_path,
    read_cookie,
    read_host,
    read_link_query,
    read_signals,
    split_address,
    split_contact,
)
from salepixel_edge.shipper import Shipper, take_journal
from salepixel_edge.writer import Writer

COOKIE_SECONDS = 90 * 24 * 3600
UNKNOWN_ACCOUNT_SECONDS = 1.0
MAX_UNKNOWN_ACCOUNT_HITS = 100
"""At most this many hits of unknown accounts wait for the directory; others are answered at once."""

REDIS_SECONDS = 0.5
"""At the start, how long to wait for an answer of Redis, after at most 1 s to connect."""

KNOWN_LINKS = 4096
"""Cached links: a mailing has dozens, each requested up to a million times."""

KNOWN_APPENDED = 512
"""Cached links with appended parameters, mostly the same for a mailing; dynamic links with their address.

Few, since anybody can write such texts, of up to 20 kB with what is made of them.
"""

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
NOT_FOUND = (
    b"<!doctype html><html lang=en><meta name=viewport content=width=device-width><title>Not found</title>"
    b"<p>This link does not work, or no longer works.<p lang=es>Este enlace no funciona.</html>\n"
)
TRY_AGAIN = (
    b"<!doctype html><html lang=en><meta name=viewport content=width=device-width><title>One moment</title>"
    b"<p>This link works in a moment. Reload the page.<p lang=es>Este enlace funciona en un momento. "
    b"Recargue la p\xc3\xa1gina.</html>\n"
)
ROBOTS = b"User-agent: *\nDisallow: /\n"

log = structlog.get_logger()

_PRIVACY = int(Signal.PRIVACY)
_NO_VISIT = int(Signal.HEAD | Signal.PREFETCH | Signal.UNRENDERED)
_NO_TOKEN = _NO_VISIT | _PRIVACY
_TOKEN = "\0"  # placeholder for the token; no header can contain NUL

_R = ord("r")
_SOON_SECONDS = 5  # a new edge reads the directory within a second once it reaches Redis
_NAMES: dict[type, str] = {HostNotListed: "host_not_listed"}

_PRIVATE = "cache-control: no-store, private\r\n"
_HIDDEN = f"{_PRIVATE}referrer-policy: no-referrer\r\nx-robots-tag: noindex\r\n"
_PAGE = f"{_HIDDEN}content-type: text/html; charset=utf-8\r\n"
_IMAGE = f"{_PRIVATE}x-robots-tag: noindex\r\ncontent-type: image/gif\r\n"


@dataclass(frozen=True, slots=True)
class Target:
    """The parts that all answers to clicks on one link share. `url` is its destination.

    `plain` is the answer without a token, after its date; `parts` the answer in three parts, with the token
    between them: in the address and in the cookie. Without claims the link is switched off. `opted_out`:
    digests (`contact_digest`) of the account's opted-out contacts. `tags`: the custom merge tags of the
    account's campaigns, in UTF-8. `erased`: what was erased in the account (`Keys.hash_erased`). `page`: the
    page of a dynamic link as its records begin (`records.pack_page`); its `url` is empty until its address is
    known.
    """

    claims: bytes
    emp_id: int = 0
    url: str = ""
    plain: bytes = b""
    parts: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    opted_out: frozenset[str] = frozenset()
    tags: frozenset[bytes] = frozenset()
    erased: frozenset[str] = frozenset()
    page: bytes = b""


_NOWHERE = Target(b"")


class Edge:
    """One process of the edge."""

    def __init__(
        self, settings: EdgeSettings, loop: asyncio.AbstractEventLoop, board: Board, page: int
    ) -> None:
        """Open a journal and ship it. Without a journal requests are answered and counted as lost."""
        self._keys = keys = load_keys(settings.keys_file)
        self._settings = settings
        self._loop = loop
        self._board, self._page = board, page
        self.connections = Connections(self)
        self._proxies = settings.edge_proxies
        self._secure = urlsplit(settings.edge_url).scheme == "https"
        self._cookie_name = "__Host-spx" if self._secure else "spx"
        self._link_sealer = LinkSealer(keys)
        self._targets = lru_cache(KNOWN_LINKS)(self._target)
        self._appended = lru_cache(KNOWN_APPENDED)(self._target_with)
        self._led = lru_cache(KNOWN_APPENDED)(self._target_at)
        self._written = lru_cache(KNOWN_APPENDED)(self._target_of)
        self._ours = frozenset((settings.click_parameter,))
        self._sealer = ClickSealer(keys)
        self._round_trips = RoundTrips(keys)
        self._ids = ClickIds()
        self._directory = kept_directory(settings.data)
        self._tag = files("salepixel_edge").joinpath("sp.js").read_bytes()
        self._tag_version = f'"{hashlib.sha256(self._tag).hexdigest()[:16]}"'
        self._counts: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._date = b""
        journal = _first_journal(settings)
        self._writer = Writer(journal, loop)
        self._shipper = Shipper(settings, journal, self._on_directory, self._writer.use)
        self._shipper.start()
        self.tick()

    def close(self) -> None:
        """Write pending records, ship for a moment longer, and release the journal."""
        self._writer.close()
        self._shipper.stop()
        if self._writer.journal:
            self._writer.journal.close()

    def tick(self) -> None:
        """Call it once a second: sets the Date of answers (RFC 9110, 6.6.1), publishes facts."""
        self._date = f"date: {formatdate(usegmt=True)}\r\n".encode()
        self.connections.close_overdue()
        self._publish_facts()

    def _publish_facts(self) -> list[Facts]:
        for shipment in self._shipper.shipments:
            shipment.note_lag()
        self._board.publish(
            self._page, read_facts(self._writer, self._shipper, self._counts, self.connections)
        )
        return self._board.read()

    def handle(self, request: Request, connection: Connection) -> None:
        """Answer one request."""
        path = request.path
        if request.method != b"GET" and request.method != b"HEAD":
            headers = f"{_PRIVATE}allow: GET, HEAD\r\n"
            connection.send(self._answer(request, "405 Method Not Allowed", headers))
        elif path[:3] == b"/c/" or path[:3] == b"/r/":
            self._click(request, connection)
        elif path == b"/track/sale":
            self._pixel(request, connection)
        else:
            connection.send(self._other(request))

    def _click(self, request: Request, connection: Connection) -> None:
        token, query = request.path[3:], request.query
        is_dynamic = request.path[1] == _R
        try:
            target = self._targets(token)
        except BadLink:
            token, query, found = self._find(token, query)
            target = found or _NOWHERE
        if not target.claims and target is not _NOWHERE:
            self._counts["switched_off"] += 1
            connection.send(self._answer(request, "410 Gone", _PAGE, NOT_FOUND))
            return
        if target is _NOWHERE or is_dynamic is bool(target.url):
            self._lead_nowhere(request, connection, "bad_link")
            return
        headers = request.headers
        if is_dynamic:
            if not self._directory:
                self._counts["no_directory"] += 1
                wait = f"{_PAGE}retry-after: {_SOON_SECONDS}\r\n"
                connection.send(self._answer(request, "503 Service Unavailable", wait, TRY_AGAIN))
                return
            try:
                target, contact, unrendered = self._lead(token, query)
            except BadDestination as error:
                self._lead_nowhere(request, connection, _NAMES.get(type(error), "bad_destination"))
                return
        else:
            contact, unrendered, appended = read_link_query(query)
            if appended:
                target = self._appended(token, appended)
        if contact in target.tags:
            contact, unrendered = b"", True
        signals = read_signals(request.method, headers, unrendered=unrendered, secure=self._secure)
        address = read_address(request, self._proxies)
        if contact and target.opted_out and contact_digest(contact) in target.opted_out:
            signals |= _PRIVACY
        if contact and target.erased and self._is_erased(target, contact):
            signals |= _PRIVACY
        if signals & _PRIVACY:
            contact = address = b""
        click_id = self._ids.new()
        if signals & _NO_TOKEN:
            answer = b"HTTP/1.1 302 Found\r\n" + self._date + target.plain
        else:
            sealed = self._sealer.seal_packed(click_id, target.claims, contact)
            before, between, after = target.parts
            answer = b"".join((b"HTTP/1.1 302 Found\r\n", self._date, before, sealed, between, sealed, after))
        agent = read_agent(headers)
        record = pack_click(click_id, target.claims, signals, contact, address, agent, target.page)
        self._writer.append(record, connection, answer)
        self._counts["clicks"] += 1
        if signals:
            self._counts.update(_signal_names(signals))

    def _lead_nowhere(self, request: Request, connection: Connection, reason: str) -> None:
        self._counts[reason] += 1
        connection.send(self._answer(request, "404 Not Found", _PAGE, NOT_FOUND))

    def _target(self, token: bytes) -> Target:
        """Open a link's token and read its present destination. Raises BadLink."""
        link = self._link_sealer.open(token.decode("latin-1"))
        url = self._directory.links.get(link.link) if self._directory else None
        if url == "":
            return Target(b"")
        try:
            url = check_destination(url) if url else link.url
        except BadDestination:
            url = link.url  # not written by the plugin, which checks them
        url = without_parameters(url, self._ours)
        opted_out, tags, erased = frozenset[str](), frozenset[bytes](), frozenset[str]()
        if self._directory:
            opted_out = self._directory.opted_out.get(link.emp_id, opted_out)
            erased = self._directory.erased.get(link.emp_id, erased)
            tags = frozenset(tag.encode() for tag in self._directory.tags.get(link.emp_id, ()))
        claims = pack_claims(link.emp_id, link.campaign, link.link)
        return Target(claims, link.emp_id, url, *self._redirects(link.emp_id, url), opted_out, tags, erased)

    def _is_erased(self, target: Target, contact: bytes) -> bool:
        ref = contact.decode(errors="replace")
        return self._keys.hash_erased(target.emp_id, "contact", ref) in target.erased

    def _target_with(self, token: bytes, appended: bytes) -> Target:
        """The same link with appended parameters, without any click token. Raises BadLink."""
        target = self._targets(token)
        url = without_parameters(with_appended(target.url, appended.decode()), self._ours)
        plain, parts = self._redirects(target.emp_id, url)
        return replace(target, url=url, plain=plain, parts=parts)

    def _lead(self, token: bytes, query: bytes) -> tuple[Target, bytes, bool]:
        """Read a dynamic link's query: target, contact, whether the contact's merge tag was not replaced.

        Raises BadLink or BadDestination.
        """
        contact, rest = split_contact(query)
        if contact:
            return self._written(token, rest), contact, False
        query, written, item = split_address(query)
        contact, unrendered, appended = read_link_query(query)
        return self._led(token, written, item, appended), contact, unrendered

    def _target_of(self, token: bytes, rest: bytes) -> Target:
        """A dynamic link with this query behind its contact. Raises BadLink or BadDestination."""
        query, written, item = split_address(b"k=c&" + rest)
        return self._led(token, written, item, read_link_query(query)[2])

    def _target_at(self, token: bytes, written: bytes, item: bytes, appended: bytes) -> Target:
        """A dynamic link that leads to the address in `u=`. Raises BadLink or BadDestination."""
        target = self._targets(token)
        hosts = self._directory.link_hosts.get(target.emp_id, ()) if self._directory else ()
        url = page = listed_address(written, hosts)
        if appended:
            url = with_further(url, appended.decode())
        url = without_parameters(url, self._ours)
        plain, parts = self._redirects(target.emp_id, url)
        packed = pack_page(with_item(page_of(page).encode(), item))
        return replace(target, url=url, plain=plain, parts=parts, page=packed)

    def _redirects(self, emp_id: int, url: str) -> tuple[bytes, tuple[bytes, bytes, bytes]]:
        """The answers that redirect to a url, as in Target."""
        flags = "; Secure" if self._secure else ""
        with_token = with_parameter(url, self._settings.click_parameter, _TOKEN)
        cookie = f"set-cookie: {self._cookie_name}{emp_id}={_TOKEN}; Path=/; Max-Age={COOKIE_SECONDS}"
        end = f"{_HIDDEN}content-length: 0\r\n\r\n"
        before, between, after = (
            f"location: {with_token}\r\n{cookie}; HttpOnly; SameSite=Lax{flags}\r\n{end}".encode().split(
                _TOKEN.encode()
            )
        )
        return f"location: {url}\r\n{end}".encode(), (before, between, after)

    def _find(self, path: bytes, query: bytes) -> tuple[bytes, bytes, Target | None]:
        """The link in a path that a mail program altered: its token, query and target."""
        token, rest = read_altered_path(path) or (b"", b"")
        with suppress(BadLink):
            return token, b"&".join(filter(None, (rest, query))), self._targets(token)
        return b"", b"", None

    def _pixel(self, request: Request, connection: Connection) -> None:
        signals = read_signals(request.method, request.headers, unrendered=False, secure=False)
        asked = PixelRequest(query_text(request.query), read_host(request.headers), signals)
        judgement = judge(asked, self._directory, self._keys)
        if judgement.reason == "unknown_account" and len(self._tasks) < MAX_UNKNOWN_ACCOUNT_HITS:
            waiting = self._loop.create_task(self._judge_later(request, asked, connection))
            self._tasks.add(waiting)
            waiting.add_done_callback(self._tasks.discard)
        else:
            self._count_hit(request, asked, judgement, connection)

    async def _judge_later(self, request: Request, asked: PixelRequest, connection: Connection) -> None:
        """Judge after the directory was read again: the account may have been created just now."""
        reads = self._shipper.directory_reads
        for _ in range(int(UNKNOWN_ACCOUNT_SECONDS / 0.05)):
            # Two reads: the first may have begun before the account was published.
            if not self._shipper.connected or self._shipper.directory_reads >= reads + 2:
                break
            await asyncio.sleep(0.05)
        self._count_hit(request, asked, judge(asked, self._directory, self._keys), connection)

    def _count_hit(
        self, request: Request, asked: PixelRequest, judgement: Judgement, connection: Connection
    ) -> None:
        self._counts[judgement.reason or "hits"] += 1
        head = b"HTTP/1.1 200 OK\r\n" + self._date + _image_headers(judgement.reason, judgement.hit.problem)
        answer = head if request.method == b"HEAD" else head + GIF
        if judgement.account:
            cookie = read_cookie(request.headers, f"{self._cookie_name}{judgement.account}".encode())
            self._writer.append(
                pack_payload(record_of(asked, judgement, cookie, self._ids.new())), connection, answer
            )
        else:
            connection.send(answer)

    def _other(self, request: Request) -> bytes:
        path = request.path
        if path == b"/healthz":
            status, facts = judge_health(self._publish_facts(), self._board.pages)
            page = json.dumps(facts).encode()
            return self._answer(request, status, f"{_PRIVATE}content-type: application/json\r\n", page)
        if path == b"/metrics":
            page = write_metrics(self._publish_facts())
            return self._answer(request, "200 OK", f"{_PRIVATE}content-type: {CONTENT_TYPE_LATEST}\r\n", page)
        if path == b"/sp.js":
            headers = f"cache-control: public, max-age=3600\r\netag: {self._tag_version}\r\n"
            if self._tag_version.encode() in request.headers.get(b"if-none-match", b""):
                return self._answer(request, "304 Not Modified", headers)
            return self._answer(
                request, "200 OK", f"{headers}content-type: application/javascript\r\n", self._tag
            )
        if path == b"/robots.txt":
            return self._answer(request, "200 OK", "content-type: text/plain\r\n", ROBOTS)
        if path.startswith(PATH.encode()):
            with suppress(BadTrip):
                return self._check_cookie(request)
        return self._answer(request, "404 Not Found", _PAGE, NOT_FOUND)

    def _check_cookie(self, request: Request) -> bytes:
        """One of the two redirects of wire/round_trip.py. Raises BadTrip."""
        path, now = request.path.decode("latin-1"), datetime.now(UTC)
        text = path.removeprefix(PATH).removesuffix(BACK)
        ticket = self._round_trips.read_ticket(text, now)
        prefix, flags = ("__Host-", "; Secure") if self._secure else ("", "")
        cookie = f"set-cookie: {prefix}{COOKIE}={{}}; Path=/; Max-Age={{}}; HttpOnly; SameSite=Lax{flags}\r\n"
        if path.endswith(BACK):
            kept = bool(read_cookie(request.headers, f"{prefix}{COOKIE}".encode()))
            found = Report(ticket.emp_id, read_host(request.headers), kept, now)
            location = f"{ticket.back}&{PARAMETER}={self._round_trips.report(found)}"
            cookie = cookie.format("", 0)
        else:
            location = f"{PATH}{text}{BACK}"
            cookie = cookie.format("1", VALID.seconds)
        return self._answer(request, "302 Found", f"location: {location}\r\n{cookie}{_HIDDEN}")

    def _answer(self, request: Request, status: str, headers: str, body: bytes = b"") -> bytes:
        length = "" if status.startswith("304") else f"content-length: {len(body)}\r\n"
        head = f"HTTP/1.1 {status}\r\n{headers}{length}".encode() + self._date + b"\r\n"
        return head if request.method == b"HEAD" else head + body

    def _on_directory(self, directory: Directory) -> None:
        # On the shipper's thread; the state of answers belongs to the event loop.
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._use_directory, directory)

    def _use_directory(self, directory: Directory) -> None:
        known = self._directory
        changed = known is None or _of_links(directory) != _of_links(known)
        self._directory = directory
        if changed:
            self._targets.cache_clear()
            self._appended.cache_clear()
            self._led.cache_clear()
            self._written.cache_clear()


def _of_links(directory: Directory) -> tuple[object, ...]:
    """The parts of a directory that answers to clicks depend on."""
    return directory.links, directory.opted_out, directory.tags, directory.erased, directory.link_hosts


@lru_cache
def _image_headers(reason: str, problem: str) -> bytes:
    verdict = f"ignored; {reason}" if reason else f"counted; {problem}" if problem else "counted"
    return f"{_IMAGE}x-salepixel: {verdict}\r\ncontent-length: {len(GIF)}\r\n\r\n".encode()


def _first_journal(settings: EdgeSettings) -> Journal | None:
    redis = open_redis(settings.redis_address, timeout_seconds=REDIS_SECONDS)
    try:
        return take_journal(settings, redis)
    except OSError as error:
        log.error("journal_not_opened", error=str(error))
        return None
    finally:
        redis.close()


@lru_cache
def _signal_names(signals: int) -> tuple[str, ...]:
    return tuple(str(signal.name).lower() for signal in Signal(signals))
