"""Removes e-mail addresses from a stored e-mail. Each letter becomes an x, so every link keeps its place."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from salepixel.mails.mail import Kind, Part, read_mail

_OF_NAME = r"[^\s\"'<>(),;:\[\]\\@=?&/#|*]"
# Without the lookbehind, the search of long texts takes minutes. In a link, the sign may be encoded.
_ADDRESS = re.compile(rf"(?<!{_OF_NAME}){_OF_NAME}+?(?:@|%40)[\w.-]*\w", re.IGNORECASE)
_LETTER = re.compile(r"[^@.%]")


def without_addresses(raw: bytes, kind: Kind, is_theirs: Callable[[str], bool]) -> bytes:
    """A mail without these addresses, in its headers and in what people read; unchanged if it has none.

    `is_theirs`: whether an address is to be removed. Raises Invalid if the mail cannot be parsed.
    """
    mail = read_mail(raw, kind)
    pieces, at = list[bytes](), 0
    for part in mail.parts:
        pieces += [_in_bytes(raw[at : part.start], is_theirs), _in_part(part, is_theirs)]
        at = part.end
    return b"".join([*pieces, _in_bytes(raw[at:], is_theirs)])


def without_addresses_in(text: str, is_theirs: Callable[[str], bool]) -> str:
    """A text of the same length without these addresses."""

    def hidden(found: re.Match[str]) -> str:
        return _LETTER.sub("x", found[0]) if is_theirs(unquote(found[0])) else found[0]

    return _ADDRESS.sub(hidden, text)


def _in_bytes(raw: bytes, is_theirs: Callable[[str], bool]) -> bytes:
    return without_addresses_in(raw.decode("latin-1"), is_theirs).encode("latin-1")


def _in_part(part: Part, is_theirs: Callable[[str], bool]) -> bytes:
    changes = []
    for found in _ADDRESS.finditer(part.text):
        if is_theirs(unquote(found[0])):
            start = len(part.encoded(part.text[: found.start()]))
            changes.append(
                (start, start + len(part.encoded(found[0])), part.encoded(_LETTER.sub("x", found[0])))
            )
    return part.transfer.replaced(changes) if changes else part.transfer.encoded
