"""Codes of the second factor, by the vectors of RFC 6238, appendix B (their last six digits)."""

from datetime import UTC, datetime

import pytest

from salepixel.people.totp import STEP_SECONDS, as_base32, as_uri, code_at, find_step, new_secret

SECRET = b"12345678901234567890".hex()
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
NOW = int(NOON.timestamp()) // STEP_SECONDS


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert code_at(SECRET, seconds // STEP_SECONDS) == code


@pytest.mark.parametrize(
    ("step", "last", "valid"),
    [
        (NOW, 0, True),
        (NOW - 1, 0, True),
        (NOW + 1, 0, True),
        (NOW - 2, 0, False),
        (NOW + 2, 0, False),
        (NOW, NOW, False),
        (NOW - 1, NOW, False),
        (NOW + 1, NOW, True),
    ],
)
def test_a_code_is_valid_for_a_minute_and_only_once(step: int, last: int, valid: bool) -> None:
    assert find_step(SECRET, code_at(SECRET, step), NOON, last) == (step if valid else None)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "12345 "])
def test_other_texts_are_no_codes(code: str) -> None:
    assert find_step(SECRET, code, NOON, 0) is None


def test_spaces_in_a_code_do_not_matter() -> None:
    code = code_at(SECRET, NOW)
    assert find_step(SECRET, f" {code[:3]} {code[3:]} ", NOON, 0) == NOW


def test_an_app_reads_the_secret_as_text_or_from_the_qr_code() -> None:
    assert as_base32(SECRET) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    assert as_uri(SECRET, "ana@shop.test", "Salepixel") == (
        "otpauth://totp/Salepixel%3Aana%40shop.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Salepixel"
    )
    assert new_secret() != new_secret()
