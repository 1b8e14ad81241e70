"""A list is uploaded, shown, imported by the worker, and its bad lines are downloaded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.clicks.store import settle_clicks
from salepixel.clicks.tokens import Signal
from salepixel.storage.schema import contacts, list_pieces, lists
from salepixel.wire.jobs import JobQueue
from salepixel_worker.computing import sweep_computations
from tests.plugin.computing import work
from tests.plugin.conftest import HATS, SHOES, Office

LIST = b"""Referencia;Correo;Consentimiento
c1;ana@shop.test;s\xed
c2;bo@shop.test;no
;cy@shop.test;si
c4;nobody;si
"c5;di@shop.test;si
c6;ed@shop.test;quiz\xe1s
=c7;fay@shop.test;

c8;gus@shop.test;si;;more
"""


def upload(office: Office, raw: bytes, query: str = "empId=7", key: str = SHOES) -> Any:
    answer = office.call("PUT", f"/lists?{query}", raw, key)
    assert answer.status_code == 201, answer.text
    return answer.json


def imported(office: Office, raw: bytes, query: str = "empId=7") -> Any:
    its_id = upload(office, raw, query)["id"]
    answer = office.call("POST", f"/lists/{its_id}/import", {}, SHOES)
    assert answer.status_code == 202, answer.text
    work(office)
    return office.get(f"/lists/{its_id}", SHOES)


def stored(office: Office) -> dict[str, tuple[bool, bool]]:
    with office.database.read() as connection:
        rows = connection.execute(sa.select(contacts.c.ref, contacts.c.email_hash, contacts.c.consent))
        return {row.ref: (row.email_hash is not None, bool(row.consent)) for row in rows}


def test_a_list_is_shown_before_it_is_imported(office: Office) -> None:
    shown = upload(office, LIST)
    assert (shown["encoding"], shown["separator"], shown["has_header"]) == ("windows-1252", ";", True)
    assert [(one["name"], one["role"]) for one in shown["columns"]] == [
        ("Referencia", "reference"),
        ("Correo", "email"),
        ("Consentimiento", "consent"),
    ]
    assert shown["rows"][0] == {"fields": ["c1", "ana@shop.test", "sí"], "problem": None}
    assert shown["started"] is None
    assert stored(office) == {}


def test_good_lines_are_imported_and_bad_ones_can_be_downloaded(office: Office) -> None:
    found = imported(office, LIST)["started"]
    assert stored(office) == {"c1": (True, True), "c2": (True, False), "=c7": (True, True)}
    assert (found["state"], found["stored"], found["opted_out"], found["not_imported"]) == ("done", 3, 1, 5)
    assert [(one["line"], one["problem"]) for one in found["first"]] == [
        (4, "no_reference"),
        (5, "email"),
        (6, "unreadable"),
        (7, "consent"),
        (10, "columns"),
    ]


def test_the_file_of_bad_lines_can_be_corrected_and_uploaded(office: Office) -> None:
    its_id = imported(office, LIST)["id"]
    answer = office.call("GET", f"/lists/{its_id}/errors.csv", key=SHOES)
    assert answer.mimetype == "text/csv"
    lines = answer.text.splitlines()
    assert lines[0] == "\ufeffReferencia;Correo;Consentimiento;Line;Problem"
    assert lines[2] == "c4;nobody;si;5;This is not an e-mail address."
    assert lines[3].endswith(';"""c5;di@shop.test;si"')
    corrected = answer.text.replace("c4;nobody", "c4;nobody@shop.test").encode()
    assert imported(office, corrected)["started"]["stored"] == 1
    assert "c4" in stored(office)


def test_importing_again_changes_nothing_and_ends_no_opt_out(office: Office) -> None:
    imported(office, LIST)
    before = stored(office)
    imported(office, LIST)
    assert stored(office) == before
    imported(office, b"reference,consent\nc2,yes\n")
    assert stored(office)["c2"] == (True, False), "a list may be older than the opt-out"


