"""The links in the text part of a mail, and in mails without HTML."""

import re

from salepixel.mails.found import FoundLink

# A merge tag may have spaces, and is part of the address that it stands in.
_ADDRESS = re.compile(
    r"\bhttps?://(?:\{\{[^\n{}]{0,200}\}\}|\{%[^\n{}]{0,200}%\}|\*\|[^\n|]{0,200}\|\*|%%[^\s%]{1,200}%%|[^\s<>\"]){1,3000}",
    re.IGNORECASE,
)
_STOPS = ".,;:!?'\u2019\u201d\u00bb\u2026*_"
_BRACKETS = {")": "(", "]": "["}


def find_text_links(text: str) -> list[FoundLink]:
    """The http and https addresses in a text, without the punctuation of the sentence around them."""
    links = []
    for found in _ADDRESS.finditer(text):
        raw = _without_punctuation(found[0])
        links.append(FoundLink(found.start(), found.start() + len(raw), raw, raw, "text"))
    return links


def _without_punctuation(address: str) -> str:
    while True:
        last = address[-1]
        opened = _BRACKETS.get(last)
        unmatched = opened is not None and address.count(opened) < address.count(last)
        if not unmatched and (last not in _STOPS or address.endswith("|*")):
            return address
        address = address[:-1]
