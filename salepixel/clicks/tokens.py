"""Clicks, and click tokens: the click itself, encrypted, small enough for a cookie or order metadata."""

import hashlib
import os
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import IntFlag, StrEnum
from functools import cache, cached_property
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from salepixel.keys import Keys
from salepixel.reading.references import normal_reference

TOKEN_CONTACT_BYTES = 39
"""The longest contact reference that a token holds whole; the token then has 119 characters."""

_VERSION = 1
_CLAIMS = struct.Struct(">I6s6s")
_BODY = struct.Struct(">16sI6s6s")
_DIGEST = 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_EPOCH = datetime.fromtimestamp(0, UTC)


class BadClickToken(ValueError):
    """Not a valid click token: truncated, changed, or encrypted with a removed key."""


class Verdict(StrEnum):
    """Whether a human or a bot clicked, as far as the signals show."""

    HUMAN = "human"
    BOT = "bot"
    UNKNOWN = "unknown"


class Signal(IntFlag):
    """Signals of a request, for the verdict."""

    HEAD = 1
    PREFETCH = 2
    UNRENDERED = 4
    PRIVACY = 8  # Sec-GPC: 1, so nothing that identifies a person is stored
    NO_AGENT = 16
    KNOWN_AGENT = 32  # set by the fold, from the user agent
    NO_FETCH = 64  # no Sec-Fetch-* header, on an edge behind https
    # The fold sets the rest, from the user agent and the IP address, which are not stored.
    FETCH_MISSING = 128  # NO_FETCH, from a browser that sends them
    OLD_AGENT = 256  # an outdated version of a browser that updates automatically
    GATEWAY = 512  # from a mail gateway's network, where nobody browses
    GATEWAY_LIKELY = 1024  # from a mail gateway's network, where some people may browse
    # The browser family, for Tracking health: the only stored part of the user agent.
    CHROMIUM = 2048  # Chrome, Edge, Opera, Samsung's and others
    FIREFOX = 4096
    SAFARI = 8192  # and every browser on an iPhone

    __hash__ = int.__hash__  # the enum's own __hash__ is a Python function, called for each click

    @property
    def is_visit(self) -> bool:
        """True if a browser shows the page now, so that a cookie and a token are useful."""
        return not self & (Signal.HEAD | Signal.PREFETCH | Signal.UNRENDERED)


_BROWSERS = {int(Signal.CHROMIUM): "Chromium", int(Signal.FIREFOX): "Firefox", int(Signal.SAFARI): "Safari"}
_ANY_BROWSER = sum(_BROWSERS)
OTHER_BROWSER = "other"


def browser_of(signals: int) -> str:
    """The family of a click's browser, or OTHER_BROWSER."""
    return _BROWSERS.get(signals & _ANY_BROWSER, OTHER_BROWSER)


@cache
def signals_of(number: int) -> Signal:
    """The signals in a number. Cached: making a flag takes longer than parsing a whole record."""
    return Signal(number)


class Click(NamedTuple):
    """A contact's click on a link. `id` is 16 bytes: 48 bits of milliseconds, then 80 random bits."""

    id: bytes
    emp_id: int
    campaign: str
    link: str
    contact: str = ""

    @property
    def clicked_at(self) -> datetime:
        """The time of the click in UTC, to the millisecond."""
        return time_of_click(self.id)

    @property
    def clicked_ms(self) -> int:
        """The time of the click in milliseconds since 1970."""
        return int.from_bytes(self.id[:6])


