"""Contacts: what is told of them, and what stays when it is not told again."""

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
