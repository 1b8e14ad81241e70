"""A marketer uploads a list, sees it, imports it, switches a holdout on, and downloads the list to send."""

import re
from io import BytesIO
from typing import Any

from werkzeug.test import TestResponse

from tests.plugin.computing import work
from tests.plugin.conftest import HATS, SHOES, Office
from tests.plugin.pages.test_pages import _check

ROWS = "".join(f"Contact {n};c{n};c{n}@shop.test\n" for n in range(600))
LIST = f"Name;Referencia;Correo\n{ROWS}broken;;x\n".encode("cp1252")


def upload(office: Office, raw: bytes, path: str = "/accounts/7/lists", **fields: str) -> TestResponse:
    data = {**fields, "file": (BytesIO(raw), "people.csv")}
    return office.page(path, SHOES, method="POST", data=data, content_type="multipart/form-data")


def uploaded(office: Office, raw: bytes = LIST, **fields: str) -> str:
    answer = upload(office, raw, **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def post(office: Office, path: str, key: str = SHOES, **data: Any) -> TestResponse:
    return office.page(path, key, method="POST", data=data)


def roles_of(page: str) -> list[str]:
    return re.findall(r'<option value="(\w+)" selected>', page)


def test_a_list_is_uploaded_shown_and_imported(office: Office) -> None:
    _check(office.page("/accounts/7/lists", SHOES).text)
    there = uploaded(office)
    shown = office.page(there, SHOES).text
    _check(shown)
    assert roles_of(shown)[:3] == ["ignored", "reference", "email"]
    assert "c0@shop.test" in shown
    answer = post(office, there, step="import", separator=";", has_header="on", seen="11")
    assert answer.status_code == 303
    running = office.page(there, SHOES).text
    _check(running)
    assert '<meta http-equiv="refresh"' in running
    work(office, steps=1)
    assert "200 of 602 lines" in office.page(there, SHOES).text
    work(office)
    done = office.page(there, SHOES).text
    _check(done)
    assert "http-equiv" not in done
    assert re.search(r"Contacts stored</dt><dd>600<", done)
    errors = office.page(f"{there}/errors", SHOES)
    assert errors.text.splitlines()[1] == "broken;;x;602;The contact reference is missing."


def test_the_reader_changes_how_a_list_is_read(office: Office) -> None:
    there = uploaded(office, b"a,b;c\nx1,1;2\nx2,2;3\n")
    shown = post(office, there, step="look", separator=";", has_header="on", seen="").text
    assert "x1,1" in shown
    roles = {"role-0": "ignored", "role-1": "ignored"}
    wrong = post(office, there, step="import", separator=";", has_header="on", seen="11", **roles)
    assert wrong.status_code == 422
    assert "Choose the column that has the contact reference." in wrong.text
    _check(wrong.text)
    roles = {"role-0": "reference", "role-1": "ignored"}
    answer = post(office, there, step="import", separator=";", has_header="on", seen="11", **roles)
    assert answer.status_code == 303
    work(office)
    assert "Contacts stored</dt><dd>2<" in office.page(there, SHOES).text
    assert office.page("/accounts/7/contacts/x1,1", SHOES).status_code == 200


def test_a_file_that_is_no_list_is_refused_in_words(office: Office) -> None:
    for raw, said in ((b"%PDF-1.7", "This is a PDF."), (b"", "This file is empty.")):
        answer = upload(office, raw)
        assert answer.status_code == 422
        assert said in answer.text
        _check(answer.text)
    assert upload(office, LIST, "/accounts/8/lists").status_code == 404
    there = uploaded(office)
    assert office.page(there, HATS).status_code == 404
    assert post(office, there, HATS, step="delete").status_code == 404


def test_a_discarded_list_is_gone(office: Office) -> None:
    there = uploaded(office)
    assert post(office, there, step="delete").headers["Location"] == "/accounts/7/lists"


def test_from_the_list_over_the_holdout_to_the_list_to_send(office: Office) -> None:
    campaign = office.campaign()["id"]
    tab = f"/campaigns/{campaign}/recipients"
    _check(office.page(tab, SHOES).text)
    assert "Enter the number, or upload the list" in office.page(f"/campaigns/{campaign}", SHOES).text
    there = uploaded(office, campaign=campaign)
    post(office, there, step="import", separator=";", has_header="on", seen="11")
    work(office)
    for wrong in ("0", "51", "ten", ""):
        assert post(office, tab, step="on", percent=wrong).status_code == 422
    assert post(office, tab, step="on", percent="20").status_code == 303
    shown = office.page(tab, SHOES).text
    _check(shown)
    assert "On: 20% of the recipients are held out." in shown
    waiting = office.page(f"{there}/send", SHOES).text
    _check(waiting)
    work(office)
    _check(office.page(f"{there}/send", SHOES).text)
    sent = office.page(f"{there}/send?file=1", SHOES).text.splitlines()
    out = office.page(f"{tab}.csv?group=control", SHOES).text.splitlines()
    mailed = office.page(f"{tab}.csv", SHOES).text.splitlines()
    assert sent[0] == "\ufeffName;Referencia;Correo"
    assert [line.split(";")[1] for line in sent[1:]] == sorted(mailed[1:], key=lambda ref: int(ref[1:]))
    assert len(out) + len(mailed) == 602
    assert 60 < len(out) < 180
    assert post(office, tab, sent_at="2026-11-27T09:00", sent_count="").status_code == 303
    assert post(office, tab, step="off").status_code == 422, "the e-mail may have reached them"
    assert office.page(f"/campaigns/{campaign}/lift", SHOES).status_code == 200
    known = office.get(f"/campaigns/{campaign}", SHOES)
    assert known["listed"] - known["held_out"] == len(mailed) - 1


def test_the_number_sent_is_typed_and_gives_rates(office: Office) -> None:
    campaign = office.campaign()
    tab = f"/campaigns/{campaign['id']}/recipients"
    office.order(click=office.click(campaign, "c1"))
    for wrong in (
        {"sent_count": "many"},
        {"sent_count": "0"},
        {"sent_at": "tomorrow"},
        {"sent_at": "1999-01-01T00:00"},
    ):
        answer = post(office, tab, **({"sent_at": "", "sent_count": ""} | wrong))
        assert answer.status_code == 422
        _check(answer.text)
    assert post(office, tab, sent_at="", sent_count="50").status_code == 303
    overview = office.page(f"/campaigns/{campaign['id']}", SHOES).text
    _check(overview)
    for name, value in (("Click rate", "2%"), ("Conversion rate", "2%"), ("Revenue per recipient", "€0.80")):
        assert re.search(rf"{name}.{{0,300}}{value}", overview, re.DOTALL), name


def test_a_contact_is_found_by_reference_or_address_and_opted_out(office: Office) -> None:
    campaign = office.campaign()
    people = [{"ref": "a/b c", "email": "ana@shop.test"}, {"ref": "old", "email": "Ana@shop.test"}]
    office.post("/contacts", {"empId": 7, "contacts": [*people, {"ref": "bo", "email": "bo@shop.test"}]})
    office.order(click=office.click(campaign, "a/b c"))
    find = "/accounts/7/contacts"
    _check(office.page(find, SHOES).text)
    several = post(office, find, contact="ANA@shop.test").text
    assert all(f">{ref}</a>" in several for ref in ("a/b c", "old"))
    assert post(office, find, contact=" bo@shop.test ").headers["Location"] == f"{find}/bo"
    unknown = post(office, find, contact="nobody@shop.test")
    assert (unknown.status_code, "No contact has this e-mail address." in unknown.text) == (422, True)
    there = post(office, find, contact="a/b c").headers["Location"]
    assert there == f"{find}/a/b%20c"
    shown = office.page(there, SHOES).text
    _check(shown)
    assert all(text in shown for text in ("€39.80", "1042</a>", "Autumn</a>", ">old</a>"))
    assert post(office, f"{find}/old", tracking="off").status_code == 303
    opted_out = office.page(there, SHOES).text
    assert "another reference of the same address: old" in opted_out
    post(office, there, tracking="on")
    assert "are tracked" in office.page(f"{find}/old", SHOES).text
    assert "Nothing is stored with this reference" in office.page(f"{find}/who", SHOES).text
    assert office.page(f"{find}/bo", HATS).status_code == 404
    assert post(office, f"{find}/bo", HATS, tracking="off").status_code == 404


def test_contacts_are_linked_from_the_tables(office: Office) -> None:
    campaign = office.campaign()
    office.order(click=office.click(campaign, "c 1"))
    for tab in ("contacts", "sales"):
        page = office.page(f"/campaigns/{campaign['id']}/{tab}", SHOES).text
        assert 'href="/accounts/7/contacts/c%201"' in page


def test_more_clickers_than_e_mails_sent_give_no_rate_but_a_sentence(office: Office) -> None:
    campaign = office.campaign()
    path = f"/campaigns/{campaign['id']}"
    office.call("PATCH", path, {"sent_count": 2}, SHOES)
    for contact in ("ana", "bo"):
        office.click(campaign, contact)
    assert "<h3>Click rate</h3>" in office.page(path, SHOES).text
    office.click(campaign, "cy")
    shown = office.page(path, SHOES).text
    assert "<h3>Click rate</h3>" not in shown
    assert "More contacts clicked or bought (3) than e-mails were sent (2)" in shown
