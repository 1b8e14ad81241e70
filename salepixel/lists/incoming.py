"""A file as it arrives: its encoding, whether it is a list at all, and the pieces in which it is stored."""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from itertools import chain

from salepixel.accounts.declined import Invalid
from salepixel.lists.records import MAX_RECORD
from salepixel.reading.charsets import BOMS, wide_charset
from salepixel.reading.text import decode_bytes

MAX_BYTES = 256_000_000
"""The most bytes of a file: about two million lines."""

PIECE = 65_536
"""The bytes of a piece, before it is compressed: about a thousand lines."""

FILE_KINDS = {
    b"%PDF-": "list_pdf",
    b"PK\x03\x04": "list_workbook",
    b"\xd0\xcf\x11\xe0": "list_workbook",
    b"\x1f\x8b": "list_packed",
    b"Rar!": "list_packed",
    b"7z\xbc\xaf": "list_packed",
    b"\x89PNG": "list_binary",
    b"\xff\xd8\xff": "list_binary",
    b"GIF8": "list_binary",
}
"""The reasons of files that are no lists, by their first bytes."""

_HEAD = 4096
_MARKUP = (b"<!doctype", b"<html", b"<?xml")
_CONTROLS = bytes({*range(32)} - {*b"\t\n\v\f\r\x1a\x1b"})


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that arrives: its lines in pieces of about PIECE bytes, and the encoding of UTF-16, or empty."""

    encoding: str
    pieces: Iterator[bytes]


def read_incoming(chunks: Iterable[bytes]) -> Incoming:
    """Check the beginning of a file; its pieces are read later. Both raise Invalid.

    UTF-16 becomes UTF-8; other bytes stay. A line that is longer than a record may be is cut.
    """
    source, head = _limited(chunks), b""
    while len(head) < _HEAD and (chunk := next(source, b"")):
        head += chunk
    charset = _charset_of(head)
    check_is_list(head, charset)
    mark = next((mark for mark, _ in BOMS if head.startswith(mark)), b"")
    kept = _as_bytes(chain([head[len(mark) :]], source), charset)
    return Incoming(charset.upper()[:6], _cut(kept))


def lines_of(piece: bytes, start: int = 0) -> Iterator[tuple[str, int]]:
    """The lines of a piece from a place on, each with the place of its end.

    Each line is UTF-8 or else windows-1252, so one line in another encoding spoils no other.
    """
    place = start
    # latin-1 has one character for each byte, so places can be counted; lines end as csv expects it.
    for line in TextIOWrapper(BytesIO(piece[start:]), "latin-1", newline=""):
        place += len(line)
        yield line if line.isascii() else decode_bytes(line.encode("latin-1")), place


def check_is_list(head: bytes, charset: str) -> None:
    """Check the first bytes of a file. Raises Invalid, with what it is instead of a list."""
    if not head.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise Invalid("list_empty")
    for sign, reason in FILE_KINDS.items():
        if head.startswith(sign):
            raise Invalid(reason)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_MARKUP):
        raise Invalid("list_markup")
    if not charset and len(head.translate(None, _CONTROLS)) * 20 < len(head) * 19:
        raise Invalid("list_binary")


def _charset_of(head: bytes) -> str:
    """The encoding of UTF-16; empty for any other."""
    marked = next((name for mark, name in BOMS if head.startswith(mark)), "")
    found = marked or wide_charset(head[:_HEAD]) or ""
    return found if found.startswith("utf-16") else ""


def _limited(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_BYTES:
            raise Invalid("list_too_large", most=MAX_BYTES // 1_000_000)
        if chunk:
            yield chunk


def _as_bytes(chunks: Iterator[bytes], charset: str) -> Iterator[bytes]:
    if not charset:
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(charset)("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _cut(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    is_cut = False  # the beginning of this line is in a piece already
    for chunk in chunks:
        rest += chunk
        while len(rest) > PIECE:
            end = _last_end(rest[:PIECE])
            if end:
                line_end = _first_end(rest) if is_cut else 0
                yield rest[line_end:end]
                rest, is_cut = rest[end:], False
            elif is_cut:
                rest = rest[PIECE:]
            else:
                yield rest[: 2 * MAX_RECORD] + b"\n"
                rest, is_cut = rest[PIECE:], True
    rest = rest[_first_end(rest) :] if is_cut else rest
    if rest:
        yield rest


def _last_end(raw: bytes) -> int:
    """The place after the last line; 0 if there is no end of a line. A final CR may be half of a CRLF."""
    return raw.rfind(b"\n") + 1 or raw.rfind(b"\r", 0, -1) + 1


def _first_end(raw: bytes) -> int:
    ends = [place for place in (raw.find(b"\n"), raw.find(b"\r")) if place >= 0]
    return min(ends) + 1 if ends else len(raw)
