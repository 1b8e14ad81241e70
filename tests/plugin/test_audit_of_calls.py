"""Every call of the API that changes something is in the audit list, and signing in and out is, too."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts.api_keys import add_api_key
from salepixel.accounts.principal import INSTALLATION
from salepixel.keys import Keys
from salepixel.orders.queue import record_failure
from salepixel.privacy.erase import NO_KEY
from salepixel.privacy.erasures import keep_error
from salepixel.privacy.use_cases import begin_erasure
from salepixel.storage.database import Database
from salepixel.storage.schema import audit
from tests.databases import copy_template
from tests.plugin.conftest import ALL, SHOES, Office, new_office
from tests.plugin.pages.test_signing_in import add_person, sign_in, signed_in
from tests.plugin.test_databases import fill

HTML = "<a href='https://shop.test/'>Shoes</a>"
SMTP = {
    "host": "smtp.test",
    "port": 587,
    "encryption": "starttls",
    "sender": "a@shop.test",
    "sender_name": "Shoes",
}
MONTH = (datetime.now(UTC).replace(day=1) - timedelta(days=40)).strftime("%Y-%m")

CHANGES_NOTHING = {
    *("api.export_person", "api.find_address", "api.make_fragment", "api.preview_campaign"),
    *("api.preview_policy", "api.undo_mail"),
}
"""They compute."""

NOT_LISTED = {"api.add_sales": "each report is kept as it arrived"}

FAILING_HERE = {
    "api.retry_reports": "nothing was given up",
    "api.test_smtp": "no server answers; nothing is stored",
}
"""Tests of tests/use_cases."""


@pytest.fixture
def filled(
    sqlite_template: Any, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Office, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("audit")
    database = copy_template(sqlite_template, folder)
    with new_office(folder, database, keys) as office:
        yield office, fill(office)
    database.close()


def _rows(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.scalars(sa.select(audit.c.id)))


def _calls(office: Office, names: dict[str, str]) -> Iterator[tuple[str, str, str, Any]]:
    """Endpoint, method, path and body, in a sequence in which all of them succeed."""
    at, campaign, link = "/accounts/7", names["campaign_id"], names["link_id"]
    with office.database.write() as connection:
        record_failure(connection, names["shop_id"], "o-9", "ValueError", datetime.now(UTC))
    yield "requeue", "POST", "/orders/failed/retry", {"empId": 7}
    yield "add_account", "POST", "/accounts", {"empId": 12, "name": "Boots", "currency": "EUR"}
    yield "change_account", "PATCH", at, {"name": "Boots"}
    yield "apply_policy", "POST", f"{at}/policies", {"window_days": 6}
    yield "change_retention", "PATCH", f"{at}/retention", {"deliveries": 500}
    yield "add_key", "POST", f"{at}/keys", {"name": "mailer"}
    with office.database.write() as connection:
        its_key = add_api_key(connection, "k" * 40, 7, "old", datetime.now(UTC))
    yield "remove_key", "DELETE", f"/keys/{its_key}", None
    new = {"empId": 7, "name": "New", "links": [{"url": "https://shop.test/"}]}
    yield "add_campaign", "POST", "/campaigns", new
    yield "change_campaign", "PATCH", f"/campaigns/{campaign}", {"name": "Winter"}
    yield "patch_link", "PATCH", f"/campaigns/{campaign}/links/{link}", {"label": "Other"}
    yield "add_contacts", "POST", "/contacts", {"empId": 7, "contacts": [{"ref": "new"}]}
    yield "add_recipients", "POST", f"/campaigns/{campaign}/recipients", {"contacts": ["new"]}
    yield "add_coupons", "POST", f"/campaigns/{campaign}/coupons", {"coupons": [{"code": "NEW"}]}
    yield "copy_campaign", "POST", f"/campaigns/{campaign}/copy", {}
    yield "add_flow", "POST", "/flows", {"empId": 7, "name": "Welcome"}
    yield "remove_part", "DELETE", f"/flows/{names['flow_id']}/parts/{campaign}", None
    yield "put_part", "PUT", f"/flows/{names['flow_id']}/parts/{campaign}", {}
    yield "add_mail", "POST", "/mails", {"empId": 7, "name": "New", "text": HTML}
    draft = office.post("/mails", {"empId": 7, "name": "New", "text": HTML})["id"]
    yield "change_mail", "PATCH", f"/mails/{draft}", {"name": "Newer"}
    yield "copy_mail", "POST", f"/mails/{draft}/copy", {}
    yield "make_campaign", "PUT", f"/mails/{draft}/campaign", None
    its_campaign = office.get(f"/mails/{draft}")["campaign_id"]
    yield "delete_campaign", "DELETE", f"/campaigns/{its_campaign}", None
    other = office.post("/mails", {"empId": 7, "name": "New", "text": HTML})["id"]
    yield "delete_mail", "DELETE", f"/mails/{other}", None
    yield "upload_list", "PUT", "/lists?empId=7", b"reference\nc1\n"
    its_list = (office.call("PUT", "/lists?empId=7", b"reference\nc1\n").json or {})["id"]
    yield "delete_list", "DELETE", f"/lists/{its_list}", None
    another = (office.call("PUT", "/lists?empId=7", b"reference\nc1\n").json or {})["id"]
    yield "import_list", "POST", f"/lists/{another}/import", {}
    yield (
        "add_shop",
        "POST",
        "/shops",
        {"empId": 7, "platform": "saleor", "api_url": "http://a.test/graphql/"},
    )
    shop = office.post("/shops", {"empId": 7, "platform": "saleor", "api_url": "http://b.test/graphql/"})[
        "id"
    ]
    yield "change_shop", "PATCH", f"/shops/{shop}", {"name": "Main"}
    yield "remove_shop", "DELETE", f"/shops/{shop}", None
    yield "put_smtp", "PUT", f"{at}/smtp", SMTP
    wanted = {"what": "months", "address": "ana@shop.test"}
    yield "add_subscription", "POST", f"{at}/subscriptions", wanted
    subscription = office.post(f"{at}/subscriptions", wanted)["id"]
    yield "end_subscription", "DELETE", f"/subscriptions/{subscription}", None
    yield "remove_smtp", "DELETE", f"{at}/smtp", None
    address = {"name": "Ana", "address": "json://h.test"}
    yield "add_alert_address", "POST", f"{at}/alerts/addresses", address
    its_address = office.post(f"{at}/alerts/addresses", address)["id"]
    yield "test_alert_address", "POST", f"/alert-addresses/{its_address}/test", None
    yield "remove_alert_address", "DELETE", f"/alert-addresses/{its_address}", None
    cy = {"email": "cy@shop.test", "role": "editor"}
    yield "invite_member", "POST", f"{at}/invitations", cy
    its_id = office.get(f"{at}/members")["invitations"][0]["id"]
    yield "withdraw_invitation", "DELETE", f"/invitations/{its_id}", None
    for email in ("ana@shop.test", "bo@shop.test"):
        add_person(office, email)
    ana = office.get(f"{at}/members")["members"][0]["id"]
    yield "change_member", "PUT", f"{at}/members/{ana}", {"role": "viewer"}
    yield "remove_member", "DELETE", f"{at}/members/{ana}", None
    yield "start_trial", "POST", f"{at}/trials", {"url": "https://shop.test/new"}
    yield "retry_forwards", "POST", "/outbox/dead/retry", {"empId": 7}
    yield "close_month", "POST", f"{at}/closings", {"month": MONTH}
    yield "erase_contact", "DELETE", "/contacts/c3?empId=7", None
    yield "erase_person", "POST", "/contacts/erase", {"empId": 7, "contact": "quixote"}
    erasure = office.post("/contacts/erase", {"empId": 7, "contact": "dulcinea"})["id"]
    yield "retry_erasure", "POST", f"/erasures/{erasure}/retry", None
    now = datetime.now(UTC)
    with office.database.write() as connection:
        lost = begin_erasure(connection, INSTALLATION, office.keys, 7, "dulcinea", now).id
        keep_error(connection, lost, NO_KEY, now)
    yield "close_erasure", "POST", f"/erasures/{lost}/close", None


def test_every_call_that_changes_something_writes_its_row(filled: tuple[Office, dict[str, str]]) -> None:
    office, names = filled
    with office.database.write() as connection:  # what fill() wrote in this hour
        connection.execute(sa.delete(audit))
    asked, without = set(), {}
    for name, method, path, body in _calls(office, names):
        before = _rows(office.database)
        answer = office.call(method, path, body)
        assert answer.status_code < 300, (name, answer.text)
        asked.add(f"api.{name}")
        if _rows(office.database) == before:
            without[name] = answer.status_code
    assert without == {}
    changing = {
        rule.endpoint
        for rule in office.app.url_map.iter_rules()
        if rule.endpoint.startswith("api.") and not (rule.methods or set()) & {"GET"}
    }
    assert asked == changing - CHANGES_NOTHING - NOT_LISTED.keys() - FAILING_HERE.keys()
    with office.database.read() as connection:
        text = str(connection.execute(sa.select(audit)).all())
    for secret in ("@", "quixote", "dulcinea", "json://", "'c1'", ALL):
        assert secret not in text


def test_signing_in_and_out_is_in_the_list_of_each_account_of_the_person(office: Office) -> None:
    add_person(office)
    add_person(office, emp_id=8)
    ana = signed_in(office)
    ana.post("/logout")
    for emp_id in (7, 8):
        rows = office.get(f"/audit?empId={emp_id}")["rows"]
        assert [row["action"] for row in rows[:2]] == ["session.ended", "session.began"]
        assert {(row["actor_kind"], row["actor_name"]) for row in rows[:2]} == {("person", "Ana")}


def test_signing_in_with_a_key_is_in_the_list(office: Office) -> None:
    office.browser.post("/login", data={"key": SHOES})
    assert office.get("/audit?empId=7&action=session.began")["rows"][0]["actor_kind"] == "key"


def test_wrong_passwords_are_one_row_an_hour_and_none_for_an_unknown_address(office: Office) -> None:
    add_person(office)
    before = _rows(office.database)
    for email in ("ana@shop.test", "ana@shop.test", "nobody@shop.test"):
        sign_in(office.browser, email, "wrong")
    assert _rows(office.database) == before, "its time must not say who exists"
    office.store_counts()
    sign_in(office.browser, password="wrong")
    office.store_counts()
    (row,) = office.get("/audit?empId=7&action=session.refused")["rows"]
    assert (row["actor_kind"], row["subject"]["name"]) == ("nobody", "Ana")
    assert len(_rows(office.database)) == len(before) + 1


def test_opting_out_or_in_again_is_listed_only_if_it_changes_something(office: Office) -> None:
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "c1", "email": "c1@shop.test"}]})
    steps = ("off", "off", "on", "on", "off")
    for step in steps:
        answer = office.page("/accounts/7/contacts/c1", SHOES, method="POST", data={"tracking": step})
        assert answer.status_code == 303
    page = office.page("/accounts/7/contacts/c1", SHOES).text
    assert "Opted out" in page
    rows = [row["action"] for row in office.get("/audit?empId=7", SHOES)["rows"]]
    listed = [action for action in rows if action.startswith("contact.opted")]
    assert listed == ["contact.opted_out", "contact.opted_in", "contact.opted_out"]
