"""The tracking host: reached over https, on the shop's site, and its cookies come back."""

from urllib.parse import urlsplit

from salepixel.checks.result import Finding, Result, State
from salepixel.checks.sites import site_of
from salepixel.reading.addresses import is_local

HOST, SITE, COOKIE = "tracking_host", "same_site", "cookie"

COOKIE_REASONS = frozenset({"cookie_not_set", "cookie_not_read"})
"""What the server's own request may find about the cookie, although it reaches our edge."""


def check_host(base: str, finding: Finding | None) -> Result:
    """Whether our edge answers at `base`, the scheme and host of the tracked links."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    if is_local(host):
        return Result(HOST, State.WAITING, "host_local", {"host": host})
    if finding is None or finding.target != base:
        return Result(HOST, State.WAITING, "host_not_checked", {"host": host})
    words = {"host": host, "time": finding.at}
    if finding.reason and finding.reason not in COOKIE_REASONS:
        return Result(HOST, State.BROKEN, f"host_{finding.reason}", words)
    if parts.scheme != "https":
        return Result(HOST, State.WAITING, "host_not_https", words)
    return Result(HOST, State.DONE, "host_reached", words)


def check_same_site(base: str, site: str) -> Result:
    """Whether the tracking host has the registrable domain of the shop's `site`, a host name or empty."""
    host = urlsplit(base).hostname or ""
    if not site:
        return Result(SITE, State.WAITING, "site_needed")
    if is_local(host):
        return Result(SITE, State.WAITING, "host_needed")
    words = {"host": host, "site": site, "wanted": site_of(site)}
    if site_of(host) != site_of(site):
        return Result(SITE, State.BROKEN, "other_site", words)
    return Result(SITE, State.DONE, "same_site", words)


def check_cookie(base: str, finding: Finding | None, browser: Finding | None) -> Result:
    """Whether a cookie of the edge comes back: to the server's own request, and from a reader's browser."""
    host = urlsplit(base).hostname or ""
    if finding and finding.target == base and finding.reason in COOKIE_REASONS:
        return Result(COOKIE, State.BROKEN, finding.reason, {"host": host, "time": finding.at})
    if browser is None or browser.target != host:
        return Result(COOKIE, State.WAITING, "cookie_not_tried", {"host": host})
    words = {"host": host, "time": browser.at}
    if browser.reason:
        return Result(COOKIE, State.BROKEN, "cookie_lost", words)
    return Result(COOKIE, State.DONE, "cookie_kept", words)
