from dataclasses import replace
from decimal import Decimal

import pytest

from salepixel.clicks.hits import Hit, parse_hit, sign_hit
from salepixel.clicks.records import pack_payload, unpack_payload
from salepixel.clicks.tokens import Signal, new_click_id
from salepixel.keys import Keys, pixel_secret_place
from salepixel.wire.directory import Directory
from salepixel.wire.streams import MAX_PAYLOAD
from salepixel_edge.pixel import PixelRequest, judge, query_text, record_of

SECRET = bytes(range(32))
KEYS = Keys(1, {1: b"k" * 32})


def sealed(emp_id: int, keys: Keys = KEYS) -> str:
    return keys.seal(pixel_secret_place(emp_id), SECRET.hex())


DIRECTORY = Directory(
    {7: ("track.shop.test", ""), 8: ("", sealed(8)), 9: ("", sealed(9))},
    require_signature=frozenset({9}),
    currencies={7: "EUR", 8: "EUR", 9: "EUR"},
)
SALE = "PRODUCTO=Shoes&CANTIDAD=2&IMPORTE=39,80&order=1042&currency=EUR"


NONE = Signal(0)


def asking(query: str, host: str = "track.shop.test", signals: Signal = NONE) -> PixelRequest:
    return PixelRequest(query, host, signals)


def signed(emp_id: int) -> str:
    query = f"empId={emp_id}&{SALE}"
    return f"{query}&sig={sign_hit(SECRET, parse_hit(query))}"


@pytest.mark.parametrize(
    ("request_", "reason", "account"),
    [
        (asking("empId=7"), "", 7),
        (asking(f"empID=7&{SALE}"), "", 7),
        (asking("empId=7", host="other.test"), "wrong_host", 0),
        (asking("empId=7&IMPORTE=-5", host="other.test"), "wrong_host", 0),
        (asking("empId=8", host="any.test"), "", 8),
        (asking("empId=1"), "unknown_account", 0),
        (asking(""), "no_empid", 0),
        (asking("empId=x"), "bad_empid", 0),
        (asking("empId=7&IMPORTE=-5"), "negative_amount", 7),
        (asking("empId=7&IMPORTE=NaN"), "bad_amount", 7),
        (asking("empId=7&IMPORTE=1e999"), "bad_amount", 7),
        (asking("empId=7&CANTIDAD=x"), "bad_quantity", 7),
        (asking("empId=7&" + "x" * 5000), "too_long", 0),
        (asking("empId=7&IMPORTE=5&PEDIDO=undefined"), "", 7),
        (asking("empId=7&IMPORTE=5&IMPORTE=6"), "repeated_parameter", 7),
        (asking("empId=7", signals=Signal.HEAD), "not_a_visit", 7),
        (asking("empId=7", signals=Signal.PREFETCH), "not_a_visit", 7),
        (asking("empId=7", signals=Signal.PRIVACY), "", 7),
        (asking(signed(8)), "", 8),
        (asking(signed(8).replace("39,80", "3,98")), "bad_signature", 8),
        (asking("empId=8&sig=x"), "bad_signature", 8),
        (asking("empId=8&sig=%C3%B1"), "bad_signature", 8),
        (asking(signed(9)), "", 9),
        (asking("empId=9"), "unsigned", 9),
    ],
)
def test_a_hit_counts_or_has_a_reason(request_: PixelRequest, reason: str, account: int) -> None:
    judgement = judge(request_, DIRECTORY, KEYS)
    assert (judgement.reason, judgement.account) == (reason, account)


@pytest.mark.parametrize(
    ("query", "reason"), [("empId=8&sig=x", ""), ("empId=9&sig=x", ""), ("empId=9", "unsigned")]
)
def test_without_a_known_currency_the_fold_checks_the_signature(query: str, reason: str) -> None:
    judgement = judge(asking(query), replace(DIRECTORY, currencies={}), KEYS)
    assert (judgement.reason, judgement.signed) == (reason, False)


