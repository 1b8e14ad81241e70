"""A key opens its account and nothing else, whatever it asks for."""

from itertools import count
from typing import Any

import pytest

from salepixel.accounts.api_keys import key_digest, set_first_key
from tests.plugin.conftest import ALL, HATS, PLACED, SHOES, Office

LINK = {"url": "https://shop.test/"}
LINE = {"item": "Hat", "quantity": 1, "amount": "5"}
ORDER = {"id": "1", "currency": "EUR", "placed_at": PLACED.isoformat(), "lines": [LINE]}
FRAGMENT_LINE = {"product": "Hat", "quantity": 1, "amount": "5"}
IN_AN_ACCOUNT: list[tuple[str, dict[str, Any]]] = [
    ("/campaigns", {"name": "n", "links": [LINK]}),
    ("/contacts", {"contacts": [{"ref": "c"}]}),
    ("/shops", {"platform": "saleor", "api_url": "https://a.test/graphql/"}),
    ("/sales", {"orders": [ORDER]}),
    ("/fragment", {"click": "", "order": "1", "currency": "EUR", "lines": [FRAGMENT_LINE]}),
]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic eDp5", "Bearer é"])
def test_without_a_valid_key_every_call_is_refused(office: Office, header: str) -> None:
    client, calls = office.app.test_client(), count(1)
    for rule in office.app.url_map.iter_rules():
        if not rule.endpoint.startswith("api."):
            continue
        path = rule.rule.replace("<int:emp_id>", "7").replace("<path:name>", "x")
        for parameter in rule.arguments:
            path = path.replace(f"<{parameter}>", "000000000000")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            # From an address of its own each: ten wrong keys slow one down.
            address = {"REMOTE_ADDR": f"192.0.2.{next(calls)}"}
            answer = client.open(
                path, method=method, headers={"Authorization": header}, environ_overrides=address
            )
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.json is not None
            assert set(answer.json) == {"message", "reason", "errors"}


def test_an_unknown_key_is_counted(office: Office) -> None:
    office.call("GET", "/accounts", key="wrong")
    office.call("GET", "/accounts", key="wrong")
    office.store_counts()
    counted = office.get("/rejections")["rejections"]
    assert [(row["source"], row["reason"], row["count"]) for row in counted] == [("key", "bad_key", 2)]


@pytest.mark.parametrize(("path", "body"), IN_AN_ACCOUNT)
def test_a_key_can_create_nothing_in_another_account(office: Office, path: str, body: dict[str, Any]) -> None:
    assert office.call("POST", path, {"empId": 8, **body}, SHOES).status_code == 403
    # The answer does not reveal whether an account exists.
    assert office.call("POST", path, {"empId": 12345, **body}, SHOES).status_code == 403
    assert office.call("POST", path, {"empId": 12345, **body}, ALL).status_code == 404
    assert office.call("POST", path, {"empId": 7, **body}, SHOES).status_code in (200, 201)


def test_a_key_sees_nothing_of_another_account(office: Office) -> None:
    campaign = office.campaign(8, name="Secret hats")
    shop, order = office.order(8, click=office.click(campaign, "secret-contact"))
    link = campaign["links"][0]["id"]
    base = f"/campaigns/{campaign['id']}"
    paths: list[tuple[str, str, Any]] = [
        ("GET", base, None),
        ("GET", f"{base}/links", None),
        ("GET", f"{base}/clicks", None),
        ("GET", f"{base}/sales", None),
        ("GET", f"{base}/sales.csv", None),
        ("PATCH", f"{base}/links/{link}", {"sale_pixel": False}),
        ("PATCH", f"{base}/links/{link}", {"url": "https://evil.test/"}),
        ("PATCH", f"{base}/links/{link}", {"active": False}),
        ("GET", f"/orders/{shop}/{order}/decision", None),
        ("GET", "/accounts/8", None),
        ("PATCH", "/accounts/8", {"name": "mine now"}),
        ("POST", "/accounts/8/keys", {"name": "mine now"}),
    ]
    for method, path, body in paths:
        foreign = office.call(method, path, body, SHOES)
        assert foreign.status_code == 404, (method, path)
        assert "ecret" not in foreign.text
        nothing = path.replace(campaign["id"], "0" * 12).replace(shop, "0" * 12).replace("/8", "/12345")
        absent = office.call(method, nothing, body, ALL)
        assert absent.text == foreign.text, "what is hidden looks like what is not there"
        assert office.call(method, path, body, HATS).status_code in (200, 201), (method, path)
    for path in ("/campaigns", "/shops", "/accounts"):
        assert "ecret" not in office.call("GET", path, key=SHOES).text
        assert "Hats" not in office.call("GET", path, key=SHOES).text
    assert office.get("/campaigns", SHOES)["campaigns"] == []
    assert [a["empId"] for a in office.get("/accounts", SHOES)["accounts"]] == [7]
    assert office.get("/shops", SHOES)["shops"] == []


