"""E-mail addresses from people and lists."""

import re

MAX_EMAIL = 320
"""The most characters of an address (RFC 3696, 3, before its erratum 1690)."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def is_email(text: str) -> bool:
    """Whether a text, without its outer white space, has the form of an e-mail address."""
    address = text.strip()
    return len(address) <= MAX_EMAIL and _EMAIL.fullmatch(address) is not None and address.isprintable()
