"""A link in a mail, with its position."""

import re
from dataclasses import dataclass
from html.entities import html5

from salepixel.reading.text import decode_bytes

_REFERENCE = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);?")
_BREAKS = re.compile(r"[\t\r\n]+")
_OUTER = "".join(map(chr, range(0x21)))
_MOST_CODE = 0x10FFFF
_MOST_DIGITS = 7


@dataclass(frozen=True, slots=True)
class FoundLink:
    """An address in a mail. `raw`: the characters from `start` to `end`, quotes included.

    `address`: as a browser reads it. `element`: `a`, `area`, `vml` (an Outlook button) or `text`.
    `text`: what people see as the link, or the alternative text of its picture; may be empty.
    """

    start: int
    end: int
    raw: str
    address: str
    element: str
    text: str = ""

    @property
    def quote(self) -> str:
        """The quote around the address, or empty."""
        return self.raw[0] if self.raw[:1] in ('"', "'") and self.element != "text" else ""


def read_attribute(value: str) -> str:
    """The value of an attribute with its character references decoded.

    A name without a semicolon before `=` or a letter stays: `?a=1&copy=2` has no sign (HTML, 13.2.5.73).
    """
    return _REFERENCE.sub(_decoded, value) if "&" in value else value


def _decoded(found: re.Match[str]) -> str:
    written = found[0]
    name = written[1:]
    if name.startswith("#"):
        digits = name[1:].rstrip(";")
        return _character(digits[1:], 16) if digits[0] in "xX" else _character(digits, 10)
    if not name.endswith(";") and found.string[found.end() : found.end() + 1] == "=":
        return written
    return html5.get(name, written)


def _character(digits: str, base: int) -> str:
    digits = digits.lstrip("0")
    code = int(digits, base) if 0 < len(digits) <= _MOST_DIGITS else 0
    if 0x80 <= code < 0xA0:  # as in windows-1252 (HTML, 13.2.5.80)
        return decode_bytes(bytes([code]))
    return chr(code) if 0 < code <= _MOST_CODE and not 0xD800 <= code < 0xE000 else "\ufffd"


def read_address(value: str) -> str:
    """The address as a browser reads it: no outer white space, no tabs and line breaks (WHATWG URL, 4.4)."""
    return _BREAKS.sub("", value.strip(_OUTER))


def escape_attribute(address: str, quote: str) -> str:
    """An address as it is written between these quotes."""
    escaped = address.replace("&", "&amp;")
    return escaped.replace('"', "&quot;") if quote == '"' else escaped.replace("'", "&#39;")
