"""The links in the text part of a mail, and in mails without HTML."""

import re

from salepixel.mails.found import FoundLink

# A merge tag may have spaces, and is part of the address that it stands in. Chinese and Japanese have no
# spaces before an address, and their own punctuation after it.
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9])https?://(?:\{\{[^\n{}]{0,200}\}\}|\{%[^\n{}]{0,200}%\}|\*\|[^\n|]{0,200}\|\*"
    r"|%%[^\s%]{1,200}%%|[^\s<>\"\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65])+",
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
    surplus = {
        closing: address.count(closing) - address.count(opening) for closing, opening in _BRACKETS.items()
    }
    end = len(address)
    while not address.endswith("|*", 0, end):
        last = address[end - 1]
        if last not in _STOPS and surplus.get(last, 0) <= 0:
            break
        if last in surplus:
            surplus[last] -= 1
        end -= 1
    return address[:end]
