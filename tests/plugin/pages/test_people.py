"""The page of personal data: find, export, erase after a confirmation, receipts; in two languages."""

import pytest
import sqlalchemy as sa

from salepixel.storage import schema
from tests.plugin.conftest import HATS, SHOES, Office

ADDRESS = "ana@example.com"


@pytest.fixture
def known(office: Office) -> Office:
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "ana", "email": ADDRESS}]})
    office.order(click=office.click(office.campaign(), "ana"), email=ADDRESS)
    return office


def test_a_person_is_found_exported_and_erased_after_a_confirmation(known: Office) -> None:
    page = known.page("/accounts/7/people", SHOES)
    assert "No erasures yet" in page.text
    found = known.page("/accounts/7/people", SHOES, method="POST", data={"contact": ADDRESS})
    assert "Contacts: 1" in found.text
    assert "Orders: 1" in found.text
    file = known.page("/accounts/7/people/export", SHOES, method="POST", data={"contact": ADDRESS})
    assert file.headers["Content-Disposition"] == 'attachment; filename="person.json"'
    assert file.json
    assert file.json["tables"]["clicks"][0]["contact"] == "ana"
    unsure = known.page("/accounts/7/people/erase", SHOES, method="POST", data={"contact": ADDRESS})
    assert (unsure.status_code, "Tick this box" in unsure.text) == (422, True)
    sure = {"contact": ADDRESS, "sure": "on"}
    assert known.page("/accounts/7/people/erase", SHOES, method="POST", data=sure).status_code == 303
    receipts = known.page("/accounts/7/people", SHOES).text
    assert "Clicks: 1" in receipts
    assert ADDRESS not in receipts
    again = known.page("/accounts/7/people", SHOES, method="POST", data={"contact": ADDRESS})
    assert "clicks or orders were found" in again.text
    assert "Clicks: 0" not in again.text


def test_the_page_is_in_spanish_too(known: Office) -> None:
    page = known.page("/accounts/7/people?lang=es", SHOES).text
    assert "Datos personales" in page
    assert "Buscar a una persona" in page


@pytest.mark.parametrize("step", ["", "/export", "/erase"])
def test_a_text_that_names_nobody_is_refused(known: Office, step: str) -> None:
    answer = known.page(f"/accounts/7/people{step}", SHOES, method="POST", data={"contact": " "})
    assert (answer.status_code, "Enter a contact" in answer.text) == (422, True)


@pytest.mark.parametrize("step", ["", "/export", "/erase"])
def test_another_accounts_key_finds_and_erases_nothing(known: Office, step: str) -> None:
    sent = {"contact": ADDRESS, "sure": "on"}
    assert known.page(f"/accounts/7/people{step}", HATS, method="POST", data=sent).status_code == 404
    assert known.page("/accounts/7/people", HATS).status_code == 404
    assert known.get("/contacts/ana/export?empId=7", SHOES)["tables"]["clicks"]


def test_the_owner_chooses_how_long_things_are_kept(known: Office) -> None:
    def choose(**days: str) -> int:
        return known.page("/accounts/7/people/retention", SHOES, method="POST", data=days).status_code

    assert 'value="400"' in known.page("/accounts/7/people", SHOES).text
    assert choose(deliveries="30", forwards="", ignored_hits="90") == 303
    page = known.page("/accounts/7/people", SHOES).text
    assert 'name="deliveries" inputmode="numeric" class="days" value="30"' in page
    assert 'name="forwards" inputmode="numeric" class="days" value=""' in page
    assert [choose(deliveries=text) for text in ("0", "-1", "3651", "99999", "٣", "1.5", "x")] == [422] * 7


def test_a_failed_erasure_is_shown_with_its_error_and_can_be_retried(known: Office) -> None:
    with known.database.write() as connection:
        snapshots = schema.orders.c.snapshot
        before = connection.scalar(sa.select(snapshots))
        connection.execute(sa.update(schema.orders).values(snapshot="[]", email_hash=None, alias_hash=None))
    receipt = known.post("/contacts/erase", {"empId": 7, "contact": "bo"}, SHOES)
    assert (receipt["ended_at"], receipt["error"]) == (None, "AttributeError")
    health = known.page("/healthz").json
    assert health is not None
    assert health["erasures"] == {"in_progress": 0, "failed": 1}
    assert 'salepixel_erasures{state="failed"} 1.0' in known.page("/metrics").text
    for language, word in (("en", "AttributeError. It is retried every minute"), ("es", "Se reintenta")):
        assert word in known.page(f"/accounts/7/people?lang={language}", SHOES).text
    retry = f"/accounts/7/people/erasures/{receipt['id']}"
    assert known.page(retry, HATS, method="POST").status_code == 404
    assert known.page(retry, SHOES, method="POST").status_code == 303
    assert known.get("/erasures?empId=7", SHOES)["erasures"][0]["error"] == "AttributeError"
    with known.database.write() as connection:
        connection.execute(sa.update(schema.orders).values(snapshot=before))
    done = known.post(f"/erasures/{receipt['id']}/retry", {}, SHOES)
    assert (done["ended_at"] is None, done["error"]) == (False, None)


def test_an_erasure_whose_key_is_lost_can_be_closed(known: Office) -> None:
    """Otherwise it is counted as failed for ever. Another one cannot be closed: it would never finish."""
    lost, other = (known.post("/contacts/erase", {"empId": 7, "contact": who}, SHOES) for who in "ab")
    with known.database.write() as connection:
        changed = sa.update(schema.erasures).where(schema.erasures.c.id == lost["id"])
        connection.execute(changed.values(ended_at=None, work="spoilt"))
    assert known.post(f"/erasures/{lost['id']}/retry", {}, SHOES)["error"] == "no_key"
    page = known.page("/accounts/7/people", SHOES).text
    assert "erase the person again, then close this receipt" in page
    close = f"/accounts/7/people/erasures/{lost['id']}/close"
    assert close in page
    assert known.page(close, HATS, method="POST").status_code == 404
    refused = known.call("POST", f"/erasures/{other['id']}/close", {}, SHOES)
    assert (refused.status_code, refused.get_json()["reason"]) == (409, "erasure_can_continue")
    assert known.page(close, SHOES, method="POST").status_code == 303
    closed = known.post(f"/erasures/{lost['id']}/close", {}, SHOES)
    assert (closed["ended_at"] is None, closed["error"]) == (False, "no_key")
    health = known.page("/healthz").json
    assert health is not None
    assert health["erasures"] == {"in_progress": 0, "failed": 0}
    page = known.page("/accounts/7/people", SHOES).text
    assert "Closed without finishing" in page
    assert close not in page
    with known.database.read() as connection:
        assert set(connection.scalars(sa.select(schema.erasures.c.work))) == {""}
