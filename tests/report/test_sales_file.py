"""Amounts, times and texts of files are those of the report, and no text is markup."""

from datetime import UTC, datetime
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.money.amounts import from_minor, minor_digits
from salepixel.money.quantities import as_number, from_thousandths
from salepixel.reading.times import rfc3339
from salepixel.report import sales_file
from salepixel.storage.schema import as_micros


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_an_amount_is_written_as_its_decimal(minor: int, currency: str) -> None:
    assert sales_file.money(minor, minor_digits(currency)) == f"{from_minor(minor, currency):f}"


@given(st.integers(0, 10**9))
def test_a_quantity_is_written_as_its_number(thousandths: int) -> None:
    written = sales_file._fraction(thousandths)
    assert Decimal(written) == from_thousandths(thousandths)
    assert written == str(as_number(from_thousandths(thousandths)))


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_time_is_written_as_the_api_writes_it(at: datetime) -> None:
    assert sales_file._time(as_micros(at), "T", "Z") == rfc3339(at)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<b>&amp;", "<b>&amp;"),
        (' s="@EUR" ', ' s="@EUR" '),
        ("\x00\x1f", "_x0000__x001F_"),
        ("_x0041_", "_x005F_x0041_"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("x" * 40_000, "x" * 32_767),
    ],
)
def test_any_text_is_one_text_of_a_cell(text: str, read: str) -> None:
    written = sales_file._text(text)
    assert 's="@' not in written
    cell = ElementTree.fromstring(f"<c{written}</c>")  # noqa: S314  # ours
    assert "".join(cell.itertext()) == read
