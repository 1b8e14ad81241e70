"""Quantities: pieces and weights, to a thousandth."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.money.quantities import as_number, from_thousandths, round_quantity, to_thousandths


@pytest.mark.parametrize(
    ("given_", "stored", "text", "number"),
    [
        ("2", 2000, "2", "2"),
        ("0.5", 500, "0.5", "0.5"),
        ("2.000", 2000, "2", "2"),
        ("1e3", 1_000_000, "1000", "1000"),
        ("0.0005", 1, "0.001", "0.001"),
        ("0.0004", 0, "0", "0"),
        ("1000000", 1_000_000_000, "1000000", "1000000"),
        ("999999.999", 999_999_999, "999999.999", "999999.999"),
    ],
)
def test_a_quantity_has_one_spelling_everywhere(given_: str, stored: int, text: str, number: str) -> None:
    quantity = Decimal(given_)
    assert to_thousandths(quantity) == stored
    assert str(round_quantity(quantity)) == text
    assert str(as_number(round_quantity(quantity))) == number


@given(st.integers(0, 10**15))
def test_a_stored_quantity_is_read_unchanged(stored: int) -> None:
    quantity = from_thousandths(stored)
    assert to_thousandths(quantity) == stored
    assert str(quantity) == f"{Decimal(stored).scaleb(-3).normalize():f}"