def test_a_signed_amount_is_parsed_with_the_decimals_of_the_accounts_currency() -> None:
    dinars = replace(DIRECTORY, currencies={8: "KWD"})
    query = f"empId=8&IMPORTE=12.500&sig={sign_hit(SECRET, Hit(8, amount=Decimal('12.5')))}"
    assert judge(asking(query), dinars, KEYS).signed


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"empId=7&PRODUCTO=Tea%20cup", "empId=7&PRODUCTO=Tea%20cup"),
        (b"empId=7&PRODUCTO=Camis\xe9ta", "empId=7&PRODUCTO=Camis%E9ta"),
        ("empId=7&PRODUCTO=Camiséta".encode(), "empId=7&PRODUCTO=Camis%C3%A9ta"),
        (b'empId=7&PRODUCTO="\xff" [%]', 'empId=7&PRODUCTO="%FF" [%]'),
    ],
)
def test_every_value_of_a_hit_is_recorded(sent: bytes, text: str) -> None:
    assert query_text(sent) == text


def test_an_edge_without_a_directory_leaves_the_check_to_the_fold() -> None:
    judgement = judge(asking("empId=12345", host="any.test"), None, KEYS)
    assert (judgement.reason, judgement.account) == ("", 12345)


@pytest.mark.parametrize(
    ("query", "is_signed"), [(signed(8), True), ("empId=8", False), ("empId=8&sig=x", False)]
)
def test_the_record_says_whether_its_signature_was_valid(query: str, is_signed: bool) -> None:
    record = record_of(asking(query), judge(asking(query), DIRECTORY, KEYS), "", new_click_id())
    assert record.signed is is_signed
    assert record.query == query


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("empId=8&spx=abc&IMPORTE=5", "empId=8&IMPORTE=5"),
        ("empId=8&CLICK=abc", "empId=8"),
        ("empId=8&amp;spx=abc&spx[]=abc&spx%5B%5D=abc", "empId=8"),
        ("empId=8&s%70x=abc", "empId=8"),
        ("empId=8&PRODUCTO=spx", "empId=8&PRODUCTO=spx"),
    ],
)
def test_a_visitor_who_asks_for_privacy_is_not_linked_to_a_click(query: str, left: str) -> None:
    private = asking(query, signals=Signal.PRIVACY)
    record = record_of(private, judge(private, DIRECTORY, KEYS), "cookie", new_click_id())
    assert (record.query, record.cookie) == (left, "")
    open_ = replace(private, signals=NONE)
    assert record_of(open_, judge(open_, DIRECTORY, KEYS), "cookie", new_click_id()).query == query


@pytest.mark.parametrize("secret", [sealed(9, Keys(2, {2: b"n" * 32})), sealed(8), SECRET.hex()])
def test_a_signature_with_an_unopenable_secret_is_left_to_the_fold(secret: str) -> None:
    directory = replace(DIRECTORY, accounts={9: ("", secret)})
    judgement = judge(asking(signed(9)), directory, KEYS)
    assert (judgement.reason, judgement.account, judgement.signed) == ("", 9, False)


@pytest.mark.parametrize("letter", ["x", "\u00f1", "\u20ac", "\U0001f600", '"', "\\", "\x7f"])
def test_the_longest_query_fits_into_a_record(letter: str) -> None:
    query = "empId=8&"
    query += letter * ((4096 - len(query)) // len(letter.encode()))
    judgement = judge(asking(query), DIRECTORY, KEYS)
    assert judgement.reason == ""
    record = record_of(asking(query), judgement, "x" * 255, new_click_id())
    assert len(pack_payload(record)) <= MAX_PAYLOAD
    assert unpack_payload(pack_payload(record)) == record
    assert judge(asking(query + letter * 9), DIRECTORY, KEYS).reason == "too_long"
