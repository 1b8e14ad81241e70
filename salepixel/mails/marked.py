"""A mail as a page that shows where its links are: each with a number, and none leads anywhere."""

from collections.abc import Mapping
from html import escape

from salepixel.mails.found import FoundLink
from salepixel.mails.mail import Kind, Mail, Part
from salepixel.mails.rewrite import Place, place_of

# `!important`, because mails have styles for their links. The colours are those of a marker on a page.
_STYLE = """<style>
[data-link-number]::after { content: attr(data-link-number) !important; display: inline-block !important;
min-width: 1.5em !important; margin: 0 .3em !important; padding: 0 .35em !important;
border: 2px solid #000 !important; border-radius: 1em !important; background: #ffd84d !important;
color: #000 !important; text-align: center !important;
font: bold 13px/1.4 sans-serif !important; text-decoration: none !important; }
</style>"""


def marked_page(mail: Mail, numbers: Mapping[Place, int]) -> str:
    """The HTML of a mail, or its text as HTML, with the numbers of links as markers behind them.

    Links without a number have no marker. The address of every link is replaced, so none can be followed.
    """
    part = shown_part(mail)
    if part is None:
        return ""
    number = mail.parts.index(part)
    marks = {link.start: numbers.get(place_of(number, link)) for link in part.links}
    body = (_in_html if part.kind is Kind.HTML else _in_text)(part, marks)
    # At the end, so that a mail without a head stays as it is.
    return f"{body}{_STYLE}"


def shown_part(mail: Mail) -> Part | None:
    """The part that most people see: the first one with HTML, or else the text; None for an empty mail."""
    parts = [part for part in mail.parts if part.kind is Kind.HTML] or list(mail.parts)
    return parts[0] if parts else None


def _in_html(part: Part, marks: Mapping[int, int | None]) -> str:
    pieces, at = [], 0
    for link in part.links:
        pieces += [part.text[at : link.start], f'"#"{_mark(marks[link.start])}']
        at = link.end
    return "".join([*pieces, part.text[at:]])


def _in_text(part: Part, marks: Mapping[int, int | None]) -> str:
    pieces, at = [], 0
    for link in part.links:
        pieces += [escape(part.text[at : link.start]), _shown(link, marks[link.start])]
        at = link.end
    text = "".join([*pieces, escape(part.text[at:])])
    return f'<!doctype html><meta charset="utf-8"><pre>{text}</pre>'


def _shown(link: FoundLink, number: int | None) -> str:
    return f"<u{_mark(number)}>{escape(link.raw)}</u>"


def _mark(number: int | None) -> str:
    return "" if number is None else f' data-link-number="{number}"'
