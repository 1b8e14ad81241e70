"""Charts with a vertical axis: bars, histograms, stacked bars, and lines with a line to compare."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from salepixel.charts.scale import Scale, scale_of, shown_marks
from salepixel.charts.svg import drawing, element, percent, text, titled

HEIGHT = 220
TOP, BOTTOM = 14, 192
"""The highest and the lowest tick, in pixels; below are the labels of the values."""

LEFT, RIGHT = 0.13, 0.985
"""Where the values begin and end, as shares of the width; on the left are the ticks."""

MOST_MARKS = 5
"""Labels below the axis. Five dates fit next to each other on a phone of 360 px."""

_MOST_DOTS = 40
"""More values are so close that their dots are the line."""

Format = Callable[[Decimal], str]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a chart. `text`: it and its name in full. `mark`: the label below the axis, or empty."""

    amount: Decimal
    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """What a chart is: an id that is unique in its page, its title, and a sentence that describes it."""

    name: str
    title: str
    summary: str


def bars(
    head: Head, values: Sequence[Value], axis: Format, *, whole: bool = False, touching: bool = False
) -> str:
    """A bar for each value. `axis` formats ticks. `whole`: as in `scale_of`. `touching`: a histogram."""
    scale = scale_of([value.amount for value in values], whole=whole)
    drawn = [
        element(
            "rect",
            titled(value.text),
            class_="bar",
            **_across(n, len(values), touching=touching),
            **_down(scale, Decimal(0), value.amount),
        )
        for n, value in enumerate(values)
    ]
    return _chart(head, scale, axis, values, drawn)


def stacked(
    head: Head, lower: Sequence[Value], upper: Sequence[Value], axis: Format, *, whole: bool = False
) -> str:
    """Two bars on top of each other for each pair, the upper one with stripes. No value is negative."""
    both = [one.amount + other.amount for one, other in zip(lower, upper, strict=True)]
    scale, count, stripes = scale_of(both, whole=whole), len(lower), f"{head.name}-stripes"
    drawn = [_stripes(stripes)]
    for n, (one, other, top) in enumerate(zip(lower, upper, both, strict=True)):
        across = _across(n, count)
        drawn += [
            element("rect", titled(one.text), class_="bar", **across, **_down(scale, Decimal(0), one.amount)),
            element(
                "rect",
                titled(other.text),
                class_="striped",
                fill=f"url(#{stripes})",
                **across,
                **_down(scale, one.amount, top),
            ),
        ]
    return _chart(head, scale, axis, lower, drawn)


def lines(
    head: Head, now: Sequence[Value], before: Sequence[Decimal], axis: Format, *, whole: bool = False
) -> str:
    """A line with a dot for each value; and a dashed one, to compare, of the values before, or none."""
    scale = scale_of([*(value.amount for value in now), *before], whole=whole)
    places = max(len(now), len(before))
    # In a drawing of its own that is stretched, because a line of percentages does not exist.
    paths = element(
        "svg",
        _path(before, places, scale, "before"),
        _path([value.amount for value in now], places, scale, "now"),
        x=percent(LEFT),
        y=TOP,
        width=percent(RIGHT - LEFT),
        height=BOTTOM - TOP,
        viewBox="0 0 1000 1000",
        preserveAspectRatio="none",
        overflow="visible",
    )
    dots = [
        element(
            "circle",
            titled(value.text),
            class_="dot",
            cx=percent(_middle(n, places)),
            cy=_y(scale, value.amount),
            r=3 if places <= _MOST_DOTS else 1,
        )
        for n, value in enumerate(now)
    ]
    return _chart(head, scale, axis, now, [paths, *dots], places)


def _path(amounts: Sequence[Decimal], places: int, scale: Scale, name: str) -> str:
    if len(amounts) < 2:
        return ""  # a line of one point is drawn as its dot
    points = (
        f"{(n + 0.5) / places * 1000:.1f},{(1 - scale.place(amount)) * 1000:.1f}"
        for n, amount in enumerate(amounts)
    )
    return element(
        "polyline", class_=f"curve {name}", points=" ".join(points), vector_effect="non-scaling-stroke"
    )


def _chart(
    head: Head,
    scale: Scale,
    axis: Format,
    values: Sequence[Value],
    drawn: Sequence[str],
    places: int | None = None,
) -> str:
    grid = []
    for tick in scale.ticks:
        y = _y(scale, tick)
        name, ends = "base" if tick == 0 else "grid", (percent(LEFT), percent(RIGHT))
        grid.append(element("line", class_=name, x1=ends[0], x2=ends[1], y1=y, y2=y))
        grid.append(text(axis(tick), percent(LEFT - 0.015), y + 4, text_anchor="end"))
    count = places or len(values)
    marks = [
        text(values[n].mark, percent(_middle(n, count)), HEIGHT - 8, text_anchor=_anchor(n, count))
        for n in shown_marks([value.mark for value in values], MOST_MARKS)
    ]
    return drawing(head.name, head.title, head.summary, HEIGHT, *grid, *drawn, *marks)


def _anchor(n: int, count: int) -> str:
    """So that the last label does not leave the picture."""
    return "end" if count > 1 and n == count - 1 else "middle"


def _middle(n: int, count: int) -> float:
    return LEFT + (RIGHT - LEFT) * (n + 0.5) / count


def _across(n: int, count: int, *, touching: bool = False) -> dict[str, str]:
    """The place of a bar. A single one is not as wide as the chart."""
    room = (RIGHT - LEFT) / count
    width = min(room * (0.96 if touching else 0.72), 0.12)
    return {"x": percent(_middle(n, count) - width / 2), "width": percent(width)}


def _down(scale: Scale, start: Decimal, end: Decimal) -> dict[str, float]:
    upper, lower = sorted((_y(scale, start), _y(scale, end)))
    return {"y": upper, "height": lower - upper}


def _y(scale: Scale, value: Decimal) -> float:
    return BOTTOM - (BOTTOM - TOP) * scale.place(value)


def _stripes(name: str) -> str:
    """Stripes that are seen on paper and without colours."""
    stripe = element("path", d="M-1,7 L7,-1 M5,7 L7,5 M-1,1 L1,-1", class_="stripe")
    return element(
        "defs", element("pattern", stripe, id=name, width=6, height=6, patternUnits="userSpaceOnUse")
    )