def test_the_roles_can_be_changed(office: Office) -> None:
    its_id = upload(office, b"a,b\nc1,x1\nc2,x2\n")["id"]
    wanted = {"columns": ["ignored", "reference"], "has_header": True}
    assert office.call("POST", f"/lists/{its_id}/import", wanted, SHOES).status_code == 202
    work(office)
    assert set(stored(office)) == {"x1", "x2"}
    for columns in (["ignored", "ignored"], ["reference", "reference"], ["consent", "opt_out"], ["no"]):
        other = upload(office, b"a,b\nc1,x1\n")["id"]
        answer = office.call("POST", f"/lists/{other}/import", {"columns": columns}, SHOES)
        assert answer.status_code == 422, columns


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "list_empty"),
        (b"\xef\xbb\xbf\r\n", "list_empty"),
        (b"%PDF-1.7\n1 0 obj", "list_pdf"),
        (b"PK\x03\x04xlsx", "list_workbook"),
        (b"\xd0\xcf\x11\xe0xls", "list_workbook"),
        (b"\x1f\x8b\x08", "list_packed"),
        (b"\x89PNG\r\n", "list_binary"),
        (bytes(range(256)) * 4, "list_binary"),
        (b"<!DOCTYPE html><p>Sign in", "list_markup"),
    ],
)
def test_a_file_that_is_no_list_is_refused_by_name(office: Office, raw: bytes, reason: str) -> None:
    answer = office.call("PUT", "/lists?empId=7", raw, SHOES)
    assert (answer.status_code, (answer.json or {})["reason"]) == (422, reason)
    with office.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(lists)) == 0


def test_a_list_belongs_to_its_account(office: Office) -> None:
    its_id = upload(office, LIST)["id"]
    campaign = office.campaign()["id"]
    assert office.call("PUT", "/lists?empId=7", LIST, HATS).status_code == 404
    assert office.call("PUT", f"/lists?empId=8&campaign={campaign}", LIST, HATS).status_code == 404
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/errors.csv"), ("GET", "/send.csv")):
        assert office.call(method, f"/lists/{its_id}{path}", key=HATS).status_code == 404
    assert office.call("POST", f"/lists/{its_id}/import", {}, HATS).status_code == 404


def test_a_list_of_recipients_gives_the_list_to_send(office: Office) -> None:
    campaign = office.campaign()["id"]
    rows = "".join(f"Contact {n},c{n},c{n}@shop.test\r\n" for n in range(3000))
    raw = f"Name,Reference,Email\r\n{rows}broken,,x\r\n".encode("utf-16")
    its = imported(office, raw, f"empId=7&campaign={campaign}")
    assert its["started"]["stored"] == 3000
    assert office.get(f"/campaigns/{campaign}")["listed"] == 3000
    changed = office.call("PATCH", f"/campaigns/{campaign}", {"holdout_percent": 20}, SHOES).json or {}
    assert 400 < changed["held_out"] < 800
    path = f"/lists/{its['id']}/send.csv"
    assert office.call("GET", path, key=SHOES).status_code == 202
    work(office)
    lines = office.call("GET", path, key=SHOES).text.splitlines()
    assert lines[0] == "\ufeffName,Reference,Email"
    assert len(lines) == 1 + 3000 - changed["held_out"]
    answer = office.post(f"/campaigns/{campaign}/recipients", {"contacts": [f"c{n}" for n in range(3000)]})
    assert [line.split(",")[1] for line in lines[1:]] == answer["mail"]


