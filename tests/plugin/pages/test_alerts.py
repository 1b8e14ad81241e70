"""Addresses for alerts are added, tested and removed by page and API, and never shown."""

from datetime import UTC, datetime
from html import unescape

import sqlalchemy as sa

from salepixel.smtp.server import Mail
from salepixel.storage.schema import alert_addresses, alert_messages
from salepixel.watch import store
from salepixel.watch.notify import send_due
from tests.plugin.conftest import HATS, SHOES, Office

PAGE = "/accounts/7/alerts"
SECRET = "mailtos://ana:wordpass@smtp.shop.test?to=ana@shop.test"


def _add(office: Office, **sent: str) -> int:
    form = {"name": "Ana", "address": SECRET} | sent
    return office.page(PAGE, method="POST", data=form, key=SHOES).status_code


def test_an_address_is_stored_encrypted_and_never_shown(office: Office) -> None:
    assert _add(office) == 303
    shown = [office.page(PAGE).text, office.page(PAGE + "?lang=es").text]
    shown.append(office.call("GET", "/accounts/7/alerts").text)
    with office.database.read() as connection:
        row = connection.execute(sa.select(alert_addresses)).one()
    shown += [str(tuple(row)), repr(row)]
    for text in shown:
        assert "wordpass" not in text
        assert "ana@shop.test" not in text
    assert "Ana" in shown[0]
    assert "mailtos://" in shown[0]
    assert row.address.startswith("sealed ")


def test_a_new_address_gets_a_test_message_and_another_by_button(office: Office) -> None:
    _add(office)
    (address,) = office.get("/accounts/7/alerts")["addresses"]
    assert (address["name"], address["service"], address["answer"]) == ("Ana", "mailtos", "")
    path = f"/alert-addresses/{address['id']}"
    for _ in range(2):  # once in vain, as the first message waits to be sent
        assert office.page(f"{path}/test", method="POST").status_code == 303
        assert office.call("POST", f"{path}/test").status_code == 202
        with office.database.write() as connection:
            phases = list(connection.scalars(sa.select(alert_messages.c.phase)))
            connection.execute(sa.update(alert_messages).values(next_at=None))  # sent
    assert phases == ["test"] * 2
    assert office.page(f"{path}/test", method="POST", key=HATS).status_code == 404
    assert office.page(f"{path}/remove", method="POST", key=HATS).status_code == 404
    assert office.page(f"{path}/remove", method="POST", key=SHOES).status_code == 303
    assert office.get("/accounts/7/alerts") == {"addresses": [], "alerts": [], "canary": None}


def test_a_wrong_address_is_named(office: Office) -> None:
    for address in ("ana", "ana@shop", "", "json://", "x y://z", "json://a\nb"):
        assert _add(office, address=address) == 422
    assert _add(office, name=" ") == 422
    answer = office.page(PAGE, method="POST", data={"name": "Ana", "address": "ana"})
    assert "Enter an e-mail address such as ana@shop.example" in unescape(answer.text)
    assert 'value="Ana"' in answer.text
    body = {"name": "Ana", "address": "ana"}
    assert office.call("POST", "/accounts/7/alerts/addresses", body).status_code == 422


def test_an_account_has_a_limited_number_of_addresses(office: Office) -> None:
    for _ in range(20):
        body = {"name": "Ana", "address": SECRET, "language": "es"}
        office.post("/accounts/7/alerts/addresses", body)
    assert _add(office) == 422


def test_another_accounts_alerts_are_not_shown(office: Office) -> None:
    assert office.page(PAGE, key=HATS).status_code == 404
    assert (
        office.page(PAGE, method="POST", data={"name": "A", "address": SECRET}, key=HATS).status_code == 404
    )
    assert office.page(f"{PAGE}/canary", method="POST", key=HATS).status_code == 404


def test_a_plain_e_mail_address_is_an_address_for_alerts(office: Office) -> None:
    assert _add(office, address=" ana@Shop.test ") == 303
    page = office.page(PAGE).text
    assert "E-mails cannot be sent yet" in page
    assert 'href="/accounts/7/email"' in page
    (address,) = office.get("/accounts/7/alerts")["addresses"]
    assert address["service"] == "email"
    mails: list[tuple[int, Mail]] = []

    def send_mail(emp_id: int, mail: Mail) -> str:
        mails.append((emp_id, mail))
        return "wrong_password"

    def no_service(address: str, title: str, body: str) -> str:
        raise AssertionError(address)

    send_due(office.database, office.keys, no_service, send_mail, 7, datetime.now(UTC))
    ((emp_id, mail),) = mails
    assert (emp_id, mail.to, mail.subject) == (7, "ana@shop.test", "Salepixel: test message (Shoes 7)")
    assert "The server refused the user and password." in office.page(PAGE).text


def test_an_erased_person_gets_no_alerts(office: Office) -> None:
    office.post("/contacts/erase", {"empId": 7, "contact": "ana@shop.test"})
    assert _add(office, address="ana@shop.test") == 422
    body = {"name": "Ana", "address": "Ana@shop.test"}
    assert office.call("POST", "/accounts/7/alerts/addresses", body).status_code == 409


def test_what_was_found_is_shown_without_an_address(office: Office) -> None:
    now = datetime.now(UTC)
    with office.database.write() as connection:
        store.begin_alert(connection, 7, "webhooks", "2026-11-28 10:30 UTC", now)
        store.add_canary(connection, 7, "c", "l", now)
        store.change_canary(connection, 7, {"result": "click_not_stored", "ended_at": now})
    for path in ("/accounts/7/coverage", "/accounts/7/first-steps", PAGE):
        page = office.page(path, key=SHOES).text
        assert "No orders arrive from the shop: 2026-11-28 10:30 UTC" in page
        assert "click_not_stored" in page
        assert "Nobody gets a message about this account." in page
