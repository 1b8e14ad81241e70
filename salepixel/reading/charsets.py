"""The encoding of a file by its first bytes."""

import codecs

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
"""Byte order marks, with the encodings that they mean."""


def wide_charset(head: bytes) -> str | None:
    """UTF-16 without a mark: text in Latin letters has a zero in every second byte. None if it is not."""
    even, odd = (head[first::2].count(0) for first in (0, 1))
    if 8 * max(even, odd) < len(head):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"
