"""Accounts, campaigns, contacts and shops: created, changed and kept secret."""

from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.campaigns.directory import read_directory
from salepixel.keys import Sealed, pixel_secret_place
from salepixel.mailers.known import PLATFORMS
from salepixel.orders.queue import due_orders
from salepixel.storage.schema import metadata
from tests.make import RATED
from tests.plugin.conftest import HATS, SHOES, Office


def test_a_new_account_has_a_pixel_secret_and_its_own_settings(office: Office) -> None:
    wanted = {
        "empId": 70,
        "name": "Bags",
        "tracking_host": "Träck.Shop.test",
        "site": "shop.test",
        "currency": "eur",
        "window_days": 30,
        "pixel_amount": "order",
        "pixel_signed": True,
        "hosted_pixel": "https://track.mdrctr.com/track/sale",
        "hosted_emp_id": "123",
        "forward_url": "https://a.test/?o={order}",
        "forward_per": "order",
    }
    made = office.post("/accounts", wanted)
    assert len(bytes.fromhex(made["pixel_secret"])) == 32
    assert made["tracking_host"] == "xn--trck-moa.shop.test"
    assert made["currency"] == "EUR"
    assert {name: made[name] for name in ("window_days", "pixel_amount", "forward_per")} == {
        "window_days": 30,
        "pixel_amount": "order",
        "forward_per": "order",
    }
    with office.database.read() as connection:
        directory = read_directory(connection)
    host, secret = directory.accounts[70]
    assert host == made["tracking_host"]
    assert office.sealer.keys.open(pixel_secret_place(70), Sealed(secret)) == made["pixel_secret"]
    assert 70 in directory.require_signature


def test_an_emp_id_is_used_once(office: Office) -> None:
    answer = office.call("POST", "/accounts", {"empId": 7, "name": "Other", "currency": "EUR"})
    assert answer.status_code == 409
    assert office.get("/accounts/7")["name"] == "Shoes"


def test_a_change_affects_only_the_fields_that_it_names(office: Office) -> None:
    before = office.get("/accounts/7")
    answer = office.call("PATCH", "/accounts/7", {"window_days": 14, "hosted_pixel": ""}, SHOES)
    after = before | {"window_days": 14, "policy_version": 2}
    assert answer.json == after
    assert office.call("PATCH", "/accounts/7", {"window_days": 14}, SHOES).json == after
    assert office.call("PATCH", "/accounts/7", {}, SHOES).json == after
    assert office.call("PATCH", "/accounts/7", {"empId": 8}, SHOES).status_code == 422
    assert office.call("PATCH", "/accounts/7", {"name": None}, SHOES).status_code == 422


CHOSEN = {"sale_when": "placed", "tax": "net", "shipping": "included"}


def test_sale_terms_can_be_changed_until_the_first_sale(office: Office) -> None:
    before = office.get("/accounts/7")
    assert {name: before[name] for name in CHOSEN} == {
        "sale_when": "paid",
        "tax": "gross",
        "shipping": "excluded",
    }
    campaign = office.campaign()
    shop, order = office.order(click=office.click(campaign, "c1"), paid=False)
    assert office.call("PATCH", "/accounts/7", CHOSEN, SHOES).json == before | CHOSEN
    with office.database.read() as connection:
        assert due_orders(connection, 9) == [(shop, order)], "what came before is decided anew"
    office.reconcile(shop, order)
    assert len(office.get(f"/campaigns/{campaign['id']}/sales")["rows"]) == 1
    for name, default in (("sale_when", "paid"), ("tax", "gross"), ("shipping", "excluded")):
        answer = office.call("PATCH", "/accounts/7", {name: default, "window_days": 9}, SHOES)
        assert (answer.status_code, answer.json["reason"]) == (409, "chosen_once")  # type: ignore[index]
        assert name in answer.text
    assert office.call("PATCH", "/accounts/7", CHOSEN | {"name": "Boots"}, SHOES).status_code == 200
    assert office.get("/accounts/7") == before | CHOSEN | {"name": "Boots"}
    assert office.call("PATCH", "/accounts/8", CHOSEN).status_code == 200, "another account has none"
    made = office.post("/accounts", {"empId": 90, "name": "Bags", "currency": "EUR", **CHOSEN})
    assert {name: made[name] for name in CHOSEN} == CHOSEN


