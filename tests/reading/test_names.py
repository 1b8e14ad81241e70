"""One name in several spellings is one name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.reading.names import name_key


@pytest.mark.parametrize(
    "spelling", ["otoño-26", "OTOÑO-26", "oton\u0303o-26", "Otoño-２６", " otoño-26\u00a0", "ｏｔｏñｏ-26"]
)
def test_case_unicode_form_and_surrounding_space_do_not_change_a_name(spelling: str) -> None:
    assert name_key(spelling) == "OTOÑO-26"


@given(st.text())
def test_the_key_of_a_key_is_the_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
