"""The edge as an RSGI application. Read from `Edge.__rsgi__` down: that is the path of every click."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable
from functools import lru_cache
from importlib.resources import files
from typing import Protocol
from urllib.parse import urlsplit

from salepixel.clicks import Click, ClickSealer, Signal, new_click_id
from salepixel.hits import BadHit, Hit, is_signed, parse_hit
from salepixel.keys import load_keys
from salepixel.links import BadLink, Link, LinkSealer, with_parameter
from salepixel.processes import end_with_parent
from salepixel.settings import EdgeSettings, environment
from salepixel.streams import ClickRecord, Directory, HitRecord, pack_payload
from salepixel_edge.journal import take_slot
from salepixel_edge.request import (
    Headers,
    open_click,
    read_agent,
    read_contact,
    read_cookie,
    read_host,
    read_signals,
)
from salepixel_edge.shipper import Shipper, kept_directory
from salepixel_edge.writer import Writer

COOKIE_SECONDS = 90 * 24 * 3600
STALLED_SECONDS = 5.0
KNOWN_LINKS = 16_384
"""Decoded links that are kept at hand: a mailing has dozens, and each is asked for a million times."""

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
NOT_FOUND = (
    b"<!doctype html><html lang=en><title>Not found</title><p>This link leads nowhere (any more).</html>\n"
)

_Pairs = list[tuple[str, str]]
_PRIVATE = ("cache-control", "no-store, private")
_REDIRECT: _Pairs = [_PRIVATE, ("referrer-policy", "no-referrer"), ("x-robots-tag", "noindex")]
_IMAGE: _Pairs = [_PRIVATE, ("content-type", "image/gif"), ("x-robots-tag", "noindex")]
_PAGE: _Pairs = [
    _PRIVATE,
    ("content-type", "text/html; charset=utf-8"),
    ("referrer-policy", "no-referrer"),
    ("x-robots-tag", "noindex"),
]


class Scope(Protocol):
    """What we use of an RSGI scope."""

    method: str
    path: str
    query_string: str
    authority: str | None
    headers: Headers


class Answer(Protocol):
    """What we use of an RSGI protocol."""

    def response_empty(self, status: int, headers: _Pairs) -> None:
        """Answer without a body."""

    def response_bytes(self, status: int, headers: _Pairs, body: bytes) -> None:
        """Answer with a body."""


class Edge:
    """One process of the edge."""

    def __init__(self, settings: EdgeSettings) -> None:
        keys = load_keys(settings.keys_file)
        self._settings = settings
        self._links = lru_cache(KNOWN_LINKS)(LinkSealer(keys).open)
        self._sealer = ClickSealer(keys)
        secure = urlsplit(settings.edge_url).scheme == "https"
        self._cookie_name = "__Host-spx" if secure else "spx"
        flags = "; Secure" if secure else ""
        self._cookie_flags = f"; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax{flags}"
        self._directory = kept_directory(settings.data)
        self._tag = files("salepixel_edge").joinpath("sp.js").read_bytes()
        self._counts: Counter[str] = Counter()
        self._writer: Writer
        self._shipper: Shipper

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Granian calls this in the worker process, before the first request."""
        settings = self._settings
        end_with_parent()
        journal = take_slot(settings.data / "journal", settings.edge_name, settings.edge_segment_bytes)
        self._writer = Writer(journal, loop)
        self._shipper = Shipper(settings, journal, self._know)
        self._shipper.start()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Granian calls this when the last request was answered."""
        self._writer.close()
        self._shipper.stop()
        self._writer.journal.close()

    async def __rsgi__(self, scope: Scope, answer: Answer) -> None:
        """Answer one request."""
        path, method = scope.path, scope.method
        if method not in ("GET", "HEAD"):
            answer.response_empty(405, [("allow", "GET, HEAD"), _PRIVATE])
        elif path.startswith("/c/"):
            await self._click(scope, answer, path[3:])
        elif path == "/track/sale":
            await self._pixel(scope, answer)
        elif path == "/sp.js":
            self._serve(scope, answer, self._tag, "text/javascript; charset=utf-8")
        elif path == "/healthz":
            self._health(answer)
        elif path == "/robots.txt":
            self._serve(scope, answer, b"User-agent: *\nDisallow: /\n", "text/plain")
        else:
            answer.response_bytes(404, _PAGE, NOT_FOUND)

    async def _click(self, scope: Scope, answer: Answer, token: str) -> None:
        try:
            link = self._links(token)
        except BadLink:
            self._counts["bad_link"] += 1
            answer.response_bytes(404, _PAGE, NOT_FOUND)
            return
        contact, unrendered = read_contact(scope.query_string)
        signals = read_signals(scope.method, scope.headers, unrendered=unrendered)
        if signals & Signal.PRIVACY:
            contact = ""
        click = Click(new_click_id(), link.emp_id, link.campaign, link.link, contact)
        record = ClickRecord(click, signals, read_agent(scope.headers))
        durable = self._writer.append(pack_payload(record))
        headers = self._redirect(link, click, signals)
        await durable
        self._counts["clicks"] += 1
        answer.response_empty(302, headers)

    def _redirect(self, link: Link, click: Click, signals: Signal) -> _Pairs:
        if not signals.is_visit or signals & Signal.PRIVACY:
            return [("location", link.url), *_REDIRECT]
        token = self._sealer.seal(click)
        return [
            ("location", with_parameter(link.url, self._settings.click_parameter, token)),
            ("set-cookie", f"{self._cookie_name}{link.emp_id}={token}{self._cookie_flags}"),
            *_REDIRECT,
        ]

    async def _pixel(self, scope: Scope, answer: Answer) -> None:
        reason, durable = self._take_hit(scope)
        if durable:
            await durable
        self._counts[reason or "hits"] += 1
        verdict = f"ignored; {reason}" if reason else "counted"
        answer.response_bytes(200, [*_IMAGE, ("x-salepixel", verdict)], GIF)

    def _take_hit(self, scope: Scope) -> tuple[str, Awaitable[None] | None]:
        """Journal a hit; gives why it does not count (or an empty text), and when it is on disk.

        Also what is ignored is kept, so that a shop owner can see it, if the account is known and the
        host is its own: anything else could be anybody.
        """
        try:
            hit, reason = parse_hit(scope.query_string), ""
        except BadHit as bad:
            hit, reason = Hit(bad.emp_id), bad.reason
        stranger = self._stranger(hit.emp_id, read_host(scope.authority, scope.headers))
        if not hit.emp_id or stranger:
            return stranger or reason, None
        signals = read_signals(scope.method, scope.headers, unrendered=False)
        if not signals.is_visit:
            reason = reason or "not_a_visit"
        signed = False
        if not reason:
            signed, reason = self._check_signature(hit)
        cookie = read_cookie(scope.headers, f"{self._cookie_name}{hit.emp_id}")
        tokens = () if signals & Signal.PRIVACY else (cookie, hit.click)
        record = HitRecord(
            id=new_click_id(),
            emp_id=hit.emp_id,
            query=scope.query_string[:4096],
            cookie=open_click(self._sealer, hit.emp_id, *tokens),
            ignored=reason,
            signed=signed,
        )
        return reason, self._writer.append(pack_payload(record))

    def _stranger(self, emp_id: int, host: str) -> str:
        directory = self._directory
        if not emp_id or directory is None:
            return ""  # no account named, or none known yet: the fold will judge
        if emp_id not in directory.accounts:
            return "unknown_account"
        tracking_host, _ = directory.accounts[emp_id]
        return "wrong_host" if tracking_host and host != tracking_host.lower() else ""

    def _check_signature(self, hit: Hit) -> tuple[bool, str]:
        directory = self._directory
        secret = directory.accounts[hit.emp_id][1] if directory else ""
        if hit.signature and secret:
            good = is_signed(bytes.fromhex(secret), hit)
            return good, "" if good else "bad_signature"
        must = directory is not None and hit.emp_id in directory.require_signature
        return False, "unsigned" if must else ""

    def _serve(self, scope: Scope, answer: Answer, body: bytes, kind: str) -> None:
        headers = [("cache-control", "public, max-age=3600"), ("content-type", kind)]
        answer.response_bytes(200, headers, b"" if scope.method == "HEAD" else body)

    def _health(self, answer: Answer) -> None:
        writer, own = self._writer, self._shipper.own
        stalled = writer.stalled_seconds() > STALLED_SECONDS
        on_disk = writer.journal.durable.number
        state = {
            "status": "stalled" if stalled else "ok" if self._shipper.connected else "degraded",
            "journal": writer.journal.name,
            "on_disk": on_disk,
            "shipped": own.shipped,
            "in_database": own.mark,
            "lag": on_disk - own.mark,
            "redis": "ok" if self._shipper.connected else "away",
            "lost": {"count": writer.lost.count, "from_ms": writer.lost.from_ms, "to_ms": writer.lost.to_ms},
            "counts": dict(self._counts),
            "time_ms": time.time_ns() // 1_000_000,
        }
        headers = [_PRIVATE, ("content-type", "application/json")]
        answer.response_bytes(503 if stalled else 200, headers, json.dumps(state).encode())

    def _know(self, directory: Directory) -> None:
        self._directory = directory


def create() -> Edge:
    """The application of one granian worker process, from the environment."""
    return Edge(EdgeSettings.load(environment()))
