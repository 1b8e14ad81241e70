"""The links in the HTML of a mail, as browsers and Outlook read it, with their places.

Parsers that build a tree and write it again damage templates, Outlook's conditions and old markup. This
reader only finds places. It follows the tokenizer of HTML (WHATWG HTML, 13.2.5) and also reads template
expressions, which may contain quotes and brackets, and links inside Outlook's conditional comments.
"""

import re
from dataclasses import dataclass, field

from salepixel.mailers.tags import PAIRS
from salepixel.mails.found import FoundLink, read_address, read_attribute
from salepixel.mails.templates import Expressions

_MARK = re.compile("<|" + "|".join(map(re.escape, PAIRS)))
_NAME_END = re.compile(r"[\t\n\f\r />]")
_CONDITION = re.compile(r"<!--\[if[^\]>]{0,200}\]>", re.IGNORECASE)
_COMMENT_END = re.compile(r"--!?>")
_RAW_TEXT = frozenset(["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"])
_RAW_END = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE) for name in _RAW_TEXT}
_VML = frozenset(
    [
        "v:rect",
        "v:roundrect",
        "v:oval",
        "v:shape",
        "v:image",
        "v:line",
        "v:polyline",
        "v:group",
        "v:arc",
        "v:curve",
    ]
)
_LINKED = {"a": "a", "area": "area"} | dict.fromkeys(_VML, "vml")
_MOST_TEXT = 200
_MOST_PIECES = 40


@dataclass(slots=True)
class _Attribute:
    """An attribute: `start` and `end` of its value with its quotes. Without a name: an expression."""

    name: str
    start: int
    end: int


@dataclass(slots=True)
class _Open:
    """A link whose end has not been reached, and the pieces of its text."""

    element: str
    tag: str
    attribute: _Attribute
    pieces: list[str] = field(default_factory=list)


def find_links(text: str) -> list[FoundLink]:
    """The links of `a`, `area` and Outlook's buttons in a mail's HTML, in the sequence of their addresses.

    Takes any text, in linear time. A `link`, a `form`, pictures and scripts are not links that people click.
    """
    reader = _Reader(text)
    reader.read(0, len(text))
    reader.close()
    return sorted(reader.found, key=lambda link: link.start)


