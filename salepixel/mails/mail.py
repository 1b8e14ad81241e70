"""A mail: an HTML page, a text, or a whole message with parts (RFC 5322, 2045, 2046)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import BytesHeaderParser
from enum import StrEnum

from salepixel.accounts.declined import Invalid
from salepixel.mails.charsets import FOREIGN, charset_by_text, read_foreign
from salepixel.mails.found import FoundLink
from salepixel.mails.html import find_links
from salepixel.mails.text import find_text_links
from salepixel.mails.transfer import TRANSFERS, BadEncoding, Identity, Transfer

MAX_BYTES = 3_000_000
"""The largest mail. Only attached pictures make a mail so large; most services accept far less."""

_MAX_DEPTH = 8
_MAX_PARTS = 100
_TABLE_LINES = 20
_FIRST_BYTES = 1024  # in which readers of PDF look for its mark
_HEADERS = re.compile(rb"((?:[^\r\n]+\r?\n)*)\r?\n")
_BLANK = re.compile(rb"\r?\n")
_BEFORE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:>?From [^\n]*\n)?"
)  # what editors and mailboxes add at the beginning
_MESSAGE = re.compile(rb"(?:[!-9;-~]{1,76}:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}\r?\n")
_SENT = re.compile(rb"^(?:from|date|received|message-id|mime-version|content-type)[ \t]*:", re.I | re.M)
_MARKUP = re.compile(rb"<(?:!doctype|html|head|body|table|div|p|a|td|span|center|style|img)\b", re.IGNORECASE)
_SIGNED = frozenset(
    ["multipart/signed", "multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"]
)
_OTHER_FILES = {
    b"%PDF": "mail_pdf",
    b"PK\x03\x04": "mail_zip",
    b"\x89PNG": "mail_picture",
    b"\xff\xd8\xff": "mail_picture",
    b"GIF8": "mail_picture",
    b"\xd0\xcf\x11\xe0": "mail_office",
    b"{\\rtf": "mail_office",
}


class Kind(StrEnum):
    """The format of a pasted or uploaded mail."""

    HTML = "html"
    TEXT = "text"
    MESSAGE = "message"

    @property
    def content_type(self) -> str:
        """The media type of its file."""
        return {"html": "text/html", "text": "text/plain", "message": "message/rfc822"}[self]


_TYPES = {"text/html": Kind.HTML, "text/x-amp-html": Kind.HTML, "text/plain": Kind.TEXT}


@dataclass(frozen=True, slots=True)
class Part:
    """A part that people read: `start` and `end` of its encoded bytes in the mail, and its decoded text."""

    kind: Kind
    start: int
    end: int
    transfer: Transfer
    charset: str
    text: str
    links: tuple[FoundLink, ...]

    def encoded(self, text: str) -> bytes:
        """A text in the encoding of the part."""
        return text.encode(self.charset, FOREIGN)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail with its original bytes, and its parts with their links."""

    kind: Kind
    raw: bytes
    parts: tuple[Part, ...]

    def links(self) -> list[tuple[int, FoundLink]]:
        """All links with the number of their part, in the sequence of the mail."""
        return [(number, link) for number, part in enumerate(self.parts) for link in part.links]

    def charsets(self) -> list[str]:
        """The encodings of the parts."""
        return [part.charset for part in self.parts]

    def with_addresses(self, new: Mapping[tuple[int, int], str]) -> bytes:
        """The mail with other addresses; all its other bytes stay.

        `new`: the new `raw` of each link, by the number of its part and its start.
        """
        pieces, at = [], 0
        for number, part in enumerate(self.parts):
            changes = [(link, new[number, link.start]) for link in part.links if (number, link.start) in new]
            pieces += [self.raw[at : part.start], _with_changes(part, changes)]
            at = part.end
        return b"".join([*pieces, self.raw[at:]])


