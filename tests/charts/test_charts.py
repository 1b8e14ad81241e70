"""The geometry of charts, for all values that a report can have."""

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.charts import columns, rows
from salepixel.charts.columns import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, Head, Value
from salepixel.charts.rows import Row
from salepixel.charts.scale import MOST_TICKS, scale_of, shown_marks

SVG = "{http://www.w3.org/2000/svg}"
HEAD = Head("c1", "Net revenue by day <&>", 'From 1 to 30 November, "EUR"')
AMOUNT = st.one_of(
    st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("-39.80"), Decimal(10) ** 30]),
    st.decimals(-(10**24), 10**24, places=2, allow_nan=False, allow_infinity=False),
)
AMOUNTS = st.lists(AMOUNT, max_size=40)
COUNTS = st.lists(st.integers(0, 10**15).map(Decimal), max_size=40)


def values(amounts: Sequence[Decimal]) -> list[Value]:
    return [Value(amount, f"day {n}: {amount}", f"{n}") for n, amount in enumerate(amounts)]


def read(svg: str) -> ElementTree.Element:
    """The picture as XML: what is no XML is not read by browsers as it was meant."""
    named = svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return ElementTree.fromstring(named)  # noqa: S314  # our own


def bars_in(svg: str, name: str = "bar") -> list[tuple[float, float, float, float]]:
    """x, width (percent), y, height (pixels) of each bar."""
    found = [one for one in read(svg).iter(f"{SVG}rect") if one.get("class") == name]
    return [
        (
            float(one.attrib["x"].rstrip("%")),
            float(one.attrib["width"].rstrip("%")),
            float(one.attrib["y"]),
            float(one.attrib["height"]),
        )
        for one in found
    ]


@given(AMOUNTS, st.booleans())
def test_ticks_are_round_few_and_around_all_values(amounts: list[Decimal], whole: bool) -> None:
    ticks = scale_of(amounts, whole=whole).ticks
    steps = {later - earlier for earlier, later in pairwise(ticks)}
    assert len(steps) == 1
    (step,) = steps
    assert step.normalize().as_tuple().digits in {(1,), (2,), (5,)}
    assert 2 <= len(ticks) <= MOST_TICKS
    assert 0 in ticks
    assert ticks[0] <= min([Decimal(0), *amounts])
    assert max([Decimal(0), *amounts]) <= ticks[-1]
    if whole:
        assert all(tick == int(tick) for tick in ticks)


@pytest.mark.parametrize(
    ("amounts", "ticks"),
    [
        ([], [0, 1]),
        ([0, 0], [0, 1]),
        ([1], [0, 1]),
        ([7], [0, 5, 10]),
        ([97, 12], [0, 50, 100]),
        ([-39, 80], [-50, 0, 50, 100]),
        ([-3], [-3, -2, -1, 0]),
    ],
)
def test_an_axis_has_the_ticks_that_a_person_would_draw(amounts: list[int], ticks: list[int]) -> None:
    assert list(scale_of(map(Decimal, amounts), whole=True).ticks) == ticks


@given(AMOUNTS)
def test_bars_stay_in_the_picture_and_do_not_overlap(amounts: list[Decimal]) -> None:
    found = bars_in(columns.bars(HEAD, values(amounts), str))
    assert len(found) == len(amounts)
    end = LEFT * 100 - 0.02
    for x, width, y, height in found:
        assert x >= end - 0.02
        end = x + width
        assert TOP - 0.01 <= y <= y + height <= BOTTOM + 0.02
    assert end <= RIGHT * 100 + 0.02


@given(AMOUNTS)
def test_a_bar_is_as_long_as_its_value(amounts: list[Decimal]) -> None:
    found = bars_in(columns.bars(HEAD, values(amounts), str))
    scale = scale_of(amounts)
    span = scale.ticks[-1] - scale.ticks[0]
    for amount, (_, _, _, height) in zip(amounts, found, strict=True):
        assert height == pytest.approx(float(abs(amount) / span) * (BOTTOM - TOP), abs=0.03)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=40))
def test_stacked_bars_add_up(pairs: list[tuple[int, int]]) -> None:
    lower, upper = ([Decimal(pair[n]) for pair in pairs] for n in (0, 1))
    svg = columns.stacked(HEAD, values(lower), values(upper), str, whole=True)
    scale = scale_of([a + b for a, b in zip(lower, upper, strict=True)], whole=True)
    for a, b, one, other in zip(lower, upper, bars_in(svg), bars_in(svg, "striped"), strict=True):
        assert one[2] == pytest.approx(other[2] + other[3], abs=0.03), "the upper begins where the lower ends"
        whole = float((a + b) / scale.ticks[-1]) * (BOTTOM - TOP)
        assert one[3] + other[3] == pytest.approx(whole, abs=0.04)
        assert one[:2] == other[:2]


