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
"""A contact that fits into a token; with header and tag this makes 119 characters."""

_VERSION = 1
_CLAIMS = struct.Struct(">I6s6s")
_BODY = struct.Struct(">16sI6s6s")
_DIGEST = 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_EPOCH = datetime.fromtimestamp(0, UTC)


class BadClickToken(ValueError):
    """Not a click token that we made: cut, changed, or sealed with a key that is gone."""


class Verdict(StrEnum):
    """Whether a human or a bot clicked, as far as the signals show."""

    HUMAN = "human"
    BOT = "bot"
    UNKNOWN = "unknown"


class Signal(IntFlag):
    """What the edge saw of a request that bears on the verdict."""

    HEAD = 1
    PREFETCH = 2
    UNRENDERED = 4
    PRIVACY = 8  # Sec-GPC: 1, nothing that identifies a person is kept
    NO_AGENT = 16
    KNOWN_AGENT = 32  # set by the fold, from the user agent that the edge passed on
    NO_FETCH = 64  # no Sec-Fetch-* header, on an edge that is reached over https
    # The rest is set by the fold, from the user agent and the address, which are not kept.
    FETCH_MISSING = 128  # NO_FETCH, from a browser that sends them
    OLD_AGENT = 256  # a browser of a version that nobody should have any more
    GATEWAY = 512  # from a network of a mail gateway where no person browses
    GATEWAY_LIKELY = 1024  # from a network of a mail gateway behind which people may browse too
    # The family of the browser, for the coverage: nothing more of the user agent is kept.
    CHROMIUM = 2048  # Chrome, Edge, Opera, Samsung's and others
    FIREFOX = 4096
    SAFARI = 8192  # and everything on an iPhone

    @property
    def is_visit(self) -> bool:
        """True when a browser shows the page now, so that a cookie and a token make sense."""
        return not self & (Signal.HEAD | Signal.PREFETCH | Signal.UNRENDERED)


_BROWSERS = {int(Signal.CHROMIUM): "Chromium", int(Signal.FIREFOX): "Firefox", int(Signal.SAFARI): "Safari"}
_ANY_BROWSER = sum(_BROWSERS)
OTHER_BROWSER = "other"


def browser_of(signals: int) -> str:
    """The family of a click's browser, or OTHER_BROWSER."""
    return _BROWSERS.get(signals & _ANY_BROWSER, OTHER_BROWSER)


@cache
def signals_of(number: int) -> Signal:
    """The signals that a number stands for. Kept: making a flag costs more than reading a whole record."""
    return Signal(number)


class Click(NamedTuple):
    """A contact followed a link. `id` is 16 bytes: 48 bits of milliseconds, then 80 random bits."""

    id: bytes
    emp_id: int
    campaign: str
    link: str
    contact: str = ""

    @property
    def clicked_at(self) -> datetime:
        """When, in UTC, to the millisecond."""
        return time_of_click(self.id)

    @property
    def clicked_ms(self) -> int:
        """When, in milliseconds since 1970."""
        return int.from_bytes(self.id[:6])


def time_of_click(click_id: bytes) -> datetime:
    """When a click was made, in UTC, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=int.from_bytes(click_id[:6]))


def new_click_id(now_ms: int | None = None, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """A new click id. Ids sort by time, so that they append to an index."""
    milliseconds = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return milliseconds.to_bytes(6) + random(10)


class ClickIds:
    """New click ids by the million: as new_click_id gives them, but with one system call for hundreds."""

    def __init__(self) -> None:
        self._random: list[bytes] = []

    def new(self) -> bytes:
        """A new click id. Never share this between processes: both would give the same."""
        if not self._random:
            random = os.urandom(10 * 400)
            self._random = [random[at : at + 10] for at in range(0, len(random), 10)]
        return (time.time_ns() // 1_000_000).to_bytes(6) + self._random.pop()


def pack_claims(emp_id: int, campaign: str, link: str) -> bytes:
    """What is the same in every click on a link, as 16 bytes."""
    return _CLAIMS.pack(emp_id, bytes.fromhex(campaign), bytes.fromhex(link))


def least_id_at(time: datetime) -> bytes:
    """The least id that a click of this millisecond can have: ids from here on are not older."""
    return max(0, (time - _EPOCH) // timedelta(milliseconds=1)).to_bytes(6) + bytes(10)


def token_contact(ref: str) -> str:
    """A contact's reference as an opened token has it: "#" and a digest in hex for a long one."""
    raw = ref.encode()
    return ref if len(raw) <= TOKEN_CONTACT_BYTES else f"#{_digest(raw).hex()}"


def is_digest(contact: str) -> bool:
    """True for what an opened token has instead of a long reference."""
    return contact.startswith("#") and len(contact) == 1 + 2 * _DIGEST


def _digest(contact: bytes) -> bytes:
    return hashlib.blake2b(contact, digest_size=_DIGEST).digest()


class ClickSealer:
    """Makes and opens click tokens.

    AES-SIV (RFC 5297) needs no nonce, so nothing breaks when a random generator does; the click id in
    the sealed text makes each token differ.
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

        A contact reference of more than 39 bytes goes in as a digest; `open` then gives it as "#" and
        32 hex digits, and the click's row in the database has it whole.
        """
        claims = pack_claims(click.emp_id, click.campaign, click.link)
        return self.seal_packed(click.id, claims, click.contact.encode()).decode()

    def seal_packed(self, click_id: bytes, claims: bytes, contact: bytes) -> bytes:
        """`seal` for who has the parts at hand: the claims as of pack_claims, the contact in UTF-8."""
        if len(contact) > TOKEN_CONTACT_BYTES:
            contact = b"\x00" + _digest(contact)
        head, cipher = self._active
        sealed = cipher.encrypt(click_id + claims + contact, [head])
        return b2a_base64(head + sealed, newline=False).translate(_URL_SAFE, b"=")

    def open(self, token: str) -> Click:
        """The click of a token. Raises BadClickToken for anything that `seal` did not make."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (UnicodeError, Base64Error, ValueError) as error:
            raise BadClickToken("unreadable") from error
        if len(raw) < 2 + _BODY.size + 16 or raw[0] != _VERSION or raw[1] not in self._ciphers:
            raise BadClickToken("unknown version or key, or cut")
        try:
            opened = self._ciphers[raw[1]].decrypt(raw[2:], [raw[:2]])
        except (InvalidTag, ValueError) as error:
            raise BadClickToken("forged or cut") from error
        if urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
            raise BadClickToken("not as we wrote it")
        click_id, emp_id, campaign, link = _BODY.unpack_from(opened)
        contact = opened[_BODY.size :]
        # Normal: tokens of older edges may hold a reference as it was sent.
        is_whole = contact[:1] != b"\x00"
        reference = normal_reference(contact.decode()) if is_whole else "#" + contact[1:].hex()
        return Click(click_id, emp_id, campaign.hex(), link.hex(), reference)
