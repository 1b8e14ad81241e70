"""Addresses for alerts are added, tested and removed by page and API, and never shown."""

from html import unescape

import sqlalchemy as sa

from salepixel.storage.schema import alert_addresses, alert_messages
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
    for address in ("ana@shop.test", "", "json://", "x y://z", "json://a\nb"):
        assert _add(office, address=address) == 422
    assert _add(office, name=" ") == 422
    answer = office.page(PAGE, method="POST", data={"name": "Ana", "address": "ana@shop.test"})
    assert "mailtos://user:password@smtp.example" in unescape(answer.text)
    assert 'value="Ana"' in answer.text
    body = {"name": "Ana", "address": "ana@shop.test"}
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
