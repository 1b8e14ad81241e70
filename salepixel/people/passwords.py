"""Passwords: which are refused, and how the others are stored (argon2-cffi)."""

import unicodedata
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST = 12
"""NIST SP 800-63B-4, 3.1.1.2, wants 8 characters beside a second factor and 15 without one. We cannot know
at the choice of a password whether a second factor follows, and take a number between them."""

MOST = 200
"""The same section: at least 64 must be allowed."""

_FEW = 5
_WORST = files(__package__).joinpath("worst_passwords.txt")

# The second of the settings that OWASP gives for Argon2id (Password Storage Cheat Sheet, 2025): 19 MiB, so
# that many people who sign in at once do not use up the memory.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def find_problem(password: str, email: str, name: str) -> str | None:
    """Why a new password is refused: `too_short`, `too_long`, `common` or `about_you`; None: it is good.

    No rules about kinds of characters and no expiry, as in SP 800-63B-4, 3.1.1.2.
    """
    text = _normal(password)
    if len(text) < LEAST:
        return "too_short"
    if len(text) > MOST:
        return "too_long"
    folded = text.casefold()
    if folded in _worst() or len(set(folded)) < _FEW or _repeats(folded):
        return "common"
    own = {email, email.partition("@")[0], name, *name.split(), "salepixel"}
    rest = folded
    for one in sorted(map(str.casefold, own), key=len, reverse=True):
        if len(one) >= 3:
            rest = rest.replace(one, "")
    return "about_you" if len(rest) < LEAST // 2 else None


def hash_password(password: str) -> str:
    """The password as it is stored: Argon2id with a random salt, in its own format (PHC string)."""
    return _HASHER.hash(_normal(password))


def is_right(stored: str | None, password: str) -> bool:
    """Whether it is the stored password. None, for an unknown person, takes the same time as a wrong one.

    So does an empty text, for a person without a password.
    """
    if len(password) > MOST:
        return False
    try:
        return _HASHER.verify(stored or _nobodys(), _normal(password)) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return _HASHER.hash("the password of nobody")


@cache
def _worst() -> frozenset[str]:
    lines = _WORST.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("# "))


def _normal(password: str) -> str:
    # NFKC: the same keys give the same bytes on every system (SP 800-63B-4, 3.1.1.2).
    return unicodedata.normalize("NFKC", password.encode("utf-8", "replace").decode())


def _repeats(text: str) -> bool:
    """A short text several times, such as abcabcabcabc or passwordpassword."""
    return any(text == (text[:n] * len(text))[: len(text)] for n in range(1, len(text) // 2 + 1))