def time_of_click(click_id: bytes) -> datetime:
    """The time in a click id, in UTC, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=int.from_bytes(click_id[:6]))


def id_after(click_id: bytes) -> bytes:
    """The next click id."""
    return (int.from_bytes(click_id) + 1).to_bytes(16)


def new_click_id(now_ms: int | None = None, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """A new click id. Ids sort by time, so a database index only grows at its end."""
    milliseconds = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return milliseconds.to_bytes(6) + random(10)


class ClickIds:
    """Makes click ids like `new_click_id`, but with one system call for 400 of them."""

    def __init__(self) -> None:
        self._random: list[bytes] = []

    def new(self) -> bytes:
        """A new click id. Never share this object between processes: both would return the same ids."""
        if not self._random:
            random = os.urandom(10 * 400)
            self._random = [random[at : at + 10] for at in range(0, len(random), 10)]
        return (time.time_ns() // 1_000_000).to_bytes(6) + self._random.pop()


def pack_claims(emp_id: int, campaign: str, link: str) -> bytes:
    """The fields that are the same in every click on a link, as 16 bytes."""
    return _CLAIMS.pack(emp_id, bytes.fromhex(campaign), bytes.fromhex(link))


def least_id_at(time: datetime) -> bytes:
    """The smallest possible click id of this millisecond: ids below it are older."""
    return max(0, (time - _EPOCH) // timedelta(milliseconds=1)).to_bytes(6) + bytes(10)


def token_contact(ref: str) -> str:
    """A contact's reference as a decrypted token has it: a long one becomes "#" and a digest in hex."""
    raw = ref.encode()
    return ref if len(raw) <= TOKEN_CONTACT_BYTES else f"#{_digest(raw).hex()}"


def is_digest(contact: str) -> bool:
    """True for the digest that replaces a long reference in a token."""
    return contact.startswith("#") and len(contact) == 1 + 2 * _DIGEST


def _digest(contact: bytes) -> bytes:
    return hashlib.blake2b(contact, digest_size=_DIGEST).digest()


class ClickSealer:
    """Encrypts and decrypts click tokens.

    AES-SIV (RFC 5297) needs no nonce, so a bad random generator does not break it. The click id makes each
    token different.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    @cached_property
    def _ciphers(self) -> dict[int, AESSIV]:
        return {key_id: AESSIV(self.keys.derive(key_id, "click", 32)) for key_id in self.keys.secrets}

    @cached_property
    def _active(self) -> tuple[bytes, AESSIV]:
        return bytes((_VERSION, self.keys.active)), self._ciphers[self.keys.active]

    def seal(self, click: Click) -> str:
        """The token of a click: URL-safe, at most 119 characters.

        A contact reference of more than 39 bytes is replaced by a digest: `open` returns "#" and 32 hex
        digits. The click's row in the database has the whole reference.
        """
        claims = pack_claims(click.emp_id, click.campaign, click.link)
        return self.seal_packed(click.id, claims, click.contact.encode()).decode()

    def seal_packed(self, click_id: bytes, claims: bytes, contact: bytes) -> bytes:
        """Like `seal`, from prepared parts: the claims from pack_claims, the contact in UTF-8."""
        if len(contact) > TOKEN_CONTACT_BYTES:
            contact = b"\x00" + _digest(contact)
        head, cipher = self._active
        sealed = cipher.encrypt(click_id + claims + contact, [head])
        return b2a_base64(head + sealed, newline=False).translate(_URL_SAFE, b"=")

    def open(self, token: str) -> Click:
        """The click in a token. Raises BadClickToken for anything that `seal` did not make."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (UnicodeError, Base64Error, ValueError) as error:
            raise BadClickToken("unreadable") from error
        if len(raw) < 2 + _BODY.size + 16 or raw[0] != _VERSION or raw[1] not in self._ciphers:
            raise BadClickToken("unknown version or key, or truncated")
        try:
            opened = self._ciphers[raw[1]].decrypt(raw[2:], [raw[:2]])
        except (InvalidTag, ValueError) as error:
            raise BadClickToken("forged or truncated") from error
        if urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
            raise BadClickToken("not in the form that seal writes")
        click_id, emp_id, campaign, link = _BODY.unpack_from(opened)
        contact = opened[_BODY.size :]
        # Normalised, because tokens of older edges may hold a reference as it was sent.
        is_whole = contact[:1] != b"\x00"
        reference = normal_reference(contact.decode()) if is_whole else "#" + contact[1:].hex()
        return Click(click_id, emp_id, campaign.hex(), link.hex(), reference)