@given(AMOUNTS, AMOUNTS)
def test_a_line_has_a_dot_for_each_value_and_stays_in_the_picture(
    now: list[Decimal], before: list[Decimal]
) -> None:
    svg = read(columns.lines(HEAD, values(now), before, str))
    dots = list(svg.iter(f"{SVG}circle"))
    assert len(dots) == len(now)
    assert all(TOP - 0.01 <= float(dot.attrib["cy"]) <= BOTTOM + 0.01 for dot in dots)
    paths = {one.attrib["class"]: one.attrib["points"].split() for one in svg.iter(f"{SVG}polyline")}
    kept = {name: some for name, some in (("curve before", before), ("curve now", now)) if len(some) > 1}
    assert {name: len(points) for name, points in paths.items()} == {
        name: len(some) for name, some in kept.items()
    }
    for points in paths.values():
        assert all(0 <= float(part) <= 1000 for point in points for part in point.split(","))


@given(st.lists(st.integers(0, 10**18).map(Decimal), max_size=12), st.booleans())
def test_rows_are_in_proportion_to_the_longest(amounts: list[Decimal], is_funnel: bool) -> None:
    given_rows = [Row(f"row {n}", amount, f"{amount}") for n, amount in enumerate(amounts)]
    found = bars_in((rows.funnel if is_funnel else rows.ranking)(HEAD, given_rows))
    most = max(amounts, default=Decimal(0))
    bottom = 0.0
    for amount, (x, width, y, height) in zip(amounts, found, strict=True):
        assert width == pytest.approx(float(amount / most) * 72 if most else 0, abs=0.02)
        assert 0 <= x <= x + width <= 100
        assert y >= bottom, "rows do not overlap"
        bottom = y + height


def test_a_negative_row_has_no_bar_but_its_text() -> None:
    svg = rows.ranking(HEAD, [Row("Laces", Decimal("-3.50"), "-3.50"), Row("Boots", Decimal(10), "10.00")])
    assert [bar[1] for bar in bars_in(svg)] == [0, 72]
    assert "-3.50" in [one.text for one in read(svg).iter(f"{SVG}text")]


EVERY = {
    "bars": columns.bars(HEAD, values([Decimal(3), Decimal(-1)]), str),
    "histogram": columns.bars(HEAD, values([Decimal(3)]), str, touching=True),
    "stacked": columns.stacked(HEAD, values([Decimal(3)]), values([Decimal(1)]), str),
    "lines": columns.lines(HEAD, values([Decimal(3), Decimal(4)]), [Decimal(1), Decimal(2)], str),
    "ranking": rows.ranking(HEAD, [Row("<b>Shoes</b> & laces", Decimal(3), "3")]),
    "funnel": rows.funnel(HEAD, [Row("Sent", Decimal(3), "3")]),
    "empty bars": columns.bars(HEAD, [], str),
    "empty stack": columns.stacked(HEAD, [], [], str),
    "empty lines": columns.lines(HEAD, [], [], str),
    "empty ranking": rows.ranking(HEAD, []),
}


@pytest.mark.parametrize("name", EVERY)
def test_every_chart_is_an_image_with_a_name_and_needs_neither_style_nor_script(name: str) -> None:
    svg = EVERY[name]
    root = read(svg)
    assert root.get("role") == "img"
    ids = {one.get("id"): one.text for one in root.iter() if one.get("id")}
    assert ids[root.attrib["aria-labelledby"]] == HEAD.title
    assert ids[root.attrib["aria-describedby"]] == HEAD.summary
    assert not re.search(r"\sstyle=|<style|<script|\son\w+=|https?:|#[0-9a-f]{3}\b|rgb", svg)
    assert "<b>" not in svg


def test_one_value_is_drawn_in_the_middle_and_not_as_wide_as_the_chart() -> None:
    ((x, width, _, height),) = bars_in(columns.bars(HEAD, values([Decimal(7)]), str))
    assert x + width / 2 == pytest.approx((LEFT + RIGHT) * 50, abs=0.01)
    assert width <= 12
    assert height > (BOTTOM - TOP) / 2
    assert "<polyline" not in columns.lines(HEAD, values([Decimal(7)]), [], str)


def test_a_chart_of_a_month_has_few_bytes() -> None:
    month = [
        Value(Decimal(n * 37 % 101), f"{n} Nov 2026: {n * 37 % 101}.00 €", f"{n} Nov") for n in range(30)
    ]
    assert len(columns.bars(HEAD, month, str).encode()) < 5000
    assert len(columns.lines(HEAD, month, [one.amount for one in month], str).encode()) < 6000


@pytest.mark.parametrize(
    ("count", "shown"), [(0, []), (1, [0]), (5, [0, 1, 2, 3, 4]), (30, [0, 6, 12, 18, 24])]
)
def test_few_labels_are_shown_below_an_axis(count: int, shown: list[int]) -> None:
    assert shown_marks([f"{n}" for n in range(count)], 5) == shown


def test_labels_below_the_axis_are_inside_the_picture() -> None:
    svg = read(columns.bars(HEAD, values([Decimal(1)] * 30), str))
    assert all(float(one.attrib["y"]) < HEIGHT for one in svg.iter(f"{SVG}text"))
