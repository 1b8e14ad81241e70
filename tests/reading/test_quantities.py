"""A quantity is a number above zero, of pieces or of weight."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.reading.quantities import BadQuantity, read_quantity


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("2", "2"),
        ("10", "10"),
        ("2,00", "2"),
        ("2.0", "2"),
        ("2.", "2"),
        ("0,5", "0.5"),
        ("0.500", "0.5"),
        (".25", "0.25"),
        ("1.125", "1.125"),
        ("0.33333333333333337", "0.333"),
        ("02", "2"),
        ("\u00a02 ", "2"),
        ("1000000", "1000000"),
    ],
)
def test_a_quantity_is_parsed_and_equal_ones_are_written_alike(text: str, quantity: str) -> None:
    assert str(read_quantity(text)) == quantity


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "0",
        "0,000",
        "-1",
        "0.0001",
        "1000001",
        "1000000,5",
        "9999999",
        "x",
        "2 uds",
        "1e3",
        "²",
        "٣",
        "1.2.3",
    ],
)
def test_an_invalid_quantity_is_refused(text: str) -> None:
    with pytest.raises(BadQuantity) as refused:
        read_quantity(text)
    assert refused.value.reason == "bad_quantity"


@given(st.text(max_size=20))
def test_any_text_is_a_quantity_or_is_refused(text: str) -> None:
    try:
        quantity = read_quantity(text)
    except BadQuantity:
        return
    assert 0 < quantity <= 10**6
    assert read_quantity(str(quantity)) == quantity
    assert str(read_quantity(str(quantity))) == str(Decimal(quantity))
