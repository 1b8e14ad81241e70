"""What a pixel says is read in the names and numbers that shops use, or refused by name."""

import contextlib
from dataclasses import replace
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.hits import BadHit, Hit, is_signed, parse_hit, sign_hit


@pytest.mark.parametrize(
    ("query", "hit"),
    [
        ("empId=7", Hit(7)),
        ("empID=7", Hit(7)),
        (
            "empId=7&PRODUCTO=Zapato%20rojo&CANTIDAD=2&IMPORTE=1.234,56",
            Hit(7, "Zapato rojo", Decimal(2), Decimal("1234.56")),
        ),
        (
            "empId=7&product=Shoe&quantity=2&amount=1,234.56&order=A-1&currency=usd",
            Hit(7, "Shoe", Decimal(2), Decimal("1234.56"), "A-1", "USD"),
        ),
        ("empId=7&CANTIDAD=2,00&IMPORTE=", Hit(7, "", Decimal(2))),
        ("empId=7&moneda=KWD&importe=1.234", Hit(7, amount=Decimal("1.234"), currency="KWD")),
        ("empId=7&empId=8&x=y", Hit(7)),
    ],
)
def test_a_hit_is_read(query: str, hit: Hit) -> None:
    assert parse_hit(query) == hit


@pytest.mark.parametrize(
    ("query", "reason", "emp_id"),
    [
        ("", "no_empid", 0),
        ("PRODUCTO=x", "no_empid", 0),
        ("empId=abc", "bad_empid", 0),
        ("empId=0", "bad_empid", 0),
        ("empId=-1", "bad_empid", 0),
        ("empId=4294967296", "bad_empid", 0),
        ("empId=7&IMPORTE=-5", "negative_amount", 7),
        ("empId=7&IMPORTE=NaN", "bad_amount", 7),
        ("empId=7&IMPORTE=1e999", "bad_amount", 7),
        ("empId=7&CANTIDAD=-1", "bad_quantity", 7),
        ("empId=7&CANTIDAD=1.5", "bad_quantity", 7),
        ("empId=7&CANTIDAD=0", "bad_quantity", 7),
        ("empId=7&CANTIDAD=9999999", "bad_quantity", 7),
        ("empId=7&currency=EURO", "bad_currency", 7),
        ("empId=7&PRODUCTO=a%00b", "bad_text", 7),
        ("empId=7&PRODUCTO=" + "a" * 201, "bad_text", 7),
        ("empId=7&x=" + "a" * 5000, "too_long", 0),
        ("&".join(["a=b"] * 50), "too_long", 0),
    ],
)
def test_a_bad_hit_is_refused_by_name(query: str, reason: str, emp_id: int) -> None:
    with pytest.raises(BadHit) as refused:
        parse_hit(query)
    assert (refused.value.reason, refused.value.emp_id) == (reason, emp_id)


@given(st.text(max_size=200))
def test_any_query_is_a_hit_or_refused(query: str) -> None:
    with contextlib.suppress(BadHit):
        assert parse_hit("empId=7&" + query).emp_id == 7


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=50))
def test_a_product_name_survives_the_url(name: str) -> None:
    assert parse_hit(f"empId=7&PRODUCTO={quote(name)}").product == name


def test_a_signature_covers_everything_that_is_money() -> None:
    secret, hit = b"secret", Hit(7, "Shoe", Decimal(2), Decimal("39.80"), "A-1", "EUR")
    signed = replace(hit, signature=sign_hit(secret, hit))
    assert is_signed(secret, signed)
    assert is_signed(secret, replace(signed, amount=Decimal("39.8")))
    for change in (
        {"amount": Decimal("39.81")},
        {"order": "A-2"},
        {"quantity": 3},
        {"currency": "USD"},
        {"product": "Boot"},
        {"signature": ""},
        {"signature": "é"},
    ):
        assert not is_signed(secret, replace(signed, **change))
