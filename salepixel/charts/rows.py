"""Charts with a row for each value: a ranking of horizontal bars, and a funnel."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from salepixel.charts.columns import Head
from salepixel.charts.svg import drawing, element, percent, text, titled

ROW = 44
"""Pixels of a row: its name, and its bar with its value below."""

_BAR_TOP, _BAR_HEIGHT = 20, 14
_ROOM = 0.72
"""The longest bar, as a share of the width; the rest is for its value."""

_MOST_CHARS = 48


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a chart: its name, its value, and the value as a text. No value is negative in a funnel."""

    name: str
    amount: Decimal
    text: str


def ranking(head: Head, rows: Sequence[Row]) -> str:
    """A bar for each row, in the given sequence. A negative value has no bar, only its text."""
    return _rows(head, rows, centred=False)


def funnel(head: Head, rows: Sequence[Row]) -> str:
    """The steps of a funnel, widest first; each bar is in proportion to the first step."""
    return _rows(head, rows, centred=True)


def _rows(head: Head, rows: Sequence[Row], *, centred: bool) -> str:
    most = max((row.amount for row in rows), default=Decimal(0))
    drawn = []
    for n, row in enumerate(rows):
        width, top = _share(row.amount, most) * _ROOM, float(n * ROW)
        start = (_ROOM - width) / 2 if centred else 0.0
        words = f"{row.name}: {row.text}"
        drawn += [
            text(_short(row.name), "0%", top + 14, class_="name"),
            element(
                "rect",
                titled(words),
                class_="bar",
                x=percent(start),
                y=top + _BAR_TOP,
                width=percent(width),
                height=_BAR_HEIGHT,
            ),
            text(
                row.text,
                percent((_ROOM if centred else width) + 0.015),
                top + _BAR_TOP + 11,
                class_="amount",
            ),
        ]
    return drawing(head.name, head.title, head.summary, max(1, len(rows)) * ROW, *drawn)


def _share(amount: Decimal, most: Decimal) -> float:
    if amount <= 0:
        return 0.0
    with localcontext() as context:
        context.prec = 60
        return float(amount / most)


def _short(name: str) -> str:
    return name if len(name) <= _MOST_CHARS else f"{name[: _MOST_CHARS - 1]}…"