class _Reader:
    """Reads from left to right, each character once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[FoundLink] = []
        self._expressions = Expressions(text)
        self._in_condition = False
        self._open: _Open | None = None

    def read(self, at: int, limit: int) -> None:
        """Read the text from `at` to `limit`."""
        while at < limit:
            mark = _MARK.search(self.text, at, limit)
            if mark is None:
                self._see_text(at, limit)
                return
            self._see_text(at, mark.start())
            at = self._after_mark(mark.start(), limit)

    def close(self) -> None:
        """Finish the link whose end has not been reached."""
        if self._open is not None:
            one = self._open
            seen = " ".join(" ".join(one.pieces).split())[:_MOST_TEXT]
            address = read_address(_value(self.text, [one.attribute], "href"))
            start, end = one.attribute.start, one.attribute.end
            self.found.append(FoundLink(start, end, self.text[start:end], address, one.element, seen))
            self._open = None

    def _see_text(self, start: int, end: int) -> None:
        one = self._open
        if one is not None and start < end and len(one.pieces) < _MOST_PIECES:
            one.pieces.append(read_attribute(self.text[start : min(end, start + _MOST_TEXT)]))

    def _after_mark(self, at: int, limit: int) -> int:
        """Read what begins with `<` or as an expression; returns the place after it."""
        text = self.text
        end = self._expressions.end(at, limit)
        if end > at:
            self._see_text(at, end)
            return end
        following = text[at + 1 : at + 2]
        if text[at] != "<" or at + 1 >= limit:
            return at + 1
        if text.startswith("<!--", at):
            return self._comment(at, limit)
        if following.isascii() and following.isalpha():
            return self._start_tag(at, limit)
        if following == "/" and text[at + 2 : at + 3].isascii() and text[at + 2 : at + 3].isalpha():
            name, at = self._tag_name(at + 2, limit)
            self._end_tag(name)
            return self._attributes(at, limit)[1]
        if following and following in "!?/":
            closed = text.find(">", at, limit)
            return limit if closed < 0 else closed + 1
        return at + 1

    def _comment(self, at: int, limit: int) -> int:
        """A comment is skipped; one with a condition is read, because Outlook shows its content."""
        text = self.text
        for short in ("<!-->", "<!--->"):
            if text.startswith(short, at):
                return at + len(short)
        if self._in_condition:  # comments cannot be nested: one inside another has the same end
            inner = _CONDITION.match(text, at, limit)
            return inner.end() if inner else limit
        closed = _COMMENT_END.search(text, at + 4, limit)
        end = closed.start() if closed else limit
        if condition := _CONDITION.match(text, at, end):
            self._in_condition = True
            self.read(condition.end(), end)
            self._in_condition = False
        return closed.end() if closed else limit

    def _start_tag(self, at: int, limit: int) -> int:
        name, after_name = self._tag_name(at + 1, limit)
        attributes, end = self._attributes(after_name, limit)
        if attributes is None:
            return end
        if name in _LINKED:
            self._link(name, attributes)
        elif name == "img" and self._open is not None:
            self._open.pieces.append(_value(self.text, attributes, "alt")[:_MOST_TEXT])
        elif name in _RAW_TEXT:
            closed = _RAW_END[name].search(self.text, end, limit)
            return closed.start() if closed else limit
        return end

    def _link(self, name: str, attributes: list[_Attribute]) -> None:
        if name != "area":
            self.close()  # links cannot be nested (HTML, 13.2.6.4.7)
        before, self._open = self._open, None
        for address in _addresses(attributes):
            self.close()
            self._open = _Open(_LINKED[name], name, address)
            if name == "area":
                self._open.pieces.append(_value(self.text, attributes, "alt")[:_MOST_TEXT])
        if name == "area":
            self.close()
            self._open = before

    def _end_tag(self, name: str) -> None:
        if self._open is not None and self._open.tag == name:
            self.close()

    def _tag_name(self, at: int, limit: int) -> tuple[str, int]:
        found = _NAME_END.search(self.text, at, limit)
        end = found.start() if found else limit
        return self.text[at:end].lower(), end

    def _attributes(self, at: int, limit: int) -> tuple[list[_Attribute] | None, int]:
        """The attributes from `at` on, and the place after the tag's `>`; None if the tag does not end."""
        text, attributes = self.text, list[_Attribute]()
        while (at := _skip(_BETWEEN, text, at, limit)) < limit:
            if text[at] == ">":
                return attributes, at + 1
            end = self._expressions.end(at, limit, in_value=True)
            if end > at:
                attributes.append(_Attribute("", at, end))
                at = end
                continue
            name_end = _skip(_NAME, text, at + 1, limit)  # an "=" here belongs to the name (13.2.5.32)
            equals = _skip(_SPACES, text, name_end, limit)
            if equals >= limit or text[equals] != "=":
                at = equals
                continue
            start = _skip(_SPACES, text, equals + 1, limit)
            name, at = text[at:name_end].lower(), self._value_end(start, limit)
            attributes.append(_Attribute(name, start, at))
        return None, limit

    def _value_end(self, at: int, limit: int) -> int:
        """The end of a value that begins at `at`, after its closing quote."""
        text = self.text
        quote = text[at] if at < limit and text[at] in "\"'" else ""
        stops = _VALUE_STOP[quote]
        at += len(quote)
        while at < limit and (found := stops.search(text, at, limit)):
            end = self._expressions.end(found.start(), limit, in_value=True)
            if end > found.start():
                at = end
            elif found[0] == quote:
                return found.end()
            elif not quote and found[0] in "\t\n\f\r >":
                return found.start()
            else:
                at = found.start() + 1
        return limit


def _skip(pattern: re.Pattern[str], text: str, at: int, limit: int) -> int:
    found = pattern.match(text, at, limit)
    return found.end() if found else at


def _addresses(attributes: list[_Attribute]) -> list[_Attribute]:
    """The first `href`, and those that a template's condition may put in its place."""
    found, is_open = list[_Attribute](), True
    for one in attributes:
        if one.name == "href" and is_open:
            is_open = False
            found += [one] if one.start < one.end else []
        elif not one.name:
            is_open = True
    return found


def _value(text: str, attributes: list[_Attribute], name: str) -> str:
    """The value of the first attribute of this name, decoded, without quotes; empty if there is none."""
    for one in attributes:
        if one.name == name:
            written = text[one.start : one.end]
            return read_attribute(written[1:-1] if written[:1] in ('"', "'") else written)
    return ""


_BETWEEN = re.compile(r"[\t\n\f\r /]*")
_SPACES = re.compile(r"[\t\n\f\r ]*")
_NAME = re.compile(r"[^\t\n\f\r />=]*")
_OPENINGS = "|".join(map(re.escape, PAIRS))
_VALUE_STOP = {
    '"': re.compile('"|' + _OPENINGS),
    "'": re.compile("'|" + _OPENINGS),
    "": re.compile(r"[\t\n\f\r >]|" + _OPENINGS),
}
