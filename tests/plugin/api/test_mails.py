"""An e-mail by API: warnings, renaming, copies, and the way back to the original."""

from typing import Any

from tests.plugin.conftest import HATS, SHOES, Office

HTML = "<p>\u00e9 <a href='http://shop.test/?mc_eid=1'>A</a><a href='http://shop.test/?mc_eid=1'>B</a>"


def add(office: Office, text: str = HTML, **more: Any) -> Any:
    return office.post("/mails", {"empId": 7, "name": "Autumn", "mailer": "brevo", "text": text, **more})


def warnings(mail: Any) -> dict[str, str]:
    return {one["name"]: one["message"] for one in mail["warnings"]}


def test_the_answer_has_all_warnings(office: Office) -> None:
    mail = add(office)
    found = warnings(mail)
    assert set(found) == {"repeated", "not_secure", "old_tokens", "host_silent"}
    assert "does not answer this server: it cannot be reached" in found["host_silent"]
    changed = office.call(
        "PATCH", f"/mails/{mail['id']}", {"links": {mail["links"][0]["id"]: {"use": "left"}}}
    )
    assert set(warnings(changed.json)) == {"not_secure", "old_tokens", "host_silent"}
    assert "merge_tags" in warnings(add(office, "<a href='https://shop.test/{{ x }}'>A</a>"))
    assert "no_sales_link" in warnings(add(office, "<p>"))


def test_a_draft_is_renamed_and_copied(office: Office) -> None:
    mail = add(office)
    renamed = office.call("PATCH", f"/mails/{mail['id']}", {"name": "Winter"}).json
    assert renamed is not None
    assert renamed["name"] == "Winter"
    copy = office.post(f"/mails/{mail['id']}/copy", {})
    assert (copy["name"], copy["id"] != mail["id"]) == ("Winter (copy)", True)
    assert office.post(f"/mails/{mail['id']}/copy", {"name": "Third"})["name"] == "Third"
    assert office.call("POST", f"/mails/{mail['id']}/copy", {}, HATS).status_code == 404


def test_undoing_gives_the_original_byte_by_byte(office: Office) -> None:
    mail = add(office)
    office.call("PUT", f"/mails/{mail['id']}/campaign")
    tracked = office.call("GET", f"/mails/{mail['id']}/tracked").get_data()
    assert tracked != HTML.encode()
    for key in (SHOES, "the key with all rights"):
        assert office.call("POST", "/mails/undo", {"text": tracked.decode()}, key).get_data() == HTML.encode()
    assert office.call("GET", f"/mails/{mail['id']}/original").get_data() == HTML.encode()
    answer = office.call("POST", "/mails/undo", {"text": tracked.decode()}, HATS)
    assert (answer.status_code, answer.json and answer.json["reason"]) == (422, "mail_not_tracked")
    again = add(office, tracked.decode())
    assert {one["use"] for one in again["links"]} == {"left"}


def test_a_large_file_is_refused_with_a_reason(office: Office) -> None:
    answer = office.call("POST", "/mails", {"empId": 7, "name": "a", "text": "<p>" + "x" * 3_000_000})
    assert (answer.status_code, answer.json and answer.json["reason"]) == (422, "mail_too_large")
    answer = office.call("POST", "/mails", {"empId": 7, "name": "a", "text": "<p>" + "x" * 10_000_000})
    assert (answer.status_code, answer.json and answer.json["reason"]) == (413, "too_large")


def test_a_campaign_is_changed_by_api(office: Office) -> None:
    campaign = office.campaign()["id"]
    changed = office.call("PATCH", f"/campaigns/{campaign}", {"name": "Winter", "archived": True}).json
    assert changed is not None
    assert (changed["name"], changed["archived_at"] is not None) == ("Winter", True)
    assert office.call("PATCH", f"/campaigns/{campaign}", {"name": "x"}, HATS).status_code == 404
    assert office.call("DELETE", f"/campaigns/{campaign}", key=HATS).status_code == 404
    assert office.call("DELETE", f"/campaigns/{campaign}", key=SHOES).status_code == 200
    assert office.call("GET", f"/campaigns/{campaign}").status_code == 404
