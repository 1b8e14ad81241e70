"""A contact has one reference, however the link was mailed, copied or displayed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.reading.references import MAX_CONTACT, normal_reference


@pytest.mark.parametrize(
    "written",
    [
        "c9",
        "c9 ",
        " c9",
        "c9.",
        "c9\u00a0",
        "\ufeffc9\u200b",
        "c9?utm_source=nl",
        "c9?utm_source=nl&x=y",
        "c9)",
        "c9>",
        "c9,",
        'c9".',
        "c9?",
        "c9\r\n",
        "\u202ac9\u202c",
        "c\u00ad9",
        "c9…",
        "c9).",
        "\u2003c9\t",
    ],
)
def test_text_added_in_transit_is_removed_from_a_reference(written: str) -> None:
    assert normal_reference(written) == "c9"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Ana@Example.test", "Ana@Example.test"),
        ("a+b@shop.test", "a+b@shop.test"),
        ("a b", "a b"),
        ("Ana\u00a0Pen\u0303a", "Ana Peña"),
        ("Ana (Peña)", "Ana (Peña)"),
        ("YWJjZA==", "YWJjZA=="),
        ("abc/", "abc/"),
        ("-x_", "-x_"),
        ("who?me", "who?me"),
        ("3F2504E0-4F89-11D3-9A0C-0305E82C3301", "3F2504E0-4F89-11D3-9A0C-0305E82C3301"),
        ("x" * MAX_CONTACT, "x" * MAX_CONTACT),
    ],
)
def test_a_valid_reference_stays_unchanged(written: str, normal: str) -> None:
    assert normal_reference(written) == normal


@pytest.mark.parametrize(
    "written",
    ["", " ", ".", "\u200b", "\u202e", "a\0b", "a\nb", "x" * (MAX_CONTACT + 1), "?utm_source=x", "\ue000"],
)
def test_an_invalid_reference_is_empty(written: str) -> None:
    assert normal_reference(written) == ""


@given(st.text(max_size=250))
def test_normalizing_a_reference_twice_changes_nothing(text: str) -> None:
    normal = normal_reference(text)
    assert normal_reference(normal) == normal
    assert normal.isprintable()
    assert len(normal) <= MAX_CONTACT
    assert normal_reference(f"\u00a0{text}. ") == normal
