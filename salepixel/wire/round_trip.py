"""The check whether a browser keeps the edge's cookies: a round trip from a page of the plugin over the edge.

The plugin makes a ticket, and the browser takes it to the edge. There, `/check/<ticket>` sets a cookie and
redirects to `/check/<ticket>/back`, which redirects to the address in the ticket with a report: whether the
cookie came back. Ticket and report are encrypted and authenticated, so the edge redirects to no other
address, and nobody can invent a report.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from salepixel.keys import Keys

PATH = "/check/"
BACK = "/back"
COOKIE = "spxcheck"
PARAMETER = "report"
VALID = timedelta(minutes=10)

_TICKET, _REPORT = b"ticket", b"report"


class BadTrip(ValueError):
    """Not a ticket or report of ours, or an old one."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the plugin gives to the browser. `back`: the address to return to, with a query."""

    emp_id: int
    back: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What the edge found: whether its cookie came back over the tracking host `host`."""

    emp_id: int
    host: str
    kept: bool
    at: datetime


class RoundTrips:
    """Makes and reads tickets and reports, with any key of the installation."""

    def __init__(self, keys: Keys) -> None:
        self._active = keys.active
        self._ciphers = {key_id: AESSIV(keys.derive(key_id, "cookie check")) for key_id in keys.secrets}

    def ticket(self, ticket: Ticket) -> str:
        """The ticket as part of a path."""
        return self._seal(_TICKET, [ticket.emp_id, ticket.back, ticket.at.timestamp()])

    def read_ticket(self, text: str, now: datetime) -> Ticket:
        """The ticket in a path. Raises BadTrip."""
        emp_id, back, at = self._open(_TICKET, text, now)
        return Ticket(emp_id, back, at)

    def report(self, report: Report) -> str:
        """The report as the value of a parameter."""
        return self._seal(_REPORT, [report.emp_id, report.host, report.kept, report.at.timestamp()])

    def read_report(self, text: str, now: datetime) -> Report:
        """The report in a parameter. Raises BadTrip."""
        emp_id, host, kept, at = self._open(_REPORT, text, now)
        return Report(emp_id, host, kept, at)

    def _seal(self, kind: bytes, content: list[Any]) -> str:
        sealed = self._ciphers[self._active].encrypt(json.dumps(content).encode(), [kind])
        return urlsafe_b64encode(bytes((self._active,)) + sealed).decode().rstrip("=")

    def _open(self, kind: bytes, text: str, now: datetime) -> list[Any]:
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            *content, seconds = json.loads(self._ciphers[raw[0]].decrypt(raw[1:], [kind]))
        except (InvalidTag, Base64Error, ValueError, KeyError, IndexError) as error:
            raise BadTrip("not ours") from error
        at = datetime.fromtimestamp(seconds, UTC)
        if not now - VALID <= at <= now + VALID:  # the clocks of two machines may differ
            raise BadTrip("too old")
        return [*content, at]
