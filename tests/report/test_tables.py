"""Tables: sorted by each column, searched, and cut into pages, so that no row is lost or shown twice."""

from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.report.tables import Asked, Column, Kind, arrange


class Line(NamedTuple):
    item: str
    sold: int
    net: Decimal
    currency: str


COLUMNS = [
    Column[Line]("item", "Item", Kind.TEXT, lambda line: line.item),
    Column[Line]("sold", "Sold", Kind.COUNT, lambda line: line.sold),
    Column[Line]("net", "Net", Kind.MONEY, lambda line: line.net, lambda line: line.currency),
]
ROWS = [
    Line("Red shoes", 2, Decimal("39.80"), "EUR"),
    Line("hat", 10, Decimal("9.00"), "EUR"),
    Line("Blue shoes", 1, Decimal("20.00"), "USD"),
]

SORTS = [
    ("item", False, ["Blue shoes", "hat", "Red shoes"]),
    ("sold", True, ["hat", "Red shoes", "Blue shoes"]),
    ("net", False, ["hat", "Red shoes", "Blue shoes"]),
    ("net", True, ["Red shoes", "hat", "Blue shoes"]),
    ("", False, ["Red shoes", "hat", "Blue shoes"]),
    ("unknown", True, ["Red shoes", "hat", "Blue shoes"]),
]


@pytest.mark.parametrize(("sort", "descending", "items"), SORTS)
def test_a_table_is_sorted_by_a_column(sort: str, descending: bool, items: list[str]) -> None:
    found = arrange(ROWS, COLUMNS, Asked(sort, descending), 10)
    assert [row.item for row in found.rows] == items


@pytest.mark.parametrize(("search", "count"), [("SHOES", 2), ("hat", 1), ("", 3), ("39.80", 0)])
def test_a_search_finds_texts_in_any_case(search: str, count: int) -> None:
    assert arrange(ROWS, COLUMNS, Asked(search=search), 1).count == count


def test_a_page_behind_the_last_is_the_last() -> None:
    found = arrange(ROWS, COLUMNS, Asked(page=9), 2)
    assert (found.page, found.pages, list(found.rows)) == (2, 2, ROWS[2:])
    assert arrange([], COLUMNS, Asked(page=9), 2).pages == 1


_LINES = st.builds(
    Line,
    st.text("ab ", max_size=3),
    st.integers(0, 3),
    st.decimals(0, 3, places=2),
    st.sampled_from(["EUR", "USD"]),
)


@given(
    st.lists(_LINES, max_size=20),
    st.sampled_from(["", "item", "sold", "net"]),
    st.booleans(),
    st.integers(1, 7),
)
def test_all_pages_together_have_each_row_once(
    rows: list[Line], sort: str, descending: bool, size: int
) -> None:
    whole = arrange(rows, COLUMNS, Asked(sort, descending), None)
    pages = [arrange(rows, COLUMNS, Asked(sort, descending, page=n), size) for n in range(1, len(rows) + 2)]
    together = [row for page in pages[: pages[0].pages] for row in page.rows]
    assert together == list(whole.rows)
    assert sorted(together) == sorted(rows)
