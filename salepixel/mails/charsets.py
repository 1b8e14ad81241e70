"""The characters of a mail and their bytes: text is read and replaced, and all other bytes stay."""

import codecs
import re

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_SEARCHED = 4096
"""Browsers look for a declared encoding in the first 1024 bytes; mails have long heads."""

BYTES = "latin-1"
"""Reads and writes any byte. Markup and addresses are ASCII, so links are found in unknown encodings."""


def charset_of(raw: bytes, declared: str = "") -> str:
    """The encoding in which `raw` can be read and written back byte by byte.

    By its mark, as declared by its envelope, by its own `meta`, or UTF-8; if none fits, `BYTES`.
    """
    found = _META.search(raw, 0, _SEARCHED)
    by_mark = [name for mark, name in _BOMS if raw.startswith(mark)]
    for name in (*by_mark, declared, found[1].decode() if found else "", "utf-8"):
        if name and _fits(raw, name):
            return name
    return BYTES


def _fits(raw: bytes, name: str) -> bool:
    try:
        text = raw.decode(name)
        # Read in halves, too: an encoding with states or a mark cannot be spliced.
        middle = len(text) // 2
        return text[:middle].encode(name) + text[middle:].encode(name) == raw
    except (LookupError, UnicodeError, ValueError):
        return False
