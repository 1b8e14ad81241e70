"""Codes of a second factor: time-based one-time passwords (RFC 6238), as authenticator apps make them.

Our own lines, because pyotp's `verify` does not say which step a code belongs to, and a code must be valid
only once (RFC 6238, 5.2).
"""

import hmac
import secrets
from base64 import b32encode
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
DRIFT = 1
"""A code of the step before or after is valid, too: clocks differ, and typing takes time (RFC 6238, 5.2)."""

_SECRET_BYTES = 20  # RFC 4226, 4, R6


def new_secret() -> str:
    """A new secret as hex digits."""
    return secrets.token_hex(_SECRET_BYTES)


def code_at(secret: str, step: int) -> str:
    """The code of a step (RFC 4226, 5.3)."""
    digest = hmac.digest(bytes.fromhex(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def find_step(secret: str, code: str, at: datetime, last: int) -> int | None:
    """The step of a valid code at a time (aware); None for another code, or one up to the step `last`."""
    text = "".join(code.split())
    if not (len(text) == DIGITS and text.isascii() and text.isdigit()):
        return None
    now = int(at.timestamp()) // STEP_SECONDS
    steps = [step for step in range(now - DRIFT, now + DRIFT + 1) if step > last]
    found = [step for step in steps if hmac.compare_digest(code_at(secret, step), text)]
    return found[0] if found else None


def as_base32(secret: str) -> str:
    """The secret as people type it into an app: groups of four characters."""
    text = b32encode(bytes.fromhex(secret)).decode().rstrip("=")
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def as_uri(secret: str, email: str, issuer: str) -> str:
    """The address in the QR code (github.com/google/google-authenticator/wiki/Key-Uri-Format)."""
    query = urlencode({"secret": as_base32(secret).replace(" ", ""), "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{quote(f'{issuer}:{email}')}?{query}"
