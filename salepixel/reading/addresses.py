"""Host names from people, browsers and mail programs, in one normal form."""

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import unquote

import idna

_ASCII_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_ADDRESS = re.compile(r"[0-9a-f:.]+")
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([^\]]*)\](?::[0-9]{1,5})?")
MAX_HOST = 253


class BadHost(ValueError):
    """Not a host name; the message says why."""


def without_port(address: str) -> str:
    """An IP address without the port and the brackets that some proxies write into X-Forwarded-For.

    Azure's gateway sends 192.0.2.1:4711
    (learn.microsoft.com/azure/application-gateway/how-application-gateway-works).
    """
    found = _WITH_PORT.fullmatch(address)
    return found[1] or found[2] if found else address


def is_local(host: str) -> bool:
    """Whether a host names only the computer or network that it is used on."""
    if is_address(host):
        return not ip_address(host.strip("[]")).is_global
    return host == "localhost" or host.endswith((".localhost", ".local")) or "." not in host


def is_address(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@lru_cache(1024)  # an installation has few hosts, and each pixel hit needs one
def normal_host(text: str) -> str:
    """The host as in DNS and certificates: ASCII, in lower case, without the final dot.

    Names in other alphabets are mapped as in browsers: UTS 46, non-transitional, so straße.example is not
    strasse.example. `text` is a host without a port. An IPv6 address may have brackets; they are removed.
    Raises BadHost.
    """
    if ":" in text:
        address = text.removeprefix("[").removesuffix("]").lower()
        if not _ADDRESS.fullmatch(address):
            raise BadHost("is not an IP address")
        return address
    host = unicode_host(unquote(text) if "%" in text else text)
    labels = [_ascii_label(label) for label in host.split(".")]
    written = ".".join(labels)
    if len(written) > MAX_HOST:
        raise BadHost(f"is longer than {MAX_HOST} characters")
    return written


def unicode_host(text: str) -> str:
    """The host's name mapped by UTS 46, in Unicode, without the final dot. Raises BadHost."""
    if text.isascii():
        return text.lower().removesuffix(".")
    try:
        return idna.uts46_remap(text, std3_rules=False, transitional=False).removesuffix(".")
    except ValueError as error:
        raise BadHost("contains a character that host names cannot have") from error


def _ascii_label(label: str) -> str:
    # ValueError: idna names a character of an invalid label, and control characters have no name.
    try:
        if label.startswith("xn--"):
            _check(label.removeprefix("xn--").encode("ascii").decode("punycode"))
        elif not label.isascii():
            _check(label)
            label = "xn--" + label.encode("punycode").decode("ascii")
    except ValueError as error:
        raise BadHost("contains letters that cannot be together in a host name") from error
    if not _ASCII_LABEL.fullmatch(label):
        raise BadHost("is not a host name")
    return label


def _check(label: str) -> None:
    """Raise for labels that browsers reject (UTS 46, 4.1: joiners, directions). They accept ❤."""
    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    for at, letter in enumerate(label):
        if letter in "\u200c\u200d" and not idna.valid_contextj(label, at):
            raise idna.InvalidCodepointContext("a joiner that joins nothing")
