"""A pixel's values are parsed in the names and notations that shops use, or refused with a reason."""

import contextlib
import hashlib
import hmac
from dataclasses import replace
from decimal import Decimal
from unicodedata import normalize
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.clicks.hits import BadHit, Hit, is_signed, parse_hit, sign_hit
from salepixel.reading.text import read_text


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
        ("empId=7&CANTIDAD=0,5", Hit(7, "", Decimal("0.5"))),
        ("empId=007&IMPORTE=39.80+EUR", Hit(7, amount=Decimal("39.80"), currency="EUR")),
        ("empId=7&IMPORTE=3*19.95", Hit(7, problem="bad_amount")),
        ("empId=7&moneda=KWD&importe=1.234", Hit(7, amount=Decimal("1.234"), currency="KWD")),
        ("empId=7&empId=7&x=y", Hit(7)),
    ],
)
def test_a_hit_is_parsed(query: str, hit: Hit) -> None:
    assert parse_hit(query) == hit


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "no_empid"),
        ("PRODUCTO=x", "no_empid"),
        ("empId=%20", "no_empid"),
        ("empId=abc", "bad_empid"),
        ("empId=0", "bad_empid"),
        ("empId=-1", "bad_empid"),
        ("empId=4294967296", "bad_empid"),
        ("empId=7&x=" + "a" * 5000, "too_long"),
        ("&".join(["a=b"] * 50), "too_long"),
    ],
)
def test_a_hit_without_an_account_is_refused_with_a_reason(query: str, reason: str) -> None:
    with pytest.raises(BadHit) as refused:
        parse_hit(query)
    assert (refused.value.reason, refused.value.emp_id) == (reason, 0)


@pytest.mark.parametrize(
    ("reported", "problem"),
    [
        ("IMPORTE=-5", "negative_amount"),
        ("IMPORTE=NaN", "bad_amount"),
        ("IMPORTE=1e999", "bad_amount"),
        ("IMPORTE=999999999999.9999", "bad_amount"),
        ("CANTIDAD=-1", "bad_quantity"),
        ("CANTIDAD=0", "bad_quantity"),
        ("CANTIDAD=9999999", "bad_quantity"),
        ("currency=EURO", "bad_currency"),
        ("currency=EUR&IMPORTE=5+USD", "bad_currency"),
        ("IMPORTE=5&IMPORTE=6", "repeated_parameter"),
        ("IMPORTE[]=5&IMPORTE[]=5", "repeated_parameter"),
        ("PEDIDO=1&PEDIDO=2", "repeated_parameter"),
        ("empId=8", "repeated_parameter"),
    ],
)
def test_unparsable_values_are_named_and_the_rest_is_kept(reported: str, problem: str) -> None:
    hit = parse_hit(f"empId=7&PRODUCTO=Tea&spx=abc&{reported}")
    assert (hit.emp_id, hit.product, hit.click, hit.problem) == (7, "Tea", "abc", problem)
    assert not hit.is_readable


@pytest.mark.parametrize(
    "number", ["undefined", "null", "0", "%5Bobject%20Object%5D", "%7B%7Border.number%7D%7D", "%25ORDER%25"]
)
def test_a_placeholder_is_not_an_order_number_and_the_hit_counts(number: str) -> None:
    hit = parse_hit(f"empId=7&IMPORTE=5&PEDIDO={number}")
    assert (hit.order, hit.amount, hit.problem, hit.is_readable) == (
        "",
        Decimal(5),
        "placeholder_order",
        True,
    )


@pytest.mark.parametrize(
    "query",
    [
        "empId=7&amp;PRODUCTO=Tee&amp;IMPORTE=10",
        "empId=7&amp;amp;PRODUCTO=Tee&amp;amp;IMPORTE=10",
        "empId=7&#038;PRODUCTO=Tee&#038;IMPORTE=10",
        "empId=7&#38;PRODUCTO=Tee&#x26;IMPORTE=10",
        "empId=7&amp%3BPRODUCTO=Tee&amp%3BIMPORTE=10",
        "empId[]=7&PRODUCTO[]=Tee&IMPORTE[0]=10",
        "empId=7&PRODUCTO%5B%5D=Tee&IMPORTE%5b%5d=10",
        "empId=7&PRODUCTO=Tee&PRODUCTO=Tee&IMPORTE=10&IMPORTE=10",
        "empId=7&PRODUCTO=&PRODUCTO=Tee&IMPORTE=10&total=30",
    ],
)
def test_a_query_is_parsed_as_intended(query: str) -> None:
    assert parse_hit(query) == Hit(7, "Tee", amount=Decimal(10))


def test_a_list_of_products_becomes_one_item() -> None:
    assert parse_hit("empId=7&PRODUCTO[]=Tea&PRODUCTO[]=Cup&IMPORTE=10") == Hit(
        7, "Tea, Cup", amount=Decimal(10)
    )


