"""Coupons in e-mails: an order with one identifies the e-mail or the contact that it came from."""

from typing import Any

import pytest

from tests.plugin.conftest import ALL, HATS, SHOES, Office


def decided(office: Office, **reported: Any) -> Any:
    shop, order = office.order(**reported)
    return office.get(f"/orders/{shop}/{order}/decision")


def test_a_coupon_identifies_its_contact_or_without_one_its_campaign(office: Office) -> None:
    campaign = office.campaign()
    codes = {"coupons": [{"code": "Ana-5F2K", "ref": "ana"}, {"code": "AUTUMN10"}]}
    answer = office.post(f"/campaigns/{campaign['id']}/coupons", codes, SHOES)
    assert answer == {"stored": 2, "taken": []}
    assert office.post(f"/campaigns/{campaign['id']}/coupons", codes, SHOES) == answer, "twice is once"

    own = decided(office, id="o-1", voucher="ANA-5f2k ")
    assert (own["outcome"], own["reason"]) == ("attributed", "coupon_of_contact")
    assert own["credited"] == {
        "campaign": campaign["id"],
        "contact": "ana",
        "click": None,
        "evidence": "coupon",
        "confidence": 0.95,
        "forwarded": False,
    }
    assert "a coupon code that only this contact received" in own["explanation"]
    everybodys = decided(office, id="o-2", number="2", voucher="autumn10")
    assert (everybodys["outcome"], everybodys["reason"]) == ("likely", "campaign_named")
    assert everybodys["credited"]["contact"] is None
    rows = office.get(f"/campaigns/{campaign['id']}/sales")["rows"]
    assert {(row["contact"], row["link"], row["evidence"]) for row in rows} == {
        ("ana", None, "coupon"),
        (None, None, "campaign"),
    }


def test_a_coupon_has_one_owner(office: Office) -> None:
    first, second = office.campaign(name="First"), office.campaign(name="Second")
    office.post(f"/campaigns/{first['id']}/coupons", {"coupons": [{"code": "X-1", "ref": "ana"}]})
    again = {"coupons": [{"code": "x-1", "ref": "bo"}, {"code": "X-2"}]}
    assert office.post(f"/campaigns/{second['id']}/coupons", again) == {"stored": 1, "taken": ["X-1"]}
    assert decided(office, voucher="X-1")["credited"]["contact"] == "ana"


@pytest.mark.parametrize(
    ("reported", "stored", "taken"),
    [
        ([("A-1", "ana"), ("a-1", "bo")], 1, ["A-1"]),
        ([("A-1", "ana"), ("a-1", None), ("A-1 ", "bo"), ("B-1", "bo")], 2, ["A-1"]),
        ([("A-1", "ana"), ("a-1", "ana")], 2, []),
    ],
)
def test_the_first_of_several_owners_in_a_call_gets_the_coupon(
    office: Office, reported: list[tuple[str, str | None]], stored: int, taken: list[str]
) -> None:
    coupons = {"coupons": [{"code": code, "ref": ref} for code, ref in reported]}
    path = f"/campaigns/{office.campaign()['id']}/coupons"
    answer = {"stored": stored, "taken": taken}
    assert [office.post(path, coupons) for _ in range(2)] == [answer, answer]
    assert decided(office, voucher="A-1")["credited"]["contact"] == "ana"


def test_a_coupon_of_another_account_is_ignored(office: Office) -> None:
    hats = office.campaign(emp_id=8)
    office.post(f"/campaigns/{hats['id']}/coupons", {"coupons": [{"code": "HAT", "ref": "ana"}]}, HATS)
    assert decided(office, voucher="HAT")["reason"] == "no_click"
    answer = office.call("POST", f"/campaigns/{hats['id']}/coupons", {"coupons": []}, SHOES)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "coupon",
    [{}, {"code": ""}, {"code": " \n\u200b"}, {"code": 7}, {"code": "A", "ref": ""}, {"code": "A", "x": 1}],
)
def test_an_invalid_coupon_is_refused(office: Office, coupon: dict[str, Any]) -> None:
    path = f"/campaigns/{office.campaign()['id']}/coupons"
    assert office.call("POST", path, {"coupons": [coupon]}, ALL).status_code == 422


def test_an_invalid_coupon_does_not_prevent_storing_the_others(office: Office) -> None:
    coupons = [{"code": "A-1"}, {"code": "A-3", "ref": ""}, {"code": "A-2", "ref": "c2"}]
    answer = office.post(f"/campaigns/{office.campaign()['id']}/coupons", {"coupons": coupons})
    assert (answer["stored"], answer["taken"]) == (2, [])
    (bad,) = answer["not_stored"]
    assert (bad["position"], bad["reason"]) == (1, "invalid"), "an empty contact does not mean everybody"
