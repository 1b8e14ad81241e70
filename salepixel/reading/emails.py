"""E-mail addresses from people and lists."""

import re
from contextlib import suppress

from salepixel.reading.addresses import BadHost, normal_host

MAX_EMAIL = 320
"""The most characters of an address (RFC 3696, 3, before its erratum 1690)."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def is_email(text: str) -> bool:
    """Whether a text, without its outer white space, has the form of an e-mail address."""
    address = text.strip()
    return len(address) <= MAX_EMAIL and _EMAIL.fullmatch(address) is not None and address.isprintable()


_SPECIAL = re.compile(r'[()<>\[\]:;,\\"%]')
"""Characters that a name has only in quotes (RFC 5322, 3.2.3), and the % of old relays: nobody has them."""


def read_recipient(text: str) -> str:
    """An address that e-mail can be sent to, its domain in ASCII; empty if it is none."""
    name, _, domain = text.strip().rpartition("@")
    if not is_email(text) or _SPECIAL.search(name) or not 0 < len(name.encode()) <= 64:
        return ""
    if name.startswith(".") or name.endswith(".") or ".." in name:
        return ""
    with suppress(BadHost):
        host = normal_host(domain)
        if "." in host and not host.endswith(".") and ":" not in host:
            return f"{name}@{host}"
    return ""
