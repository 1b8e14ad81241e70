"""Contacts: what is told of them, and what stays when it is not told again."""

from typing import Any

import pytest

from salepixel.storage.contacts import get_contacts
from tests.plugin.conftest import SHOES, Office


def consents(office: Office) -> dict[str, bool]:
    with office.database.read() as connection:
        return {ref: one.consent for ref, one in get_contacts(connection, 7, ["ana", "bo"]).items()}


def test_a_refusal_stays_until_the_contact_agrees_again(office: Office) -> None:
    """A mailer's list that says nothing of consent must not undo what somebody has said."""

    def told(*contacts: dict[str, object]) -> None:
        assert office.post("/contacts", {"empId": 7, "contacts": contacts}, SHOES)["stored"] == len(contacts)

    told({"ref": "ana", "consent": False}, {"ref": "bo"})
    assert consents(office) == {"ana": False, "bo": True}
    told({"ref": "ana", "email": "ana@example.com"}, {"ref": "bo", "email": "bo@example.com"})
    assert consents(office) == {"ana": False, "bo": True}
    told({"ref": "ana", "consent": True}, {"ref": "bo", "consent": False})
    assert consents(office) == {"ana": True, "bo": False}


@pytest.mark.parametrize(
    ("told", "consent", "address"),
    [
        ([{"consent": False}, {"email": "ana@example.com"}], False, "ana@example.com"),
        ([{"email": "ana@example.com"}, {"consent": False}], False, "ana@example.com"),
        ([{"consent": False}, {}, {"consent": True}], True, None),
        ([{"consent": True}, {"consent": False}], False, None),
        ([{"email": "old@example.com"}, {"email": "ana@example.com"}], True, "ana@example.com"),
        ([{"email": "ana@example.com"}, {"email": None}], True, "ana@example.com"),
    ],
)
def test_a_contact_told_several_times_in_a_call_is_all_that_was_told(
    office: Office, told: list[dict[str, Any]], consent: bool, address: str | None
) -> None:
    one_by_one = [{"ref": "ana", **fields} for fields in told]
    assert office.post("/contacts", {"empId": 7, "contacts": one_by_one}, SHOES) == {"stored": 1}
    with office.database.read() as connection:
        found = get_contacts(connection, 7, ["ana"])["ana"]
    assert found.consent is consent
    assert found.email_hash == (office.keys.hash_email(7, address) if address else None)


def test_a_bad_contact_does_not_keep_its_neighbours_from_being_stored(office: Office) -> None:
    contacts = [{"ref": "c1", "email": ""}, {"ref": "c2", "email": "no address"}, {"ref": "c3"}]
    answer = office.post("/contacts", {"empId": 7, "contacts": contacts}, SHOES)
    assert answer["stored"] == 2
    (bad,) = answer["not_stored"]
    assert (bad["position"], bad["name"], bad["reason"]) == (1, "c2", "invalid")
    assert "e-mail address" in bad["message"]
