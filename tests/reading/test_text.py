"""Text from anywhere has one form: one line, NFC, nothing invisible, cut between whole characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.reading.text import decode_bytes, read_text

FAMILY = "👨\u200d👩\u200d👧"
ODD = "a b\0\t\n\u00a0\u00ad\u200b\u200c\u200d\u200f\u2028\u202f\ufeff\ud800é\u0301e👩🏽كमि"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("Red shoes", "Red shoes"),
        ("  Red  shoes ", "Red shoes"),
        ("Red\u00a0shoes", "Red shoes"),
        ("1\u202f234", "1 234"),
        ("Red\tshoes\r\nblue\u2028green\x85", "Red shoes blue green"),
        ("Winter\u00adjacke", "Winterjacke"),
        ("Red\u200bshoes\ufeff", "Redshoes"),
        ("\u200fנעליים\u200e", "נעליים"),
        ("\u202eRed\u202c", "Red"),
        ("Camise\u0301", "Camisé"),
        ("e\u200b\u0301", "é"),
        (f"Set {FAMILY}", f"Set {FAMILY}"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200db\u200c c\u200d", "ab c"),
        ("Tea\0", "Tea\ufffd"),
        ("Tea\ud83d", "Tea\ufffd"),
        ("Tea\x07\x1b[31m", "Tea[31m"),
        ("", ""),
        ("\u200b \n", ""),
    ],
)
def test_a_text_is_read_as_displayed(sent: str, read: str) -> None:
    assert read_text(sent, 200) == read


@pytest.mark.parametrize(
    ("sent", "limit", "read"),
    [
        ("a" * 300, 200, "a" * 200),
        ("Red shoes", 4, "Red"),
        ("Red ñandu", 4, "Red"),
        (f"Set {FAMILY}", 6, "Set"),
        ("Set 👩🏽", 5, "Set"),
        ("कमि", 2, "क"),
        ("x" + "\u0316" * 300, 200, "x" + "\u0316" * 199),
    ],
)
def test_a_text_is_never_cut_inside_a_character(sent: str, limit: int, read: str) -> None:
    assert read_text(sent, limit) == read


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(ODD)), max_size=40), st.integers(1, 30))
def test_cleaning_a_text_twice_changes_nothing(sent: str, limit: int) -> None:
    read = read_text(sent, limit)
    assert read_text(read, limit) == read
    assert len(read) <= limit
    assert read.encode().decode() == read
    assert "\0" not in read


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"Camiseta", "Camiseta"),
        ("Camiséta €".encode(), "Camiséta €"),
        (b"Camis\xe9ta", "Camiséta"),
        (b"39,80 \x80", "39,80 €"),
        (b"39,80 \xa4", "39,80 ¤"),
        (b"1\xa0234,56", "1\xa0234,56"),
        (b"N\xba 7", "Nº 7"),
        (b"\x81", "\ufffd"),
    ],
)
def test_bytes_that_are_not_utf_8_are_decoded_as_windows_1252(sent: bytes, text: str) -> None:
    assert decode_bytes(sent) == text


@given(st.binary(max_size=60))
def test_any_bytes_give_text(sent: bytes) -> None:
    assert read_text(decode_bytes(sent), 200).encode().decode() == read_text(decode_bytes(sent), 200)
