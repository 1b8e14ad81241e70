"""Text from shops, browsers and e-mail platforms in one normal form: equal texts have equal bytes."""

import re
from unicodedata import category, is_normalized, normalize

_LOST = re.compile("[\0\ud800-\udfff\ufffe\uffff]")
"""Characters that no database, JSON or XML file can hold; U+FFFD replaces them, as in Unicode 16, 3.9."""

# Default ignorable characters (Unicode TR 44) that only affect layout or comparison: controls, soft hyphen,
# zero-width space, word joiner, byte order mark, direction marks. Tags and variation selectors stay, because
# emoji need them.
_DROPPED = re.compile(
    "[\x01-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_JOINERS = re.compile("[\u200c\u200d]+")
_JOINED = ("\u200c", "\u200d")
_SKIN_TONES = re.compile("[\U0001f3fb-\U0001f3ff]")
_MAX_MARKS = 30
"""The most combining marks on one letter in real texts (UAX 15, Stream-Safe): a cut goes back this far."""


_WRITTEN = 8
"""Only this many characters are read per character of the limit: composing marks takes quadratic time (3 s
for 64,000), and a shop's texts may have megabytes."""


def read_text(value: str, limit: int) -> str:
    """A text on one line in NFC, cut to `limit` characters without splitting a combined character.

    White space becomes single spaces, none at the ends. Invisible characters are removed; joiners stay if
    they join emoji or letters of Persian or Indic words. Idempotent. Never raises: U+FFFD replaces characters
    that cannot be stored.
    """
    most = _WRITTEN * limit
    # No printable character is removed, and the space is the only printable white space.
    is_clean = value.isprintable() and "  " not in value
    if is_clean and (value.isascii() or (len(value) <= most and is_normalized("NFC", value))):
        text = value.strip()
        return _cut(text, limit) if len(text) > limit else text
    text = _DROPPED.sub("", _LOST.sub("\ufffd", value))
    text = normalize("NFC", " ".join(text.split())[:most])
    if _JOINERS.search(text):
        text = normalize("NFC", _JOINERS.sub(_joiner, text))
    return _cut(text, limit) if len(text) > limit else text


def decode_bytes(raw: bytes) -> str:
    """The text of percent-decoded bytes: UTF-8, or else windows-1252.

    Browsers encode a query like its page, and treat ISO 8859-1 as windows-1252 (WHATWG Encoding, 4.2). Its
    five unassigned bytes become U+FFFD.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("windows-1252", "replace")


def _joiner(found: re.Match[str]) -> str:
    """The first of several joiners if it stands between characters that can join, or else nothing."""
    text, start, end = found.string, found.start(), found.end()
    between = start > 0 and end < len(text) and text[start - 1] > "\x7f" and text[end] > "\x7f"
    return text[start] if between else ""


def _cut(text: str, limit: int) -> str:
    end = limit
    while limit - end < _MAX_MARKS and end > 0 and _continues(text, end):
        end -= 1
    if end == 0 or _continues(text, end):
        end = limit
    return text[:end].rstrip("\u200c\u200d ")


def _continues(text: str, position: int) -> bool:
    """Whether the character at a position belongs to the one before it."""
    here = text[position]
    return (
        here in _JOINED
        or text[position - 1] in _JOINED
        or category(here)[0] == "M"
        or _SKIN_TONES.match(here) is not None
    )
