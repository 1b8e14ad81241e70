"""Requests of the server itself: to the tracking host, and to the shop's first page."""

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import parse_qs, urljoin, urlsplit

from salepixel.accounts.store import Account
from salepixel.campaigns.links import edge_url
from salepixel.checks import store
from salepixel.checks.result import Finding
from salepixel.checks.sites import site_of
from salepixel.checks.tag import find_tag
from salepixel.reading.addresses import is_local
from salepixel.wire import outgoing
from salepixel.wire.outgoing import Answer, CallFailed, Forbidden, Unreachable
from salepixel.wire.round_trip import PARAMETER, PATH, BadTrip, RoundTrips, Ticket

SECONDS = 5.0
PAGE_BYTES = 1_000_000
MAX_REDIRECTS = 3

AGENT = {"User-Agent": "Mozilla/5.0 (compatible; salepixel; first steps)"}
_BACK = "about:blank?"
_REDIRECTS = (301, 302, 303, 307, 308)

Call = Callable[..., Answer]


def page_of(account: Account) -> str:
    """The first page of the account's shop, or an empty text."""
    return f"https://{account.site}/" if account.site else ""


def probe(
    account: Account, edge: str, trips: RoundTrips, now: datetime, *, call: Call = outgoing.call
) -> dict[str, Finding]:
    """Ask the tracking host and the shop's first page, both at once; at most 5 s. Needs no transaction."""
    base, page = edge_url(edge, account.tracking_host), page_of(account)
    host, emp_id = urlsplit(base).hostname or "", account.emp_id
    hosts = {host, urlsplit(edge).hostname or ""}
    with ThreadPoolExecutor(2) as threads:
        tried = {}
        if not is_local(host):
            tried[store.HOST] = base, threads.submit(probe_host, base, trips, emp_id, call=call)
        if page:
            tried[store.PAGE] = page, threads.submit(probe_page, page, hosts, emp_id, call=call)
        return {name: Finding(target, asked.result(), now) for name, (target, asked) in tried.items()}


def probe_host(base: str, trips: RoundTrips, emp_id: int, *, call: Call = outgoing.call) -> str:
    """The reason why our edge cannot be used at `base` (scheme and host); empty if it can.

    It makes the round trip of wire/round_trip.py: only an edge with our keys reads the ticket.
    """
    now = datetime.now(UTC)
    deadline = time.monotonic() + SECONDS
    ticket = trips.ticket(Ticket(emp_id, _BACK, now))
    try:
        first = call("GET", f"{base}{PATH}{ticket}", seconds=SECONDS, headers=AGENT)
        there = first.headers.get("location", "")
        if first.status != 302 or not there.startswith(PATH):
            return "other_server"
        cookie = first.headers.get("set-cookie", "").partition(";")[0]
        rest = max(deadline - time.monotonic(), 0.1)
        headers = AGENT | ({"Cookie": cookie} if cookie else {})
        second = call("GET", f"{base}{there}", seconds=rest, headers=headers)
        query = parse_qs(urlsplit(second.headers.get("location", "")).query)
        report = trips.read_report(query.get(PARAMETER, [""])[0], now)
    except CallFailed as failure:
        return _reason(failure)
    except BadTrip:
        return "other_server"
    if not cookie:
        return "cookie_not_set"
    return "" if report.kept else "cookie_not_read"


def probe_page(page: str, hosts: Collection[str], emp_id: int, *, call: Call = outgoing.call) -> str:
    """The reason why the tag is not found on a page of the shop; empty if it is.

    Follows redirects within the shop's site only, all within one deadline.
    """
    deadline, url = time.monotonic() + SECONDS, page
    try:
        for _ in range(MAX_REDIRECTS + 1):
            rest = max(deadline - time.monotonic(), 0.1)
            answer = call("GET", url, seconds=rest, max_bytes=PAGE_BYTES, headers=AGENT)
            if answer.status not in _REDIRECTS:
                break
            url = urljoin(url, answer.headers.get("location", ""))
            if site_of(urlsplit(url).hostname or "") != site_of(urlsplit(page).hostname or ""):
                return "bad_status"
    except CallFailed as failure:
        return _reason(failure)
    except ValueError:
        return "bad_status"  # not an address in a redirect
    if answer.status != 200:
        return "bad_status"
    # The tag is ASCII, which all encodings of web pages except UTF-16 share.
    return find_tag(answer.body.decode("utf-8", "replace"), hosts, emp_id)


def _reason(failure: CallFailed) -> str:
    # Whether a private address answers is nobody's business who may set an address; the log names it.
    return Unreachable.reason if isinstance(failure, Forbidden) else failure.reason
