"""Reports by e-mail are chosen and ended by page, API, and a link that needs no signing in."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.principal import Principal, Rights, Role
from salepixel.live.trial import NAME
from salepixel.storage.schema import report_mails, subscriptions
from salepixel.subscriptions import store, use_cases
from salepixel.subscriptions.tokens import unsubscribe_token
from tests.plugin.conftest import HATS, SHOES, Office

PAGE = "/accounts/7/reports"
CALL = "/accounts/7/reports"


def _add(office: Office, key: str = SHOES, **sent: Any) -> Any:
    form = {"address": "ana@shop.test", "language": "es", "what": ["campaigns", "months"]} | sent
    return office.page(PAGE, method="POST", data=form, key=key)


def test_reports_are_chosen_and_ended_on_a_page(office: Office) -> None:
    campaign = office.campaign()
    assert _add(office, what=["campaigns", "months", "campaign"], campaign=campaign["id"]).status_code == 303
    assert _add(office).status_code == 303
    found = office.get(CALL)["subscriptions"]
    assert sorted((one["what"], one["campaign"]) for one in found) == [
        ("campaign", campaign["id"]),
        ("campaigns", ""),
        ("months", ""),
    ]
    assert {(one["address"], one["language"]) for one in found} == {("ana@shop.test", "es")}
    page = unescape(office.page(PAGE, SHOES).text)
    assert "Every campaign" in page
    assert "Autumn" in page
    for one in found:
        path = f"/subscriptions/{one['id']}"
        assert office.page(f"{path}/end", HATS, method="POST").status_code == 404
        assert office.page(f"{path}/end", SHOES, method="POST").status_code == 303
    assert office.get(CALL)["subscriptions"] == []


def test_campaigns_are_offered_newest_sent_first_and_tests_last(office: Office) -> None:
    sent = {"Spring": "2026-03-01T09:00:00Z", "Winter": "2026-01-05T09:00:00Z", NAME: None}
    for name, at in sent.items():
        made = office.campaign(name=name)
        if at:
            office.call("PATCH", f"/campaigns/{made['id']}", {"sent_at": at})
    for path, field in ((PAGE, "campaign"), (f"/campaigns/{office.campaign()['id']}", "with")):
        page = office.page(path, SHOES).text
        select = page[page.index(f'name="{field}"') :].partition("</select>")[0]
        names = [name.strip() for name in re.findall(r"<option[^>]*>([^<]*)</option>", select)]
        assert [name for name in names if name in sent] == ["Spring", "Winter", NAME], path


def test_what_is_wrong_is_named_and_the_rest_stays(office: Office) -> None:
    for changed, text in (
        ({"address": "ana"}, "Enter an e-mail address"),
        ({"what": []}, "Choose at least one report."),
        ({"what": ["campaign"], "campaign": ""}, "Choose a campaign."),
    ):
        answer = _add(office, **changed)
        assert answer.status_code == 422
        assert text in unescape(answer.text)
    assert _add(office, what=["campaign"], campaign="0" * 12).status_code == 404
    of_8 = office.campaign(8, "Hats")["id"]
    assert _add(office, what=["campaign"], campaign=of_8).status_code == 404
    with office.database.read() as connection:
        assert connection.execute(sa.select(subscriptions)).first() is None


def test_programs_choose_reports_too(office: Office) -> None:
    body = {"address": "ana@shop.test", "what": "months"}
    made = office.post("/accounts/7/subscriptions", body)
    assert office.post("/accounts/7/subscriptions", body)["id"] == made["id"]
    assert office.call("POST", "/accounts/7/subscriptions", body, key=HATS).status_code == 404
    assert office.call("POST", "/accounts/7/subscriptions", body | {"what": "years"}).status_code == 422
    assert office.call("DELETE", f"/subscriptions/{made['id']}", key=HATS).status_code == 404
    assert office.call("DELETE", f"/subscriptions/{made['id']}").json == {"id": made["id"]}


def test_the_link_in_a_mail_ends_it_without_signing_in(office: Office) -> None:
    made = office.post("/accounts/7/subscriptions", {"address": "ana@shop.test", "what": "months"})
    path = f"/reports/end/{unsubscribe_token(office.keys, made['id'])}"
    browser = office.browser
    shown = browser.get(path)
    assert shown.status_code == 200
    assert "ana@shop.test" not in shown.text
    assert len(office.get(CALL)["subscriptions"]) == 1, "a program that checks links ends nothing"
    # RFC 8058: a mail program sends this, without a cookie and from no page of ours.
    headers = {"Sec-Fetch-Site": "cross-site"}
    for _ in range(2):
        ended = browser.post(path, data={"List-Unsubscribe": "One-Click"}, headers=headers)
        assert ended.status_code == 200
        assert "You will no longer get these e-mails." in ended.text
    assert office.get(CALL)["subscriptions"] == []
    assert browser.get(path).status_code == 200
    for wrong in ("/reports/end/x", f"{path[:-1]}{'0' if path[-1] != '0' else '1'}"):
        assert browser.get(wrong).status_code == 404
        assert browser.post(wrong).status_code == 404


def test_a_report_that_failed_is_shown_and_sent_again(office: Office) -> None:
    made = office.post("/accounts/7/subscriptions", {"address": "ana@shop.test", "what": "campaigns"})
    campaign = office.campaign()
    now = datetime.now(UTC)
    with office.database.write() as connection:
        row = {"emp_id": 7, "subscription_id": made["id"], "about": campaign["id"], "written_at": now}
        for kind, answer, next_at in (
            ("day_1", "wrong_password", None),
            ("day_3", "try_later", now + timedelta(hours=1)),
            ("day_7", "sent", None),
        ):
            values = row | {"id": kind, "kind": kind, "attempts": 1, "answer": answer, "next_at": next_at}
            connection.execute(sa.insert(report_mails).values(values))
    page = unescape(office.page(PAGE, SHOES).text)
    assert "Failed reports: 1" in page
    assert "The server refused the user and password." in page
    assert re.search(r"Autumn: First day</th>", page)
    assert office.page(f"{PAGE}/retry", HATS, method="POST").status_code == 404
    assert office.page(f"{PAGE}/retry", SHOES, method="POST").status_code == 303
    assert office.call("POST", f"{CALL}/retry").json == {"retried": 0}
    answers = {one["kind"]: one["next_at"] is not None for one in office.get(CALL)["reports"]}
    assert answers == {"day_1": True, "day_3": True, "day_7": False}


def test_a_viewer_sees_shortened_addresses(office: Office) -> None:
    _add(office)
    viewer = Principal({7: Rights(Role.VIEWER)}, "viewer")
    with office.database.read() as connection:
        found = use_cases.see_reports(connection, viewer, office.keys, 7)
    assert set(found.addresses.values()) == {"a…@shop.test"}


def test_an_erased_person_gets_no_reports(office: Office) -> None:
    _add(office)
    office.post("/contacts/erase", {"empId": 7, "contact": "ana@shop.test"})
    with office.database.read() as connection:
        assert store.list_subscriptions(connection, 7) == []
    assert _add(office).status_code == 422
    body = {"address": "ana@shop.test", "what": "months"}
    assert office.call("POST", "/accounts/7/subscriptions", body).status_code == 409