def test_an_import_that_began_in_time_ends_after_the_attribution_window(office: Office) -> None:
    campaign = office.campaign()["id"]
    rows = "".join(f"c{n}\n" for n in range(500))
    its = upload(office, f"reference\n{rows}".encode(), f"empId=7&campaign={campaign}")["id"]
    office.call("PATCH", f"/campaigns/{campaign}", {"holdout_percent": 20}, SHOES)
    office.call("POST", f"/lists/{its}/import", {}, SHOES)
    work(office, steps=1)
    long_ago = (datetime.now(UTC) - timedelta(days=90)).isoformat()
    office.call("PATCH", f"/campaigns/{campaign}", {"sent_at": long_ago}, SHOES)
    work(office)
    assert office.get(f"/lists/{its}", SHOES)["started"]["state"] == "done"
    assert office.get(f"/campaigns/{campaign}")["listed"] == 500
    again = office.call("POST", f"/lists/{its}/import", {}, SHOES)
    assert (again.status_code, (again.json or {})["reason"]) == (409, "campaign_over")


def test_a_list_is_deleted_after_its_import_or_a_day(office: Office) -> None:
    campaign = office.campaign()["id"]
    of_contacts = imported(office, LIST)["id"]
    kept = imported(office, LIST, f"empId=7&campaign={campaign}")["id"]
    queue, now = JobQueue(office.app.extensions["salepixel"].redis), datetime.now(UTC)

    def pieces_after(later: timedelta) -> set[str]:
        sweep_computations(office.database, queue, now + later, 60)
        with office.database.read() as connection:
            return set(connection.scalars(sa.select(list_pieces.c.list_id)))

    assert pieces_after(timedelta(seconds=1)) == {kept}
    assert office.get(f"/lists/{of_contacts}", SHOES)["started"]["stored"] == 3, "the result is still there"
    assert office.call("POST", f"/lists/{of_contacts}/import", {}, SHOES).status_code == 409
    assert pieces_after(timedelta(days=1, minutes=1)) == set()
    assert pieces_after(timedelta(days=2, minutes=2)) == set()
    assert office.call("GET", f"/lists/{kept}", key=SHOES).status_code == 404


def test_an_erased_person_is_not_imported_and_an_erasure_deletes_the_lists(office: Office) -> None:
    its_id = upload(office, LIST)["id"]
    office.post("/contacts/erase", {"empId": 7, "contact": "ana@shop.test"})
    assert office.call("GET", f"/lists/{its_id}", key=SHOES).status_code == 404
    found = imported(office, LIST)["started"]
    assert found["problems"]["erased"] == 1
    assert "c1" not in stored(office)


def test_a_list_says_when_each_contact_got_the_e_mail_of_a_flow(office: Office) -> None:
    """Clicks within seconds of it are probably of bots; a flow has no time of its own."""
    campaign = office.campaign()
    for contact in ("c1", "c2"):
        office.click(campaign, contact, signals=Signal.OLD_AGENT)
    rows = office.get(f"/campaigns/{campaign['id']}/clicks")["rows"]
    assert {row["verdict"] for row in rows} == {"unknown"}
    clicked = datetime.fromisoformat(rows[0]["clicked_at"]).replace(microsecond=0)
    before = (clicked - timedelta(hours=5)).isoformat()
    raw = f"reference,sent at\nc1,{clicked.isoformat()}\nc2,{before}\nc3,soon\n"
    its = imported(office, raw.encode(), f"empId=7&campaign={campaign['id']}")
    assert its["started"]["problems"] == {"sent_at": 1}
    with office.database.write() as connection:
        settle_clicks(connection, datetime.now(UTC), 100)
    rows = office.get(f"/campaigns/{campaign['id']}/clicks")["rows"]
    assert {row["contact"]: row["verdict"] for row in rows} == {"c1": "bot", "c2": "unknown"}
    later = {"contacts": ["c2"], "sent_at": clicked.isoformat()}
    office.post(f"/campaigns/{campaign['id']}/recipients", later, SHOES)
    with office.database.write() as connection:
        settle_clicks(connection, datetime.now(UTC), 100)
    rows = office.get(f"/campaigns/{campaign['id']}/clicks")["rows"]
    assert {row["verdict"] for row in rows} == {"bot"}
