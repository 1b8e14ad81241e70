"""Finds merge tags of all e-mail platforms in addresses and references.

Compiled once, since the edge uses it for each click. No input takes long.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from salepixel.mailers.forms import Form
from salepixel.mailers.known import PLATFORMS

FORMS: tuple[Form, ...] = tuple(dict.fromkeys(form for one in PLATFORMS.values() for form in one.forms))
"""The forms of all platforms."""

PAIRS: dict[str, str] = {form.opening: form.closing for form in FORMS if form.closing and not form.name}
"""The marks of expressions: opening -> closing. What is between them may have quotes and brackets."""

UNFILLED: frozenset[str] = frozenset(value for one in PLATFORMS.values() for value in one.unfilled)
"""References that belong to nobody: platforms use them in place of a tag that they do not fill."""


def _in_address(form: Form) -> str:
    # Not long: so a thousand beginnings without an end take no time.
    inside = form.name or ".{0,200}?"
    return form.in_address or re.escape(form.opening) + inside + re.escape(form.closing)


def _whole(form: Form) -> str:
    return re.escape(form.opening) + (form.name or ".*?") + re.escape(form.closing)


def _in_reference(form: Form) -> Iterable[str]:
    if form.as_reference:
        return (form.as_reference,)
    marks = (form.opening, form.closing) if not form.name else (form.opening,)
    return (re.escape(mark) for mark in marks)  # a part of a tag is no reference either


_EXPRESSION = re.compile("|".join(_whole(form) for form in FORMS if not form.name), re.DOTALL)
_IN_ADDRESS = re.compile("|".join(_in_address(form) for form in FORMS if not form.only_whole))
_WHOLE = re.compile(rf"(?:https?://)?(?:{'|'.join(map(_whole, FORMS))})", re.IGNORECASE | re.DOTALL)
_IN_REFERENCE = re.compile(
    "|".join(part for form in FORMS if not form.only_whole for part in _in_reference(form))
)


def find_tag(address: str) -> str | None:
    """The first merge tag in an address, also one that is percent-encoded; None if there is none."""
    found = _IN_ADDRESS.search(address) or _IN_ADDRESS.search(unquote(address))
    return found[0] if found else None


def is_whole_tag(address: str) -> bool:
    """True if the whole address of a link is a merge tag, with or without a scheme before it."""
    return _WHOLE.fullmatch(address) is not None


def begins_with_expression(address: str) -> bool:
    """True if an address begins with an expression, such as `{{ base }}/p`."""
    return _EXPRESSION.match(address) is not None


def is_merge_tag(text: str) -> bool:
    """True for a reference that is a merge tag that was not filled, a part of one, or belongs to nobody."""
    return text in UNFILLED or _IN_REFERENCE.search(text) is not None
