"""Which passwords are refused, and how the others are stored."""

import pytest

from salepixel.people.passwords import LEAST, MOST, find_problem, hash_password, is_right


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("", "too_short"),
        ("kF9$xx2Q!aa", "too_short"),
        ("x" * (MOST + 1), "too_long"),
        ("1q2w3e4r5t6y", "common"),
        ("QWERTY123456", "common"),
        ("passwordpassword", "common"),
        ("abcabcabcabc", "common"),
        ("aaaaaaaaaaaaaab", "common"),
        ("ana@shop.test", "about_you"),
        ("ana.garcia2026", "about_you"),
        ("Salepixel-2026", "about_you"),
        ("correct horse battery", None),
        ("mañana llueve en Cádiz", None),
        ("p" + "é" * 3 + "🐘🦒🐫🐪🦏🦛🐊🐢", None),
    ],
)
def test_a_password_is_long_and_hard_to_guess(password: str, problem: str | None) -> None:
    found = find_problem(password, "ana@shop.test", "Ana Garcia")
    if password == "ana.garcia2026":
        assert find_problem(password, "ana.garcia@shop.test", "Ana Garcia") == problem
    else:
        assert found == problem


def test_twelve_characters_are_enough() -> None:
    assert find_problem("kF9$xx2Q!aab", "a@b.test", "") is None
    assert LEAST == 12


def test_a_stored_password_is_salted_and_only_the_same_one_is_right() -> None:
    stored = hash_password("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert stored != hash_password("correct horse battery")
    assert is_right(stored, "correct horse battery")
    assert not is_right(stored, "correct horse batterz")
    assert not is_right(stored, "")
    assert not is_right(stored, "x" * (MOST + 1))
    assert not is_right("damaged", "correct horse battery")


def test_the_same_letters_in_another_unicode_form_are_the_same_password() -> None:
    assert is_right(hash_password("ma\u00f1ana llueve"), "man\u0303ana llueve")


def test_nobody_has_the_password_of_the_comparison() -> None:
    assert not is_right(None, "the password of nobody")
