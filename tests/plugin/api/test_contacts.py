"""Contacts: which fields a call changes, and which stay."""

from typing import Any

import pytest

from salepixel.campaigns.contacts import all_opted_out, get_contacts
from salepixel.campaigns.coupons import find_coupons
from tests.plugin.conftest import HATS, SHOES, Office


def consents(office: Office) -> dict[str, bool]:
    with office.database.read() as connection:
        return {ref: one.consent for ref, one in get_contacts(connection, 7, ["ana", "bo"]).items()}


def test_an_opt_out_stays_until_the_contact_opts_in_again(office: Office) -> None:
    """A mailer's list without consent must not undo an opt-out."""

    def reported(*contacts: dict[str, object]) -> None:
        assert office.post("/contacts", {"empId": 7, "contacts": contacts}, SHOES)["stored"] == len(contacts)

    reported({"ref": "ana", "consent": False}, {"ref": "bo"})
    assert consents(office) == {"ana": False, "bo": True}
    reported({"ref": "ana", "email": "ana@example.com"}, {"ref": "bo", "email": "bo@example.com"})
    assert consents(office) == {"ana": False, "bo": True}
    reported({"ref": "ana", "consent": True}, {"ref": "bo", "consent": False})
    assert consents(office) == {"ana": True, "bo": False}


@pytest.mark.parametrize(
    ("reported", "consent", "address"),
    [
        ([{"consent": False}, {"email": "ana@example.com"}], False, "ana@example.com"),
        ([{"email": "ana@example.com"}, {"consent": False}], False, "ana@example.com"),
        ([{"consent": False}, {}, {"consent": True}], True, None),
        ([{"consent": True}, {"consent": False}], False, None),
        ([{"email": "old@example.com"}, {"email": "ana@example.com"}], True, "ana@example.com"),
        ([{"email": "ana@example.com"}, {"email": None}], True, "ana@example.com"),
    ],
)
def test_a_contact_repeated_in_a_call_gets_all_of_its_values(
    office: Office, reported: list[dict[str, Any]], consent: bool, address: str | None
) -> None:
    one_by_one = [{"ref": "ana", **fields} for fields in reported]
    assert office.post("/contacts", {"empId": 7, "contacts": one_by_one}, SHOES) == {"stored": 1}
    with office.database.read() as connection:
        found = get_contacts(connection, 7, ["ana"])["ana"]
    assert found.consent is consent
    assert found.email_hash == (office.keys.hash_email(7, address) if address else None)


def test_an_invalid_contact_does_not_prevent_storing_the_others(office: Office) -> None:
    contacts = [{"ref": "c1", "email": ""}, {"ref": "c2", "email": "no address"}, {"ref": "c3"}]
    answer = office.post("/contacts", {"empId": 7, "contacts": contacts}, SHOES)
    assert answer["stored"] == 2
    (bad,) = answer["not_stored"]
    assert (bad["position"], bad["name"], bad["reason"]) == (1, "c2", "invalid")
    assert "e-mail address" in bad["message"]


@pytest.mark.parametrize(
    "written", ["c9 ", " c9", "c9.", "c9\u00a0", "c9\u200b", "\ufeffc9", "c9?utm_source=nl"]
)
def test_every_call_stores_the_same_form_of_a_reference(office: Office, written: str) -> None:
    reported = {"ref": "c9", "email": "nine@example.com", "consent": False}
    office.post("/contacts", {"empId": 7, "contacts": [reported]}, SHOES)
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": written, "email": "nine@example.com"}]}, SHOES)
    with office.database.read() as connection:
        assert all_opted_out(connection) == {(7, "c9")}
    wanted = {"empId": 7, "name": "Autumn", "holdout_percent": 50, "links": [{"url": "https://shop.test/"}]}
    campaign = office.post("/campaigns", wanted)["id"]
    path = f"/campaigns/{campaign}"
    assert office.post(f"{path}/recipients", {"contacts": [written]})["not_measured"] == ["c9"]
    office.post(f"{path}/coupons", {"coupons": [{"code": "X9", "ref": written}]})
    with office.database.read() as connection:
        coupon = find_coupons(connection, 7, ["X9"])["X9"]
    assert coupon is not None
    assert coupon.contact == "c9"


@pytest.mark.parametrize("written", ["", " ", ".", "\u200b", "a\nb", "a\0b"])
def test_an_invalid_reference_is_refused(office: Office, written: str) -> None:
    answer = office.post("/contacts", {"empId": 7, "contacts": [{"ref": written}, {"ref": "c1"}]}, SHOES)
    assert answer["stored"] == 1
    assert [bad["position"] for bad in answer["not_stored"]] == [0]


def test_a_contact_has_its_opt_out_clicks_and_orders(office: Office) -> None:
    contacts = [{"ref": "ana", "email": "ana@example.com"}, {"ref": "a2", "email": "ana@example.com"}]
    office.post("/contacts", {"empId": 7, "contacts": contacts})
    campaign = office.campaign()
    office.order(click=office.click(campaign, "ana"))
    found = office.get("/contacts/ana?empId=7", SHOES)
    assert (found["stored"], found["has_address"], found["opted_out"], found["others"]) == (
        True,
        True,
        False,
        ["a2"],
    )
    assert found["net"] == [{"currency": "EUR", "net": "39.80"}]
    (its,) = found["campaigns"]
    assert (its["campaign"], its["human_clicks"], its["orders"]) == (campaign["id"], 1, 1)
    assert [(one["link"], one["verdict"]) for one in found["clicks"]] == [("Hero", "human")]
    assert [one["order"] for one in found["orders"]] == ["1042"]
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "a2", "consent": False}]})
    again = office.get("/contacts/ana?empId=7", SHOES)
    assert (again["opted_out"], again["opted_out_by"]) == (True, ["a2"])
    nobody = office.get("/contacts/nobody?empId=7", SHOES)
    assert (nobody["stored"], nobody["campaigns"], nobody["clicks"]) == (False, [], [])
    assert office.call("GET", "/contacts/ana?empId=7", key=HATS).status_code == 404
