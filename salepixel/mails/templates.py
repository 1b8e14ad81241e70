"""Template expressions in a mail: the e-mail platform replaces them before anybody reads the mail."""

from dataclasses import dataclass, field

from salepixel.mailers.tags import PAIRS

_FIRST = frozenset(opening[0] for opening in PAIRS)
_MOST = 2000
_MOST_IN_VALUE = 500


def has_expression(address: str) -> bool:
    """Whether an address contains an expression."""
    return any(
        0 <= (at := address.find(opening)) < address.find(closing, at + len(opening))
        for opening, closing in PAIRS.items()
    )


@dataclass(slots=True)
class Expressions:
    """Finds the ends of expressions in a text in linear time: each closing mark is searched for once."""

    text: str
    _next: dict[str, int] = field(default_factory=dict)

    def end(self, at: int, limit: int, *, in_value: bool = False) -> int:
        """The end of the expression that begins at `at`, before `limit`; `at` itself if none begins there.

        An expression contains no second opening mark of its kind. In the value of an attribute, it is short,
        on one line and without tags. Otherwise, an unclosed opening mark would hide the links after it.
        """
        if self.text[at] not in _FIRST:
            return at
        for width in (3, 2):
            close = PAIRS.get(self.text[at : at + width])
            if close is None:
                continue
            start = at + width
            found = self._find(close, start)
            if (
                found < 0
                or found - at > (_MOST_IN_VALUE if in_value else _MOST)
                or found + len(close) > limit
            ):
                continue
            not_inside = (self.text[at:start], *(("\n", "<") if in_value else ()))
            if all(self.text.find(mark, start, found) < 0 for mark in not_inside):
                return found + len(close)
        return at

    def _find(self, mark: str, start: int) -> int:
        known = self._next.get(mark, -2)
        if known == -1 or known >= start:
            return known
        found = self.text.find(mark, start)
        self._next[mark] = found
        return found