@pytest.mark.parametrize("change", [{"sale_pixel": False}, {"active": False}, {"url": "https://evil.test/"}])
def test_a_link_of_another_campaign_is_not_changed(office: Office, change: dict[str, Any]) -> None:
    mine, other = office.campaign(7), office.campaign(8)
    path = f"/campaigns/{mine['id']}/links/{other['links'][0]['id']}"
    assert office.call("PATCH", path, change, SHOES).status_code == 404
    assert office.get(f"/campaigns/{other['id']}")["links"] == other["links"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/accounts", {"empId": 99, "name": "x", "currency": "EUR"}),
        ("GET", "/rejections", None),
        ("GET", "/losses", None),
    ],
)
def test_some_calls_need_a_key_for_all_accounts(office: Office, method: str, path: str, body: Any) -> None:
    answer = office.call(method, path, body, SHOES)
    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["reason"] == "not_allowed"


def test_a_new_key_opens_its_account_only(office: Office) -> None:
    made = office.call("POST", "/accounts/7/keys", {"name": "mailer"})
    assert made.status_code == 201
    assert made.json is not None
    key = made.json["key"]
    assert key.startswith("sp_")
    assert [a["empId"] for a in office.get("/accounts", key)["accounts"]] == [7]
    assert office.call("GET", "/accounts/8", key=key).status_code == 404


def _keys(office: Office, key: str = ALL) -> dict[str, str]:
    """Name -> id of the keys that a key lists."""
    return {entry["name"]: entry["id"] for entry in office.get("/keys", key)["keys"]}


def test_a_revoked_key_is_refused_and_its_sessions_end(office: Office) -> None:
    made = office.post("/accounts/7/keys", {"name": "mailer"}, SHOES)
    browser = office.browser
    browser.post("/login", data={"key": made["key"]})
    assert browser.get("/").status_code == 200
    answer = office.call("DELETE", f"/keys/{made['id']}", key=SHOES)
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["id"], answer.json["name"], answer.json["empId"]) == (made["id"], "mailer", 7)
    assert office.call("GET", "/accounts", key=made["key"]).status_code == 401
    assert browser.get("/").status_code == 303
    assert office.call("DELETE", f"/keys/{made['id']}", key=SHOES).status_code == 404
    assert office.call("GET", "/accounts", key=SHOES).status_code == 200, "other keys stay"


def test_keys_are_listed_without_their_secrets(office: Office) -> None:
    key = office.post("/accounts/7/keys", {"name": "mailer"})["key"]
    answer = office.call("GET", "/keys")
    for secret in (key, ALL, SHOES, *(key_digest(each)[:12] for each in (key, ALL, SHOES))):
        assert secret not in answer.text
    assert {name: set(entry) for name, entry in zip("abcd", office.get("/keys")["keys"], strict=True)} == {
        name: {"id", "empId", "name", "scope", "created_at", "expires_at", "last_used_at"} for name in "abcd"
    }
    assert list(_keys(office)) == ["SALEPIXEL_API_KEY", "Shoes", "Hats", "mailer"]


def test_an_account_can_list_and_revoke_only_its_own_keys(office: Office) -> None:
    keys = _keys(office)
    assert _keys(office, SHOES) == {"Shoes": keys["Shoes"]}
    for name in ("Hats", "SALEPIXEL_API_KEY"):
        foreign = office.call("DELETE", f"/keys/{keys[name]}", key=SHOES)
        assert foreign.status_code == 404
        assert foreign.text == office.call("DELETE", f"/keys/{'0' * 12}", key=SHOES).text
    assert _keys(office) == keys
    assert office.call("DELETE", f"/keys/{keys['Shoes']}", key=SHOES).status_code == 200, (
        "also the one in use"
    )
    assert office.call("GET", "/keys", key=SHOES).status_code == 401


def test_the_key_in_the_settings_is_revoked_by_changing_the_settings(office: Office) -> None:
    answer = office.call("DELETE", f"/keys/{_keys(office)['SALEPIXEL_API_KEY']}")
    assert answer.status_code == 409
    assert "SALEPIXEL_API_KEY" in answer.text
    assert office.call("GET", "/keys").status_code == 200


def test_an_accounts_key_may_be_named_like_the_setting(office: Office) -> None:
    made = office.post("/accounts/7/keys", {"name": "SALEPIXEL_API_KEY"})
    with office.database.write() as connection:
        set_first_key(connection, "another one", PLACED)
    assert office.call("GET", "/keys", key=made["key"]).status_code == 200
    assert office.call("DELETE", f"/keys/{made['id']}", key=made["key"]).status_code == 200


@pytest.mark.parametrize("key_id", ["%00", "x" * 5000, "..", "é"])
def test_an_invalid_key_id_is_404(office: Office, key_id: str) -> None:
    assert office.call("DELETE", f"/keys/{key_id}").status_code in (404, 405)


def test_an_invalid_key_is_refused_even_if_that_cannot_be_counted(office: Office) -> None:
    with office.database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON rejections BEGIN SELECT RAISE(FAIL, 'full'); END"
        )
    assert office.call("GET", "/accounts", key="not ours").status_code == 401
