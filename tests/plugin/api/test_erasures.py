"""Access and erasure by the API: by reference and by address, with a receipt, in one account only."""

from typing import Any

import pytest

from tests.plugin.conftest import HATS, PLACED, SHOES, Office

ADDRESS = "ana@example.com"


@pytest.fixture
def known(office: Office) -> Office:
    campaign = office.campaign()
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "a/na", "email": ADDRESS}]})
    token = office.click(campaign, "a/na")
    office.order(click=token, email=ADDRESS)
    return office


@pytest.mark.parametrize("by", ["reference", "address"])
def test_everything_about_a_person_is_exported(known: Office, by: str) -> None:
    if by == "reference":
        found = known.get("/contacts/a/na/export?empId=7", SHOES)
    else:
        found = known.post("/contacts/export", {"empId": 7, "contact": ADDRESS}, SHOES)
    assert "a/na" in found["references"]
    tables = found["tables"]
    counts = {name: len(rows) for name, rows in tables.items() if rows}
    assert counts == {
        "contacts": 1,
        "clicks": 1,
        "clickers": 1,
        "buyers": 2,
        "orders": 1,
        "refunds": 1,
        "decisions": 1,
        "candidates": 2,
        "sales": 1,
        "deliveries": 1,
    }
    assert tables["clicks"][0]["contact"] == "a/na"
    assert tables["orders"][0]["snapshot"]["number"] == "1042"
    assert tables["deliveries"][0]["body"][0]["email"] == ADDRESS


def test_no_cache_keeps_what_the_api_says_about_a_person(known: Office) -> None:
    for method, path in (("GET", "/contacts/a/na/export?empId=7"), ("DELETE", "/contacts/a/na?empId=7")):
        assert known.call(method, path, key=SHOES).headers["Cache-Control"] == "no-store"


def test_an_erasure_gives_a_receipt_that_names_nobody(known: Office) -> None:
    answer = known.call("DELETE", "/contacts/a/na?empId=7", key=SHOES)
    assert answer.status_code == 200
    receipt: Any = answer.json
    assert receipt["ended_at"]
    assert receipt["counts"]["orders"] == 1
    assert known.get("/erasures?empId=7", SHOES)["erasures"] == [receipt]
    assert "a/na" not in answer.text
    again = known.post("/contacts/erase", {"empId": 7, "contact": ADDRESS}, SHOES)
    assert not any(again["counts"].values())
    found = known.post("/contacts/export", {"empId": 7, "contact": ADDRESS}, SHOES)
    assert not any(found["tables"].values())


def test_the_decision_says_that_a_person_was_erased(known: Office) -> None:
    (shop,) = [one["id"] for one in known.get("/shops")["shops"] if one["platform"] == "api"]
    before = known.get(f"/orders/{shop}/o-1/decision")
    assert before["erased_at"] is None
    known.call("DELETE", "/contacts/a/na?empId=7", key=SHOES)
    decision = known.get(f"/orders/{shop}/o-1/decision")
    assert decision["erased_at"]
    assert (decision["outcome"], decision["reason"]) == (before["outcome"], before["reason"])
    assert decision["credited"]["contact"] is None
    assert "was erased on" in decision["explanation"]
    assert (
        "se borraron los datos de una persona"
        in known.get(f"/orders/{shop}/o-1/decision?lang=es")["explanation"]
    )


def test_an_erased_contact_is_not_stored_again(known: Office) -> None:
    known.call("DELETE", "/contacts/a/na?empId=7", key=SHOES)
    contacts = [{"ref": "bo"}, {"ref": "a/na"}, {"ref": "other", "email": ADDRESS}]
    answer = known.post("/contacts", {"empId": 7, "contacts": contacts}, SHOES)
    assert answer["stored"] == 1
    assert [(one["position"], one["name"], one["reason"]) for one in answer["not_stored"]] == [
        (1, "a/na", "erased"),
        (2, "other", "erased"),
    ]
    campaign = known.campaign()
    coupons = {"coupons": [{"code": "A", "ref": "a/na"}, {"code": "B"}]}
    answer = known.post(f"/campaigns/{campaign['id']}/coupons", coupons, SHOES)
    assert (answer["stored"], [one["name"] for one in answer["not_stored"]]) == (1, ["A"])
    known.order(id="o-2", number="2", email=ADDRESS, placed_at=PLACED.isoformat())
    assert not any(known.get("/contacts/a/na/export?empId=7")["tables"].values())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/contacts/a/na/export?empId=7", None),
        ("DELETE", "/contacts/a/na?empId=7", None),
        ("POST", "/contacts/export", {"empId": 7, "contact": ADDRESS}),
        ("POST", "/contacts/erase", {"empId": 7, "contact": ADDRESS}),
        ("GET", "/erasures?empId=7", None),
    ],
)
def test_another_accounts_key_sees_and_erases_nothing(
    known: Office, method: str, path: str, body: dict[str, object] | None
) -> None:
    assert known.call(method, path, body, HATS).status_code == 404
    assert known.get("/contacts/a/na/export?empId=7", SHOES)["tables"]["clicks"]


def test_a_text_that_names_nobody_is_refused(known: Office) -> None:
    answer = known.call("POST", "/contacts/erase", {"empId": 7, "contact": "\u0007"}, SHOES)
    assert answer.status_code == 422
    assert "contact" in (answer.json or {})["errors"]