def test_changing_the_currency_converts_the_sales_again(office: Office) -> None:
    campaign = office.campaign()
    shop, order = office.order(click=office.click(campaign, "c1", RATED), placed_at=RATED.isoformat())
    assert office.call("PATCH", "/accounts/7", {"currency": "USD"}, SHOES).status_code == 200
    sales = office.get(f"/campaigns/{campaign['id']}/sales")
    assert sales["converted"]["without_rate"] == ["EUR"], "until it was done"
    office.reconcile(shop, order)
    (row,) = office.get(f"/campaigns/{campaign['id']}/sales")["rows"]
    assert (row["currency"], row["converted_currency"]) == ("EUR", "USD")


@pytest.mark.parametrize("wrong", [{"tax": "both"}, {"shipping": None}, {"sale_when": "shipped"}])
def test_sale_terms_must_be_known_values(office: Office, wrong: dict[str, Any]) -> None:
    assert office.call("PATCH", "/accounts/7", wrong).status_code == 422


def test_a_pixel_secret_is_renewed_or_created_when_needed(office: Office) -> None:
    before = office.get("/accounts/7")["pixel_secret"]
    changed = office.call("PATCH", "/accounts/7", {"renew_pixel_secret": True}).json
    assert changed is not None
    assert changed["pixel_secret"] not in ("", before)
    assert office.get("/accounts/1")["pixel_secret"] == ""
    signed = office.call("PATCH", "/accounts/1", {"pixel_signed": True}).json
    assert signed is not None
    assert len(signed["pixel_secret"]) == 64


def test_the_list_of_accounts_shows_no_secret(office: Office) -> None:
    assert "pixel_secret" not in office.call("GET", "/accounts").text


@pytest.mark.parametrize("mailer", [key for key, one in PLATFORMS.items() if one.contact_tag])
def test_a_tracked_url_ends_with_the_exact_merge_tag_of_the_mailer(office: Office, mailer: str) -> None:
    links = [{"url": "https://shop.test/#part"}]
    made = office.post("/campaigns", {"empId": 7, "name": "n", "mailer": mailer, "links": links})
    assert made["links"][0]["tracked_url"].endswith(f"?k={PLATFORMS[mailer].contact_tag}")
    assert office.get(f"/campaigns/{made['id']}")["links"] == made["links"]


def test_a_custom_merge_tag_overrides_the_mailers(office: Office) -> None:
    for mailer in PLATFORMS:
        wanted = {"empId": 7, "name": "n", "mailer": mailer, "links": [{"url": "https://shop.test/"}]}
        made = office.post("/campaigns", wanted | {"contact_tag": "[[ own ]]"})
        assert made["links"][0]["tracked_url"].endswith("?k=[[ own ]]")


def test_without_a_tracking_host_links_use_the_edges_address(office: Office) -> None:
    made = office.campaign(1)
    assert made["links"][0]["tracked_url"].startswith("http://127.0.0.1:8080/c/")


def test_only_the_hash_of_an_address_is_stored(office: Office) -> None:
    contacts = [{"ref": "c1", "email": "Ana@Example.com"}, {"ref": "c2"}, {"ref": "c3", "consent": False}]
    assert office.post("/contacts", {"empId": 7, "contacts": contacts}) == {"stored": 3}
    with office.database.read() as connection:
        kept = [
            repr(tuple(row))
            for table in metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        ]
    assert not [row for row in kept if "example.com" in row.lower()]
    assert any("'c1'" in row for row in kept)


def test_ten_thousand_contacts_fit_in_a_call_and_no_more(office: Office) -> None:
    contacts = [{"ref": f"{n}", "email": f"person-{n}@{'long-' * 20}.test"} for n in range(10_000)]
    assert office.post("/contacts", {"empId": 7, "contacts": contacts}) == {"stored": 10_000}
    contacts.append({"ref": "one too many"})
    assert office.call("POST", "/contacts", {"empId": 7, "contacts": contacts}).status_code == 422


SALEOR: dict[str, Any] = {"platform": "saleor", "api_url": "https://shop.test/graphql/"}


