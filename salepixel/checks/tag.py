"""The storefront tag or the pixel on the shop's pages."""

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from urllib.parse import SplitResult, parse_qs, urlsplit

from salepixel.checks.result import Finding, Result, State

TAG = "tag"

NOT_OURS = frozenset({"not_found", "other_account", "other_host"})
"""What may be found on a page that was read."""

# A shop's template may write the pixel in a script of its own.
_PIXEL = re.compile(r"""(?:https?:)?//[^\s"'<>`\\/]{1,255}/track/sale\?[^\s"'<>`\\]{1,2000}""")


@dataclass(frozen=True, slots=True)
class _Found:
    host: str
    emp_id: str  # empty: not written there
    is_tag: bool


def check_tag(page: str, finding: Finding | None, last_hit: datetime | None) -> Result:
    """Whether the tag works. `last_hit`: the last counted pixel hit. `page`: the shop's first page, or ''."""
    if last_hit is not None:
        return Result(TAG, State.DONE, "tag_reports", {"time": last_hit})
    if not page:
        return Result(TAG, State.WAITING, "site_needed")
    if finding is None or finding.target != page:
        return Result(TAG, State.WAITING, "tag_not_checked", {"page": page})
    words = {"page": page, "time": finding.at}
    if not finding.reason:
        return Result(TAG, State.DONE, "tag_found", words)
    if finding.reason in ("not_found", *_UNREAD):
        return Result(TAG, State.WAITING, f"tag_{finding.reason}", words)
    return Result(TAG, State.BROKEN, f"tag_{finding.reason}", words)


_UNREAD = ("unreachable", "too_slow", "too_large", "bad_certificate", "bad_status")


def find_tag(html: str, hosts: Collection[str], emp_id: int) -> str:
    """Empty if a page has the tag or pixel of an account on one of its tracking hosts; otherwise a reason.

    `not_found`, or `other_account` or `other_host` for a tag that reports elsewhere. A tag without an account
    is found, because the tag then still keeps the click.
    """
    found = list(_look(html))
    here = [one for one in found if one.host in hosts]
    if any(one.emp_id in ("", str(emp_id)) for one in here):
        return ""
    if here:
        return "other_account"
    # A hosted pixel of another service has the same path, and another sp.js has no account.
    return "other_host" if any(one.is_tag and one.emp_id == str(emp_id) for one in found) else "not_found"


def _look(html: str) -> Iterator[_Found]:
    parser = _Parser()
    with suppress(AssertionError):  # Python's parser of 3.11 raises it for "<![" without a name
        parser.feed(html)
    yield from parser.tags
    for address in (*parser.images, *_PIXEL.findall(html)):
        parts = _split(address)
        if parts and parts.path == "/track/sale":
            query = parse_qs(parts.query.replace("&amp;", "&"))
            yield _Found(parts.hostname or "", query.get("empId", [""])[0], False)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[_Found] = []
        self.images: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        its = {name: value or "" for name, value in attrs}
        parts = _split(its.get("src", ""))
        if tag == "img":
            self.images.append(its.get("src", ""))
        elif tag == "script" and parts and parts.path == "/sp.js":
            self.tags.append(_Found(parts.hostname or "", its.get("data-emp-id", ""), True))


def _split(address: str) -> SplitResult | None:
    try:
        return urlsplit(address.strip())
    except ValueError:
        return None
