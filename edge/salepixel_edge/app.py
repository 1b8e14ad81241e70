"""The edge as an RSGI application. Read from `Edge.__rsgi__` down: that is the path of every click."""

import asyncio
import hashlib
import json
from collections import Counter
from functools import lru_cache
from importlib.resources import files
from typing import Protocol
from urllib.parse import urlsplit

from salepixel.clicks import Click, ClickSealer, Signal, new_click_id
from salepixel.keys import load_keys
from salepixel.links import BadLink, Link, LinkSealer, with_parameter
from salepixel.processes import allow_stopping, end_with_parent, hold_stopping
from salepixel.settings import EdgeSettings, environment
from salepixel.streams import ClickRecord, Directory, pack_payload
from salepixel_edge.directory import kept_directory
from salepixel_edge.health import read_health
from salepixel_edge.journal import take_slot
from salepixel_edge.pixel import PixelRequest, judge, record_of
from salepixel_edge.request import (
    Headers,
    header,
    read_agent,
    read_contact,
    read_cookie,
    read_host,
    read_signals,
)
from salepixel_edge.shipper import Shipper
from salepixel_edge.writer import Writer

COOKIE_SECONDS = 90 * 24 * 3600
NEWS_SECONDS = 1.0
REDIS_SECONDS = 1.0
"""How long a start waits for an answer of Redis, at most."""

KNOWN_LINKS = 4096
"""Decoded links that are kept at hand: a mailing has dozens, and each is asked for a million times."""

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
NOT_FOUND = (
    b"<!doctype html><html lang=en><title>Not found</title><p>This link leads nowhere (any more).</html>\n"
)
ROBOTS = b"User-agent: *\nDisallow: /\n"

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
_JSON: _Pairs = [_PRIVATE, ("content-type", "application/json")]


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
        self._tag_version = f'"{hashlib.sha256(self._tag).hexdigest()[:16]}"'
        self._counts: Counter[str] = Counter()
        self._writer: Writer
        self._shipper: Shipper

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Granian calls this in the worker process, before the first request."""
        settings = self._settings
        loop.call_soon(allow_stopping)
        end_with_parent()
        journal = take_slot(settings.data / "journal", settings.edge_name, settings.edge_segment_bytes)
        self._writer = Writer(journal, loop)
        self._shipper = Shipper(settings, journal, self._know)
        self._shipper.start()
        # Before the first number is given, to know those that are taken, also by what a disk has lost since.
        self._shipper.tried.wait(REDIS_SECONDS)

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
            self._serve_tag(scope, answer)
        elif path == "/healthz":
            self._serve_health(answer)
        elif path == "/robots.txt":
            answer.response_bytes(200, [("content-type", "text/plain")], ROBOTS)
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
        if signals and signals & Signal.PRIVACY:  # flags are slow, and most clicks have none
            contact = ""
        click = Click(new_click_id(), link.emp_id, link.campaign, link.link, contact)
        record = ClickRecord(click, signals, read_agent(scope.headers))
        durable = self._writer.append(pack_payload(record))
        headers = self._redirect(link, click, signals)
        await durable
        self._counts["clicks"] += 1
        if signals:
            self._counts.update(str(signal.name).lower() for signal in signals)
        answer.response_empty(302, headers)

    def _redirect(self, link: Link, click: Click, signals: Signal) -> _Pairs:
        if signals and (signals & Signal.PRIVACY or not signals.is_visit):
            return [("location", link.url), *_REDIRECT]
        token = self._sealer.seal(click)
        return [
            ("location", with_parameter(link.url, self._settings.click_parameter, token)),
            ("set-cookie", f"{self._cookie_name}{link.emp_id}={token}{self._cookie_flags}"),
            *_REDIRECT,
        ]

    async def _pixel(self, scope: Scope, answer: Answer) -> None:
        headers = scope.headers
        signals = read_signals(scope.method, headers, unrendered=False)
        request = PixelRequest(scope.query_string, read_host(scope.authority, headers), signals)
        judgement = judge(request, self._directory)
        if judgement.reason == "unknown_account":
            await self._hear_of_accounts()
            judgement = judge(request, self._directory)
        if judgement.account:
            cookie = read_cookie(headers, f"{self._cookie_name}{judgement.account}")
            record = record_of(request, judgement, cookie, self._sealer)
            await self._writer.append(pack_payload(record))
        self._counts[judgement.reason or "hits"] += 1
        verdict = f"ignored; {judgement.reason}" if judgement.reason else "counted"
        answer.response_bytes(200, [*_IMAGE, ("x-salepixel", verdict)], GIF)

    async def _hear_of_accounts(self) -> None:
        """Wait until the directory was read anew, or for a moment: an account may have been made just now."""
        reads = self._shipper.directory_reads
        for _ in range(int(NEWS_SECONDS / 0.05)):
            # Two reads: the first one may have begun before the account was there.
            if not self._shipper.connected or self._shipper.directory_reads >= reads + 2:
                return
            await asyncio.sleep(0.05)

    def _serve_tag(self, scope: Scope, answer: Answer) -> None:
        headers = [("cache-control", "public, max-age=3600"), ("etag", self._tag_version)]
        if self._tag_version in header(scope.headers, "if-none-match"):
            answer.response_empty(304, headers)
        else:
            answer.response_bytes(200, [*headers, ("content-type", "application/javascript")], self._tag)

    def _serve_health(self, answer: Answer) -> None:
        status, facts = read_health(self._writer, self._shipper, self._counts)
        answer.response_bytes(status, _JSON, json.dumps(facts).encode())

    def _know(self, directory: Directory) -> None:
        self._directory = directory


def create() -> Edge:
    """The application of one granian worker process, from the environment."""
    hold_stopping()
    return Edge(EdgeSettings.load(environment()))
