"""API keys: scopes, expiry, last use; by API, page and command line."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts.api_keys import find_principal
from salepixel.accounts.command import create_key, list_keys, revoke_key
from salepixel.accounts.declined import Declined
from salepixel.accounts.principal import FULL, HIDDEN, KeyScope, Principal
from salepixel.storage.schema import api_keys
from tests.plugin.conftest import ALL, HATS, PLACED, SHOES, Office

PAGE, KEYS = "/accounts/7/keys", "/accounts/7/keys"
ORDER = {
    "id": "1",
    "currency": "EUR",
    "placed_at": PLACED.isoformat(),
    "lines": [{"item": "Hat", "quantity": 1, "amount": "5"}],
}
SALES = {"empId": 7, "orders": [ORDER]}


def _new(office: Office, **wanted: Any) -> Any:
    return office.post(KEYS, {"name": "mailer", **wanted}, SHOES)


def _entry(office: Office, its_id: str) -> Any:
    return next(row for row in office.get("/keys")["keys"] if row["id"] == its_id)


def _counts(office: Office) -> dict[str, int]:
    office.store_counts()
    rows = office.get("/rejections")["rejections"]
    return {row["reason"]: row["count"] for row in rows if row["source"] == "key"}


def _expire(office: Office, its_id: str) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    with office.database.write() as connection:
        connection.execute(sa.update(api_keys).where(api_keys.c.id == its_id).values(expires_at=past))


def test_a_key_that_reads_changes_nothing(office: Office) -> None:
    key = _new(office, scope="read")["key"]
    assert office.call("GET", "/accounts/7", key=key).json["pixel_secret"] == HIDDEN  # type: ignore[index]
    assert office.get("/accounts/7", SHOES)["pixel_secret"] != HIDDEN
    refused = office.call("PATCH", "/accounts/7", {"name": "x"}, key)
    assert (refused.status_code, (refused.json or {})["reason"]) == (403, "key_reads_only")
    assert office.call("POST", "/sales", SALES, key).status_code == 403
    assert _counts(office) == {"key_reads_only": 2}


def test_a_key_that_reads_does_not_list_the_keys(office: Office) -> None:
    key = _new(office, scope="read")["key"]
    refused = office.call("GET", "/keys", key=key)
    assert (refused.status_code, (refused.json or {})["reason"]) == (403, "for_owners")
    assert "mailer" not in refused.text


def test_a_key_that_reads_sees_no_secret_in_an_address(office: Office) -> None:
    """Neither what connects a shop to the account, nor the keys of other servers."""
    office.post("/shops", {"empId": 7, "platform": "saleor", "api_url": "https://new.test/graphql/"})
    office.call("PATCH", "/accounts/7", {"forward_url": "https://other.test/in?key=geheim"})
    key = _new(office, scope="read")["key"]
    for its, sees in ((key, False), (SHOES, True)):
        assert bool(office.get("/shops", its)["shops"][0]["manifest_url"]) is sees
        for page in ("/accounts/7/coverage", "/accounts/7/first-steps", "/accounts/7/shops"):
            assert ("/saleor/manifest?code=" in office.page(page, its).text) is sees, page
        for found in (office.get("/accounts/7", its), office.get("/accounts", its)["accounts"][0]):
            assert ("geheim" in found["forward_url"]) is sees
            assert found["hosted_pixel"] == ""


def test_a_key_for_sales_sends_orders_of_its_account_only(office: Office) -> None:
    key = _new(office, scope="sales")["key"]
    assert office.post("/sales", SALES, key)["stored"] == 1
    assert office.call("POST", "/sales", SALES | {"empId": 8}, key).status_code == 403
    refused = office.call("GET", "/accounts", key=key)
    assert (refused.status_code, (refused.json or {})["reason"]) == (403, "key_for_sales")
    assert office.page("/", key=key).status_code == 403
    assert office.browser.post("/login", data={"key": key}).status_code == 403
    assert _counts(office) == {"key_for_sales": 3}


def test_a_key_with_the_scope_write_has_the_rights_of_an_owner(office: Office) -> None:
    made = _new(office)
    assert (made["scope"], made["expires_at"]) == ("write", None)
    with office.database.read() as connection:
        assert find_principal(connection, made["key"]) == Principal({7: FULL}, "mailer")


def test_an_expired_key_is_refused_with_its_sessions_and_counted(office: Office) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = _new(office, expires_at=later)
    browser = office.browser
    browser.post("/login", data={"key": made["key"]})
    assert browser.get("/accounts/7").status_code == 200
    _expire(office, made["id"])
    refused = office.call("GET", "/accounts", key=made["key"])
    assert (refused.status_code, (refused.json or {})["reason"]) == (401, "key_expired")
    assert browser.get("/accounts/7").status_code == 303
    assert _counts(office) == {"key_expired": 1}


@pytest.mark.parametrize(
    "wanted", [{"scope": "all"}, {"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at": "x"}]
)
def test_an_unknown_scope_or_an_expiry_in_the_past_is_refused(office: Office, wanted: dict[str, Any]) -> None:
    assert office.call("POST", KEYS, {"name": "n", **wanted}, SHOES).status_code == 422


def test_the_last_use_is_stored_once_an_hour_and_not_by_the_call(office: Office) -> None:
    made = _new(office, scope="sales")
    office.post("/sales", SALES, made["key"])
    with office.database.read() as connection:
        query = sa.select(api_keys.c.last_used_at).where(api_keys.c.id == made["id"])
        assert connection.scalar(query) is None
    office.store_counts()
    first = _entry(office, made["id"])["last_used_at"]
    assert first is not None
    office.post("/sales", SALES, made["key"])
    office.store_counts()
    assert _entry(office, made["id"])["last_used_at"] == first


def test_the_page_creates_shows_once_and_revokes(office: Office) -> None:
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    form = {"step": "create", "name": "<b>shop", "scope": "sales", "expires": day}
    shown = office.page(PAGE, method="POST", data=form, key=SHOES)
    (key,) = re.findall(r"sp_[\w-]{20,}", shown.text)
    again = office.page(PAGE, key=SHOES)
    assert key not in again.text
    assert f'id="new-key"><code class="url">{key}<' in shown.text
    assert 'data-copies="new-key"' in shown.text
    assert "script-src 'self'" in shown.headers["Content-Security-Policy"]
    assert "&lt;b&gt;shop" in again.text
    (its_id,) = (row["id"] for row in office.get("/keys", SHOES)["keys"] if row["name"] == "<b>shop")
    revoke = {"step": "revoke", "key": its_id}
    assert office.page(PAGE, method="POST", data=revoke, key=HATS).status_code == 404
    assert office.page(PAGE, method="POST", data=revoke, key=SHOES).status_code == 303
    assert office.call("POST", "/sales", SALES, key).status_code == 401


def test_a_key_is_revoked_only_after_a_second_press(office: Office) -> None:
    page = office.page(PAGE, key=SHOES).text
    assert 'value="revoke"' in page
    assert 'value="revoke"' not in re.sub(r"(?s)<details.*?</details>", "", page)


@pytest.mark.parametrize(
    "sent",
    [
        {"name": ""},
        {"expires": "2020-01-01"},
        {"expires": "soon"},
        {"expires": "2999-01-01"},
        {"expires": "9999-12-31"},
    ],
)
def test_the_form_says_what_is_wrong(office: Office, sent: dict[str, str]) -> None:
    form = {"step": "create", "name": "shop", "scope": "read", "expires": ""} | sent
    shown = office.page(PAGE, method="POST", data=form, key=SHOES)
    assert shown.status_code == 422
    assert 'role="alert"' in shown.text


def test_the_page_does_not_revoke_a_key_of_another_account(office: Office) -> None:
    its_id = next(row["id"] for row in office.get("/keys", HATS)["keys"])
    assert (
        office.page(PAGE, method="POST", data={"step": "revoke", "key": its_id}, key=ALL).status_code == 404
    )


def test_the_command_line_creates_lists_and_revokes(office: Office) -> None:
    with office.database.write() as connection:
        key, said = create_key(connection, 7, "shop", KeyScope.SALES, 30).splitlines()
        its_id = said.split()[-1].rstrip(".")
        assert f"{its_id} sales expires=" in list_keys(connection, 7)
        for days in (0, 10**9):
            with pytest.raises(Declined):
                create_key(connection, 7, "shop", KeyScope.READ, days)
        with pytest.raises(Declined):
            revoke_key(connection, 8, its_id)
        assert find_principal(connection, key) == Principal({}, "shop", sales_of=7)
        revoke_key(connection, 7, its_id)
        assert find_principal(connection, key) is None
    rows = office.get("/audit?empId=7&actor=command_line")["rows"]
    assert [row["action"] for row in rows] == ["key.revoked", "key.created"]