def test_each_account_may_add_a_shop_and_gets_its_own_manifest_url(office: Office) -> None:
    first = office.post("/shops", {"empId": 7, **SALEOR})
    again = office.post("/shops", {"empId": 7, **SALEOR})
    assert again == first
    theirs = office.post("/shops", {"empId": 8, **SALEOR}, HATS)
    assert theirs["id"] != first["id"]
    codes = {one["manifest_url"] for one in (first, theirs)}
    assert len(codes) == 2
    assert all(url.startswith("http://127.0.0.1:8081/saleor/manifest?code=") for url in codes)
    (listed,) = office.get("/shops", SHOES)["shops"]
    assert listed == first
    assert (first["state"], first["connected_at"]) == ("waiting", None)


def test_a_shop_is_renamed_paused_resumed_and_removed(office: Office) -> None:
    path = f"/shops/{office.post('/shops', {'empId': 7, **SALEOR})['id']}"

    def change(**wanted: Any) -> Any:
        answer = office.call("PATCH", path, wanted, SHOES)
        assert answer.status_code == 200, answer.text
        return answer.json

    assert change(name="Spain")["name"] == "Spain"
    paused = change(paused=True)
    assert (paused["state"], paused["name"]) == ("paused", "Spain")
    assert change(paused=True) == paused, "since the first time"
    assert change(paused=False)["state"] == "waiting"
    assert change()["name"] == "Spain"

    removed = office.call("DELETE", path, key=SHOES)
    assert (removed.status_code, removed.json["state"]) == (200, "removed")  # type: ignore[index]
    assert office.call("DELETE", path, key=SHOES).json == removed.json
    assert [shop["state"] for shop in office.get("/shops", SHOES)["shops"]] == ["removed"]
    late = office.call("PATCH", path, {"paused": True}, SHOES)
    assert (late.status_code, late.json["reason"]) == (409, "shop_removed")  # type: ignore[index]
    back = office.post("/shops", {"empId": 7, **SALEOR})
    assert (path, back["state"]) == (f"/shops/{back['id']}", "waiting")


@pytest.mark.parametrize("wanted", [{"paused": 1}, {"paused": None}, {"name": ""}, {"api_url": "x"}])
def test_an_invalid_change_of_a_shop_is_refused(office: Office, wanted: dict[str, Any]) -> None:
    path = f"/shops/{office.post('/shops', {'empId': 7, **SALEOR})['id']}"
    assert office.call("PATCH", path, wanted).status_code == 422


def test_a_shop_without_an_app_cannot_be_changed(office: Office) -> None:
    shop, _ = office.order()
    (listed,) = office.get("/shops", SHOES)["shops"]
    assert (listed["state"], listed["manifest_url"]) == (None, None)
    for method, body in (("PATCH", {"paused": True}), ("DELETE", None)):
        answer = office.call(method, f"/shops/{shop}", body, SHOES)
        assert (answer.status_code, answer.json["reason"]) == (409, "no_connection")  # type: ignore[index]


@pytest.mark.parametrize("shop", ["0123456789ab", "x", "%00", None])
def test_a_shop_of_another_account_is_not_visible(office: Office, shop: str | None) -> None:
    shop = shop or office.post("/shops", {"empId": 7, **SALEOR})["id"]
    for method, body in (("PATCH", {"paused": True}), ("DELETE", None)):
        assert office.call(method, f"/shops/{shop}", body, HATS).status_code == 404
    assert all(one["state"] == "waiting" for one in office.get("/shops", SHOES)["shops"])


def test_no_answer_shows_a_shops_token(office: Office) -> None:
    office.post("/shops", {"empId": 7, "platform": "saleor", "api_url": "https://shop.test/graphql/"})
    with office.database.write() as connection:
        connection.execute(sa.text("UPDATE shops SET token = 'hidden', jwks = 'hidden', app_id = 'hidden'"))
    assert "hidden" not in office.call("GET", "/shops").text


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("Track.Shop.test.", "track.shop.test"),
        ("straße.example", "xn--strae-oqa.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("οδος.gr", "xn--pxavbm.gr"),
    ],
)
def test_the_hosts_of_an_account_are_stored_as_browsers_request_them(
    office: Office, written: str, host: str
) -> None:
    changed = office.call("PATCH", "/accounts/7", {"tracking_host": written, "site": written}).json
    assert isinstance(changed, dict)
    assert (changed["tracking_host"], changed["site"]) == (host, host)
