"""Contact references from e-mail platforms, browsers and people, in one normal form."""

import re
import unicodedata

MAX_CONTACT = 200
"""The most characters of a contact reference; a longer one is treated as unknown."""

_MAX_WRITTEN = 2 * MAX_CONTACT
"""The most characters before normalisation, which takes quadratic time; the edge has one thread."""

# Nearly all references match this and need no change.
_PLAIN = re.compile(r"[\w@+=/-](?:[\w@+=/.-]*[\w@+=/-])?", re.ASCII)

# Some e-mail platforms append this even to an address that already has a query: ?utm_source=nl&...
_TAIL = re.compile(r"\?[\w.~-]+=.*", re.ASCII | re.DOTALL)
_SPACE = re.compile(r"[^\S\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]")
_STOPS = ".,;:!?>\"'»”’…"
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def normal_reference(text: str) -> str:
    """A contact reference without additions of mail programs and editors; empty if it cannot be one.

    Removes invisible characters, outer white space, an appended `?name=value`, and the punctuation and
    unmatched brackets that text programs add after a link. Inner white space becomes plain spaces; letters
    are composed (NFC). Letter case stays, because some e-mail platforms distinguish it. Idempotent.
    """
    if _PLAIN.fullmatch(text):
        return text if len(text) <= MAX_CONTACT else ""
    seen = _TAIL.sub("", "".join(c for c in text if unicodedata.category(c) != "Cf")).strip()
    if len(seen) > _MAX_WRITTEN:
        return ""
    whole = _TAIL.sub("", _SPACE.sub(" ", unicodedata.normalize("NFC", seen)))
    before = None
    while before != whole:
        before, whole = whole, whole.strip().rstrip(_STOPS)
        if whole and whole.count(_BRACKETS.get(whole[-1], whole[-1])) < whole.count(whole[-1]):
            whole = whole[:-1]
    return whole if len(whole) <= MAX_CONTACT and whole.isprintable() and "\ufffd" not in whole else ""
