from dataclasses import replace

import pytest

from salepixel.clicks import Click, ClickSealer, Signal, new_click_id
from salepixel.hits import parse_hit, sign_hit
from salepixel.streams import MAX_PAYLOAD, Directory, pack_payload
from salepixel_edge.pixel import PixelRequest, judge, record_of

SECRET = bytes(range(32))
DIRECTORY = Directory(
    {7: ("track.shop.test", ""), 8: ("", SECRET.hex()), 9: ("", SECRET.hex())},
    require_signature=frozenset({9}),
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
def test_why_a_hit_counts_or_not(request_: PixelRequest, reason: str, account: int) -> None:
    judgement = judge(request_, DIRECTORY)
    assert (judgement.reason, judgement.account) == (reason, account)


def test_an_edge_that_knows_no_accounts_yet_leaves_it_to_the_fold() -> None:
    judgement = judge(asking("empId=12345", host="any.test"), None)
    assert (judgement.reason, judgement.account) == ("", 12345)


@pytest.mark.parametrize(
    ("query", "is_signed"), [(signed(8), True), ("empId=8", False), ("empId=8&sig=x", False)]
)
def test_the_record_says_whether_a_right_signature_was_on_it(
    query: str, is_signed: bool, sealer: ClickSealer
) -> None:
    record = record_of(asking(query), judge(asking(query), DIRECTORY), "", sealer)
    assert record.signed is is_signed
    assert record.query == query


def test_only_a_click_of_the_same_account_is_evidence(sealer: ClickSealer) -> None:
    own = sealer.seal(Click(new_click_id(), 8, "0000000000c1", "0000000000a1", "ana"))
    newer = sealer.seal(Click(new_click_id(), 8, "0000000000c1", "0000000000a1", "ana"))
    foreign = sealer.seal(Click(new_click_id(), 7, "0000000000c1", "0000000000a1", "ana"))
    cases = [
        (own, "", own),
        ("", own, own),
        (own, newer, own),
        (foreign, own, own),
        (foreign, foreign, ""),
        ("rubbish", own[:-1] + "!", ""),
        ("\u00f1", "", ""),
    ]
    for cookie, spx, kept in cases:
        request = asking(f"empId=8&spx={spx}")
        assert record_of(request, judge(request, DIRECTORY), cookie, sealer).cookie == kept
        private = replace(request, signals=Signal.PRIVACY)
        assert record_of(private, judge(private, DIRECTORY), cookie, sealer).cookie == ""


@pytest.mark.parametrize("letter", ["x", "\u00f1", "\u20ac", "\U0001f600", '"', "\\", "\x7f"])
def test_the_longest_query_fits_into_a_record(letter: str, sealer: ClickSealer) -> None:
    query = "empId=8&"
    query += letter * ((4096 - len(query)) // len(letter.encode()))
    judgement = judge(asking(query), DIRECTORY)
    assert judgement.reason == ""
    token = sealer.seal(Click(new_click_id(), 8, "0000000000c1", "0000000000a1", "x" * 39))
    assert len(pack_payload(record_of(asking(query), judgement, token, sealer))) <= MAX_PAYLOAD
    assert judge(asking(query + letter * 9), DIRECTORY).reason == "too_long"
