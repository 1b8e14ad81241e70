"""The transfer encodings of MIME parts (RFC 2045, 6): how bytes of a part are replaced in the message."""

import re
from array import array
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass

Change = tuple[int, int, bytes]
"""Start and end in the decoded bytes, and the bytes that replace them."""

_TOKEN = re.compile(rb"=([0-9A-Fa-f]{2})|=[ \t]*\r?\n|[^=]+|=", re.DOTALL)
_LONGEST = 75  # a line has at most 76 characters, with the "=" of a soft break (RFC 2045, 6.7)
_BASE64_LINE = re.compile(rb"[^\r\n]+")


class BadEncoding(ValueError):
    """A part with another encoding than its declared one."""


@dataclass(frozen=True, slots=True)
class Identity:
    """7bit, 8bit, binary, or a part without an encoding."""

    encoded: bytes

    def decoded(self) -> bytes:
        """The bytes of the part."""
        return self.encoded

    def replaced(self, changes: Sequence[Change]) -> bytes:
        """The part with these changes, which are sorted and do not overlap."""
        return _spliced(self.encoded, changes)


@dataclass(frozen=True, slots=True)
class QuotedPrintable:
    """Quoted-printable; only the changed characters are encoded again, so all other lines stay."""

    encoded: bytes

    def decoded(self) -> bytes:
        """The bytes of the part."""
        return self._read()[0]

    def replaced(self, changes: Sequence[Change]) -> bytes:
        """The part with these changes, which are sorted, do not overlap, and are longer than one byte."""
        _, places = self._read()
        newline = b"\r\n" if b"\r\n" in self.encoded else b"\n"
        encoded = [
            (places[start], self._end(places[end - 1]), self._write(new, newline))
            for start, end, new in changes
        ]
        return _spliced(self.encoded, encoded)

    def _read(self) -> tuple[bytes, "array[int]"]:
        decoded, places = bytearray(), array("L")
        for found in _TOKEN.finditer(self.encoded):
            if found[1]:
                decoded.append(int(found[1], 16))
                places.append(found.start())
            elif not found[0].startswith(b"=") or found[0] == b"=":
                decoded += found[0]
                places.extend(range(found.start(), found.end()))
        return bytes(decoded), places

    def _end(self, last: int) -> int:
        found = _TOKEN.match(self.encoded, last)
        return last + (3 if found and found[1] else 1)

    def _write(self, new: bytes, newline: bytes) -> bytes:
        # The first and the last character stay on the lines of the characters before and after them, which
        # had a character there already. So no line becomes too long.
        signs = [
            b"=%02X" % byte if byte == 0x3D or not 0x21 <= byte <= 0x7E else b"%c" % byte for byte in new
        ]
        lines, line = [signs[0]], b""
        for sign in signs[1:-1]:
            if len(line) + len(sign) > _LONGEST:
                lines.append(line)
                line = b""
            line += sign
        return (b"=" + newline).join([*lines, line, signs[-1]])


@dataclass(frozen=True, slots=True)
class Base64:
    """Base64: all lines after a change are new, with lines as long as before."""

    encoded: bytes

    def decoded(self) -> bytes:
        """The bytes of the part. Raises BadEncoding."""
        try:
            return b64decode(b"".join(self.encoded.split()), validate=True)
        except (Base64Error, ValueError) as error:
            raise BadEncoding("is not base64") from error

    def replaced(self, changes: Sequence[Change]) -> bytes:
        """The part with these changes, which are sorted and do not overlap."""
        if not changes:
            return self.encoded
        written = b64encode(_spliced(self.decoded(), changes))
        first = _BASE64_LINE.search(self.encoded)
        width = len(first[0]) if first else 76
        newline = b"\r\n" if b"\r\n" in self.encoded else b"\n"
        head = self.encoded[: first.start()] if first else b""
        tail = self.encoded[len(self.encoded.rstrip()) :]
        lines = [written[at : at + width] for at in range(0, len(written), width)]
        return head + newline.join(lines) + tail


def _spliced(whole: bytes, changes: Sequence[Change]) -> bytes:
    pieces, at = [], 0
    for start, end, new in changes:
        pieces += [whole[at:start], new]
        at = end
    return b"".join([*pieces, whole[at:]])


Transfer = Identity | QuotedPrintable | Base64
"""The encoded bytes of a part."""

TRANSFERS: dict[str, type[Identity] | type[QuotedPrintable] | type[Base64]] = {
    "": Identity,
    "7bit": Identity,
    "8bit": Identity,
    "binary": Identity,
    "quoted-printable": QuotedPrintable,
    "base64": Base64,
}
