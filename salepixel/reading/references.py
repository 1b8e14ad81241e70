"""Contact references as mailers, browsers and people write them, in one normal form at every door."""

import re
import unicodedata

MAX_CONTACT = 200
"""Characters of a contact reference that are kept; longer ones are treated as unknown."""

_MAX_WRITTEN = 2 * MAX_CONTACT
"""With what stands around it. What follows takes the square of this in time, and the edge has one thread."""

# Nearly all references look like this and are normal as they are.
_PLAIN = re.compile(r"[\w@+=/-](?:[\w@+=/.-]*[\w@+=/-])?", re.ASCII)

# What a mailer appends without looking whether the address has a query already: ?utm_source=nl&...
_TAIL = re.compile(r"\?[\w.~-]+=.*", re.ASCII | re.DOTALL)
_SPACE = re.compile(r"[^\S\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]")
_STOPS = ".,;:!?>\"'»”’…"
_BRACKETS = {")": "(", "]": "[", "}": "{"}

# Merge tags: Handlebars and Jinja, Mailchimp, MailerLite, Mautic, Acumbamail, Salesforce; and {contact},
# what we give where no mailer is named.
BARE_TAGS = ("__test_email__", "c_id", "00000000-0000-0000-0000-000000000000")
"""Those of them that look like references."""

_UNRENDERED = re.compile(
    r"\{\{|\}\}|\{%|\*\||\|\*|\{\$|\{contactfield|\[%|\[\[|\]\]|%%|\{contact\}|^%[A-Z_]+%$"
    + "".join(f"|^{tag}$" for tag in BARE_TAGS)
)


def normal_reference(text: str) -> str:
    """A contact reference without what mail programs and editors add to it; empty for what cannot be one.

    Invisible characters go, white space around it, a `?name=value` glued to it, and the stops and unmatched
    brackets with which text programs end a link; any space inside is a plain one; letters are composed (NFC).
    Letter case stays: to some mailers it is another contact. The normal form of a normal form is itself.
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


def is_merge_tag(text: str) -> bool:
    """True for a merge tag of a known mailer that was not replaced, whole or in pieces."""
    return _UNRENDERED.search(text) is not None
