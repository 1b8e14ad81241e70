"""Replaces the links of a mail by tracked links, and restores the original links."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from salepixel.mails.found import FoundLink, escape_attribute
from salepixel.mails.mail import Mail

Place = tuple[int, int]
"""The number of a part and the start of a link in it."""


def place_of(number: int, link: FoundLink) -> Place:
    """The place of a link in the part with this number."""
    return number, link.start


def rewrite(mail: Mail, tracked: Mapping[Place, str]) -> bytes:
    """The mail with tracked addresses at these places. All other bytes stay, and so do quotes.

    An address without quotes gets them, because a merge tag may have spaces.
    """
    links = {place_of(number, link): link for number, link in mail.links()}
    return mail.with_addresses({place: written(links[place], address) for place, address in tracked.items()})


def changed_bytes(mail: Mail, tracked: Mapping[Place, str]) -> list[int]:
    """By how many decoded bytes each part grows in `rewrite`."""
    grown = [0] * len(mail.parts)
    for number, link in mail.links():
        address = tracked.get(place_of(number, link))
        if address is not None:
            part = mail.parts[number]
            grown[number] += len(part.encoded(written(link, address))) - len(part.encoded(link.raw))
    return grown


def written(link: FoundLink, address: str) -> str:
    """An address as it is written in the place of a link, with its quotes."""
    if link.element == "text":
        return address
    quote = link.quote or '"'
    return f"{quote}{escape_attribute(address, quote)}{quote}"


def undo(rewritten: Mail, originals: Mapping[str, Sequence[str]], charsets: Sequence[str]) -> bytes:
    """The mail with its original addresses, even if it was edited after `rewrite`.

    `originals`: for each tracked address, the original texts in its places, first to last. Copies that were
    added later get the last one.
    `charsets`: of the parts before, because a mail may have other letters than ASCII in addresses only.
    """
    back, seen = dict[Place, str](), dict[str, int]()
    for number, link in rewritten.links():
        own = originals.get(link.address)
        if own:
            nth = seen.get(link.address, 0)
            seen[link.address] = nth + 1
            back[place_of(number, link)] = own[min(nth, len(own) - 1)]
    parts = [
        replace(part, charset=charset) if part.text.isascii() else part
        for part, charset in zip(rewritten.parts, charsets, strict=False)
    ]
    return replace(rewritten, parts=(*parts, *rewritten.parts[len(parts) :])).with_addresses(back)
