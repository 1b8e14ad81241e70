"""Browsers in which a person has signed in before, known by a cookie.

Without it, wrong passwords of a stranger would lock a person out: see wrong_passwords.py. The idea is that of
OWASP's "Slow Down Online Guessing Attacks with Device Cookies".
"""

import hashlib
import hmac
import secrets

from salepixel.keys import Keys, normal_address

COOKIE = "salepixel_browser"
DAYS = 365


def new_mark(keys: Keys, email: str) -> str:
    """The cookie's value for a browser in which the person with this address has just signed in."""
    nonce = secrets.token_urlsafe(12)
    return f"{nonce}.{_mac(keys, keys.active, nonce, email)}"


def find_mark(keys: Keys, cookie: str, email: str) -> str:
    """The mark of a cookie that was made for this address; empty for another cookie."""
    nonce, _, given = cookie.rpartition(".")
    made = [_mac(keys, key_id, nonce, email) for key_id in keys.secrets]
    return nonce if any(hmac.compare_digest(given.encode(), one.encode()) for one in made) else ""


def _mac(keys: Keys, key_id: int, nonce: str, email: str) -> str:
    message = f"{nonce}\n{normal_address(email)}".encode("utf-8", "replace")
    return hmac.digest(keys.derive(key_id, "known browser"), message, hashlib.sha256).hex()