@pytest.mark.parametrize(
    ("query", "product", "amount", "order"),
    [
        ("PRODUCTO=Camis%E9ta&IMPORTE=39,80%20%80&PEDIDO=N%BA%207", "Camiséta", "39.80", "Nº 7"),
        ("PRODUCTO=Camis%C3%A9ta&IMPORTE=39,80%20%E2%82%AC&PEDIDO=N%C2%BA%207", "Camiséta", "39.80", "Nº 7"),
        ("PRODUCTO=T%E9&IMPORTE=39,80%A4", "Té", "39.80", ""),
        ("PRODUCTO=T&IMPORTE=1%A0234,56", "T", "1234.56", ""),
        ("PRODUCTO=T&IMPORTE=1%C2%A0234,56%E2%80%AF%E2%82%AC", "T", "1234.56", ""),
        ("PRODUCTO=Red%C2%A0%E2%80%8Bshoes%0A&IMPORTE=1", "Red shoes", "1", ""),
        ("PRODUCTO=a%00b&IMPORTE=1", "a\ufffdb", "1", ""),
        ("PRODUCTO=" + "a" * 300 + "&IMPORTE=1", "a" * 200, "1", ""),
    ],
)
def test_text_from_a_page_in_any_encoding_is_parsed(
    query: str, product: str, amount: str, order: str
) -> None:
    assert parse_hit(f"empId=7&{query}") == Hit(7, product, amount=Decimal(amount), order=order)


@pytest.mark.parametrize(
    ("account", "reported", "amount"),
    [
        ("KWD", "IMPORTE=12.500", "12.5"),
        ("KWD", "IMPORTE=12,500", "12.5"),
        ("KWD", "IMPORTE=12.500&MONEDA=JPY", "12500"),
        ("JPY", "IMPORTE=12.500", "12500"),
        ("JPY", "IMPORTE=12.500&MONEDA=TND", "12.5"),
        ("JPY", "IMPORTE=12.500+KWD", "12.5"),
        ("EUR", "IMPORTE=12.500", "12.5"),
    ],
)
def test_the_accounts_currency_sets_the_decimals_unless_the_hit_names_another(
    account: str, reported: str, amount: str
) -> None:
    assert parse_hit(f"empId=7&{reported}", {7: account}).amount == Decimal(amount)


@given(st.text(max_size=200))
def test_any_query_is_a_hit_or_is_refused(query: str) -> None:
    with contextlib.suppress(BadHit):
        assert parse_hit("empId=7&" + query).emp_id == 7


@given(st.binary(max_size=200), st.sampled_from(["", "EUR", "KWD", "JPY"]))
def test_any_bytes_are_a_hit_or_are_refused(sent: bytes, currency: str) -> None:
    with contextlib.suppress(BadHit):
        hit = parse_hit("empId=7&PRODUCTO=" + quote(sent, safe="&=%+"), {7: currency})
        assert is_signed(b"secret", hit) is False
        assert read_text(hit.product, 200) == hit.product


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=50))
def test_a_product_name_is_unchanged_by_url_encoding(name: str) -> None:
    assert parse_hit(f"empId=7&PRODUCTO={quote(name)}").product == normalize("NFC", name)


def test_a_signature_covers_every_field_that_affects_revenue() -> None:
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


@pytest.mark.parametrize(
    ("reported", "signed"),
    [
        ("PRODUCTO=Tea&IMPORTE=39,80&PEDIDO=A-1&MONEDA=EUR", "7\nA-1\nTea\n1\n39.8\nEUR"),
        ("PRODUCTO=Tea&IMPORTE=39,80%20%E2%82%AC", "7\n\nTea\n1\n39.8\n"),
        ("PRODUCTO=Tea&IMPORTE=59.849999999999994", "7\n\nTea\n1\n59.849999999999994\n"),
        ("PRODUCTO=Tea%20%20cup&IMPORTE=1", "7\n\nTea  cup\n1\n1\n"),
        ("PRODUCTO=Tea%20%20cup&IMPORTE=1", "7\n\nTea cup\n1\n1\n"),
        ("PRODUCTO=Tea&IMPORTE=1&PEDIDO=undefined", "7\nundefined\nTea\n1\n1\n"),
        ("PRODUCTO=Tea&CANTIDAD=0,50", "7\n\nTea\n0.5\n\n"),
    ],
)
def test_a_signature_is_valid_over_the_sent_or_the_parsed_values(reported: str, signed: str) -> None:
    signature = hmac.new(b"secret", signed.encode(), hashlib.sha256).hexdigest()
    assert is_signed(b"secret", parse_hit(f"empId=7&{reported}&sig={signature}"))
    assert not is_signed(b"secret", parse_hit(f"empId=7&{reported}&sig={signature[:-1]}"))