def read_mail(raw: bytes, kind: Kind | None = None) -> Mail:
    """The mail in a file or a text field; without a `kind` it is recognised by its content.

    Raises Invalid: `mail_empty`, `mail_too_large`, `mail_pdf`, `mail_zip`, `mail_picture`, `mail_office`,
    `mail_binary`, `mail_no_text`, `mail_damaged`, `mail_too_many_parts`, `mail_signed`, `mail_table`.
    """
    if not raw.strip():
        raise Invalid("mail_empty")
    if len(raw) > MAX_BYTES:
        raise Invalid("mail_too_large")
    start = raw[:_FIRST_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    for mark, name in _OTHER_FILES.items():
        if start.startswith(mark):
            raise Invalid(name)
    kind = kind or _recognised(raw)
    if kind is Kind.TEXT and _is_table(raw):
        raise Invalid("mail_table")
    if kind is Kind.MESSAGE:
        parts = tuple(_parts(raw, _start(raw), len(raw), 0))
        if not parts:
            raise Invalid("mail_no_text")
        return Mail(kind, raw, parts)
    try:
        return Mail(kind, raw, (_read_part(kind, raw, 0, len(raw), Identity(raw), ""),))
    except BadEncoding:
        raise Invalid("mail_binary") from None


def _recognised(raw: bytes) -> Kind:
    head = _MESSAGE.match(raw, _start(raw))
    if head and _SENT.search(head[0]):
        return Kind.MESSAGE
    return Kind.HTML if _MARKUP.search(raw.replace(b"\0", b"")) else Kind.TEXT


def _is_table(raw: bytes) -> bool:
    """Whether a text is a CSV: its first lines have the same number of separators, two at least."""
    lines = raw.replace(b"\0", b"").split(b"\n", _TABLE_LINES)[:_TABLE_LINES]
    lines = lines[:-1] if len(lines) > 1 and not lines[-1].strip() else lines
    counts = [{mark: line.count(mark) for mark in (b";", b",", b"\t", b"|")} for line in lines]
    return len(lines) > 2 and any(
        counts[0][mark] > 1 and all(one[mark] == counts[0][mark] for one in counts) for mark in counts[0]
    )


def _start(raw: bytes) -> int:
    before = _BEFORE.match(raw)
    return before.end() if before else 0


def _read_part(kind: Kind, raw: bytes, start: int, end: int, transfer: Transfer, declared: str) -> Part:
    decoded = transfer.decoded()
    charset = charset_by_text(decoded, lambda: _outside(kind, decoded), declared)
    text = decoded.decode(charset, FOREIGN)
    if "\0" in text:
        raise BadEncoding("is not a text")
    links = [
        replace(
            link,
            address=read_foreign(link.address, decoded, declared),
            text=read_foreign(link.text, decoded, declared),
        )
        for link in _find(kind, text)
    ]
    return Part(kind, start, end, transfer, charset, text, tuple(links))


def _find(kind: Kind, text: str) -> list[FoundLink]:
    return find_links(text) if kind is Kind.HTML else find_text_links(text)


def _outside(kind: Kind, raw: bytes) -> bytes:
    """The bytes outside addresses. Markup and addresses begin and end with ASCII in any encoding."""
    text = raw.decode("ascii", FOREIGN)
    pieces, at = [], 0
    for link in _find(kind, text):
        pieces.append(raw[at : link.start])
        at = link.end
    return b" ".join([*pieces, raw[at:]])


def _parts(raw: bytes, start: int, end: int, depth: int) -> Iterator[Part]:
    """The text and HTML parts between two places of a message, without attachments. Raises Invalid."""
    found = _HEADERS.match(raw, start, end)
    if found is None:
        return
    if depth > _MAX_DEPTH:
        raise Invalid("mail_too_many_parts")
    body = found.end()
    headers = BytesHeaderParser().parsebytes(found[1])
    boundary = headers.get_boundary()
    if headers.get_content_type() in _SIGNED:
        raise Invalid("mail_signed")  # a signature covers every byte, and an encrypted text cannot be read
    kind = _TYPES.get(headers.get_content_type())
    if headers.get_content_maintype() == "multipart" and boundary:
        for first, last in _between(raw, body, end, boundary.encode("latin-1", "replace")):
            yield from _parts(raw, first, last, depth + 1)
    elif kind is not None and headers.get_content_disposition() != "attachment":
        declared = headers.get_content_charset("") or ""
        try:
            transfer = TRANSFERS[_transfer_encoding(headers)](raw[body:end])
            yield _read_part(kind, raw, body, end, transfer, declared)
        except (BadEncoding, KeyError):
            # Otherwise half of the mail would be sent without tracked links, and nobody would notice.
            raise Invalid("mail_damaged") from None


def _transfer_encoding(headers: Message) -> str:
    words = re.split(r"[\s;(]", str(headers.get("Content-Transfer-Encoding", "")).strip(), maxsplit=1)
    return words[0].lower()


def _between(raw: bytes, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """The places of the parts between the lines of a boundary (RFC 2046, 5.1.1)."""
    line = re.compile(rb"(?:\r?\n|(?<=\n))--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    places, first = list[tuple[int, int]](), -1
    for found in line.finditer(raw, start, end):
        if len(places) > _MAX_PARTS:
            raise Invalid("mail_too_many_parts")
        if first >= 0:
            places.append((first, found.start()))
        after = _BLANK.match(raw, found.end(), end)
        first = after.end() if after else end
        if found[1]:
            return places
    return [*places, (first, end)] if first >= 0 else []


def _with_changes(part: Part, changes: Sequence[tuple[FoundLink, str]]) -> bytes:
    spans, chars, size = [], 0, 0
    for link, new in changes:
        size += len(part.encoded(part.text[chars : link.start]))
        raw = part.encoded(link.raw)
        spans.append((size, size + len(raw), part.encoded(new)))
        size += len(raw)
        chars = link.end
    return part.transfer.replaced(spans)
