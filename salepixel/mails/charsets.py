"""The characters of a mail and their bytes: text is read and replaced, and all other bytes stay."""

import codecs
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable

from salepixel.mails.transfer import BadEncoding
from salepixel.reading.charsets import BOMS, wide_charset
from salepixel.reading.text import decode_bytes

_META = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_SEARCHED = 4096
"""The bytes in which a declared encoding is searched: browsers search 1024, but mails have longer heads."""

_KNOWN = frozenset(
    [f"cp{number}" for number in (437, 850, 866, 874, 932, 949, *range(1250, 1259))]
    + [f"iso8859-{number}" for number in (*range(1, 12), *range(13, 17))]
    + ["utf-8", "ascii", "koi8-r", "koi8-u", "mac-roman", "tis-620", "shift_jis", "euc_jp", "iso2022_jp"]
    + ["gb2312", "gbk", "gb18030", "big5", "euc_kr"]
)
"""The encodings of mails, as Python names them. Its others are no encodings of text (`idna`, `punycode`), or
cannot be replaced in pieces (`utf-7`)."""

_READ_AS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
}
"""Browsers read these as their larger forms (WHATWG Encoding, 4.2)."""

BYTES = "latin-1"
"""Reads and writes any byte. Markup and addresses are ASCII, so links are found in unknown encodings."""


FOREIGN = "surrogateescape"
"""Reads bytes that do not fit the encoding as single surrogates, and writes them back (PEP 383)."""

_ISO_2022_JP = "iso2022_jp"
_ESCAPE = b"\x1b$"
_OTHER_ESCAPE = re.compile(rb"\x1b(?!\$[@B]|\$\(D|\([BIJ])")
"""None of ISO-2022-JP (RFC 1468, RFC 2237). Python reads some of them or not, by the bytes that follow."""

_FOREIGN_BYTES = re.compile("[\udc80-\udcff]+")

_CERTAIN = frozenset(["utf-8", "utf-16-le", "utf-16-be", _ISO_2022_JP])


def charset_by_text(raw: bytes, outside: Callable[[], bytes], declared: str = "") -> str:
    """The encoding for a mail: decided by its bytes outside addresses, which rewriting does not change.

    `outside`: these bytes. Otherwise a mail in UTF-8 with an address in windows-1252 would be read
    differently after this address was replaced. Foreign bytes in addresses: see `FOREIGN`. Raises BadEncoding
    for addresses with 8-bit bytes in a mail in ISO-2022-JP, which has none (RFC 1468), and for the mark of
    UTF-16 before other bytes: by their number alone they would be read as UTF-16 or not.
    """
    whole = charset_of(raw, declared)
    if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) and whole not in _CERTAIN:
        raise BadEncoding("the mark of UTF-16 before other bytes")
    if whole in _CERTAIN and not (whole == "utf-8" and _ESCAPE in raw):
        return whole
    text = outside()
    name = "utf-8" if text.isascii() and _ESCAPE not in text else charset_of(text, declared)
    if name == _ISO_2022_JP and whole != name:
        raise BadEncoding("an address with 8-bit bytes in ISO-2022-JP")
    return name if _fits(raw, name, FOREIGN) else BYTES


def read_foreign(text: str, raw: bytes, declared: str = "") -> str:
    """A text with its foreign bytes read in the declared encoding of the mail, or in windows-1252."""
    if not _FOREIGN_BYTES.search(text):
        return text
    found = _META.search(raw, 0, _SEARCHED)
    names = _readings(declared) + _readings(found[1].decode() if found else "")

    def read(some: re.Match[str]) -> str:
        own = some[0].encode("ascii", FOREIGN)
        for name in names:
            try:
                return own.decode(name)
            except UnicodeError:
                continue
        return decode_bytes(own)

    return _FOREIGN_BYTES.sub(read, text)


def charset_of(raw: bytes, declared: str = "") -> str:
    """The encoding in which `raw` can be read and written back byte by byte.

    In this sequence: its byte order mark or zero bytes; UTF-8 if it is valid UTF-8, because then another
    declaration comes from a pasted text; the declaration of its MIME part; its own `meta`; windows-1252;
    `BYTES`.
    """
    found = _META.search(raw, 0, _SEARCHED)
    names = [name for mark, name in BOMS if raw.startswith(mark)]
    names = names or [name for name in [wide_charset(raw[:_SEARCHED])] if name]
    names += [] if raw.isascii() else ["utf-8"]
    names += [_ISO_2022_JP] if _ESCAPE in raw else []
    names += _readings(declared) + _readings(found[1].decode() if found else "")
    return next((name for name in (*names, "utf-8", "cp1252") if _fits(raw, name)), BYTES)


def encode_pasted(text: str) -> bytes:
    """A pasted text as bytes, in the encoding that its own `meta` declares, or in UTF-8.

    Characters that cannot be stored, such as halves of surrogate pairs, become question marks.
    """
    whole = text.encode("utf-8", "replace")
    found = _META.search(whole, 0, _SEARCHED)
    for name in _readings(found[1].decode() if found else ""):
        try:
            raw = text.encode(name)
        except UnicodeError:
            continue
        if charset_of(raw) == name:
            return raw
    return whole


def _readings(label: str) -> list[str]:
    """How text of this declared encoding may be read, the best first; empty for an unknown one."""
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return []
    return list(dict.fromkeys([_READ_AS.get(name, name), name])) if name in _KNOWN else []


def _fits(raw: bytes, name: str, errors: str = "strict") -> bool:
    if name == _ISO_2022_JP and _OTHER_ESCAPE.search(raw):
        return False
    try:
        return raw.decode(name, errors).encode(name, errors) == raw
    except UnicodeError:
        return False
