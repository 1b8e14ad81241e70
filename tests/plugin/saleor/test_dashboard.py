"""The report inside Saleor's Dashboard: who may see it, and which sites may show it."""

import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from importlib.resources import files
from typing import Any

import pytest
from flask import url_for
from werkzeug.test import TestResponse

from kit.saleor import JWKS_PATH, Line, StandInSaleor
from kit.saleor_key import SigningKey, base64url
from salepixel.accounts.principal import INSTALLATION
from salepixel.shops.shop import Shop
from salepixel.shops.use_cases import edit_shop, retire_shop
from salepixel_plugin.pages.menu import MENU
from salepixel_plugin.saleor.dashboard import MANAGE_APPS
from tests.plugin.saleor.conftest import Plugin

READS = "MANAGE_ORDERS"
DASHBOARD = "https://dash.shop.test"


@dataclass
class Staff:
    """A staff user in the Dashboard of a shop in which the app is installed."""

    plugin: Plugin
    shop: StandInSaleor

    @property
    def known(self) -> Shop:
        return self.plugin.shop(self.shop.api_url)

    def get(self, path: str, token: str | None = None, **headers: str) -> TestResponse:
        """A page, asked for as static/frame.js does."""
        token = self.shop.staff_token(READS) if token is None else token
        sent = {"Authorization": f"Bearer {token}", "Salepixel-Shop": self.known.id, **headers}
        return self.plugin.client.get(path, headers=sent)

    def post(self, path: str, *permissions: str, **form: str) -> TestResponse:
        token = self.shop.staff_token(*permissions)
        sent = {"Authorization": f"Bearer {token}", "Salepixel-Shop": self.known.id}
        return self.plugin.client.post(path, headers=sent, data=form)


@pytest.fixture
def staff(plugin: Plugin, installed: StandInSaleor) -> Staff:
    return Staff(plugin, installed)


def _hmac_token(shop: StandInSaleor, secret: bytes) -> str:
    head = {"alg": "HS256", "kid": shop.key.kid, "typ": "JWT"}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (head, shop.staff_claims(READS)))
    return f"{signed}.{base64url(hmac.digest(secret, signed.encode(), sha256))}"


def _head(shop: StandInSaleor, **changes: Any) -> str:
    head = {"alg": "RS256", "kid": shop.key.kid, "typ": "JWT", **changes}
    return shop.key.token(shop.staff_claims(READS), head)


OLD = int(time.time()) - 3600
TOKENS: dict[str, tuple[Callable[[StandInSaleor], str], str]] = {
    "none at all": (lambda shop: "", "malformed"),
    "not a token": (lambda shop: "a.b.c", "malformed"),
    "too long": (lambda shop: shop.staff_token(READS, email="a" * 20_000), "bad_algorithm"),
    "alg none": (lambda shop: _head(shop, alg="none").rpartition(".")[0] + ".", "bad_algorithm"),
    "HS256 with the public key": (
        lambda shop: _hmac_token(shop, json.dumps(shop.key.jwk).encode()),
        "bad_algorithm",
    ),
    "HS256 with the number of the key": (
        lambda shop: _hmac_token(shop, str(shop.key.jwk["n"]).encode()),
        "bad_algorithm",
    ),
    "another alg of RSA": (lambda shop: _head(shop, alg="PS256"), "bad_algorithm"),
    "a key of its own": (lambda shop: _head(shop, jwk=shop.key.jwk), "bad_algorithm"),
    "an address of keys": (lambda shop: _head(shop, jku="https://evil.test/jwks"), "bad_algorithm"),
    "the key of another shop": (lambda shop: SigningKey().token(shop.staff_claims(READS)), "unknown_key"),
    "the name of our key, signed by another": (
        lambda shop: SigningKey().token(shop.staff_claims(READS), {"alg": "RS256", "kid": shop.key.kid}),
        "bad_signature",
    ),
    "expired": (lambda shop: shop.staff_token(READS, iat=OLD, exp=OLD + 300), "expired"),
    "never expires": (lambda shop: shop.staff_token(READS, exp=None), "other_issuer"),
    "of the future": (lambda shop: shop.staff_token(READS, iat=int(time.time()) + 900), "malformed"),
    "no issuer": (lambda shop: shop.staff_token(READS, iss=None), "other_issuer"),
    "another issuer": (lambda shop: shop.staff_token(READS, iss="https://b.test/graphql/"), "other_issuer"),
    "for another app": (lambda shop: shop.staff_token(READS, app="QXBwOjk5"), "other_app"),
    "for no app": (lambda shop: shop.staff_token(READS, app=None), "other_app"),
    "of a customer": (lambda shop: shop.staff_token(READS, is_staff=False), "not_staff"),
    "of who knows whom": (lambda shop: shop.staff_token(READS, is_staff="yes"), "not_staff"),
    "the user's own token": (lambda shop: shop.staff_token(READS, type="access"), "other_type"),
    "permissions are not a list": (
        lambda shop: shop.staff_token(READS, user_permissions=READS),
        "no_permissions",
    ),
    "without permissions": (lambda shop: shop.staff_token(READS, user_permissions=None), "no_permissions"),
    "for an audience": (lambda shop: shop.staff_token(READS, aud="else"), "malformed"),
}


@pytest.mark.parametrize("case", TOKENS)
def test_a_token_that_is_not_of_this_app_and_staff_shows_nothing(staff: Staff, case: str) -> None:
    make, reason = TOKENS[case]
    answer = staff.get("/", make(staff.shop))
    assert answer.status_code == 401
    assert "New campaign" not in answer.text
    assert staff.plugin.refusals()["saleor_dashboard", reason] == 1


def test_who_manages_orders_reads_the_report_of_the_shops_account(staff: Staff) -> None:
    answer = staff.get("/")
    assert answer.status_code == 200
    assert "Campaigns" in answer.text
    assert "Set-Cookie" not in answer.headers
    page = staff.get("/accounts/1/coverage")
    assert page.status_code == 200
    assert 'id="menu"' in page.text
    assert "Sign out" not in page.text
    staff.plugin.manifest_url(staff.plugin.allow("https://b.test/graphql/", 2))
    assert staff.get("/accounts/2/coverage").status_code == 404


@pytest.mark.parametrize("permissions", [(), ("MANAGE_PRODUCTS",), (MANAGE_APPS,)])
def test_who_does_not_manage_orders_reads_nothing(staff: Staff, permissions: tuple[str, ...]) -> None:
    answer = staff.get("/", staff.shop.staff_token(*permissions))
    assert answer.status_code == 403
    assert "manage orders" in answer.text


def test_only_who_manages_apps_changes_something(staff: Staff) -> None:
    form = {"name": "Mine", "site": "", "tracking_host": "", "currency": "EUR"}
    path = "/accounts/1/first-steps/account"
    assert staff.post(path, READS, **form).status_code == 403
    assert staff.post(path, READS, MANAGE_APPS, **form).status_code == 303


def test_who_does_not_manage_customers_sees_no_contacts(staff: Staff) -> None:
    path = "/accounts/1/contacts/ana"
    assert staff.get(path).status_code == 403
    assert staff.get(path, staff.shop.staff_token(READS, "MANAGE_USERS")).status_code == 200


def test_a_cookie_counts_nothing_in_the_frame(staff: Staff) -> None:
    client = staff.plugin.client
    client.set_cookie("salepixel_session", "anything")
    client.set_cookie("salepixel_language", "es")
    answer = client.get("/", headers={"Salepixel-Shop": staff.known.id})
    assert answer.status_code == 401


def test_replaced_keys_of_the_shop_are_loaded_and_the_old_ones_refused(staff: Staff) -> None:
    before = staff.shop.staff_token(READS)
    staff.shop.rotate_key()
    assert staff.get("/").status_code == 200
    assert staff.shop.calls == [JWKS_PATH]
    assert staff.get("/", before).status_code == 401


def test_unavailable_keys_are_503(staff: Staff) -> None:
    staff.shop.unavailable.add(JWKS_PATH)
    assert staff.get("/").status_code == 200, "the known keys suffice"
    staff.shop.rotate_key()
    answer = staff.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("shop_id", ["0" * 12, "x", "../1"])
def test_an_unknown_shop_shows_nothing(staff: Staff, shop_id: str) -> None:
    answer = staff.get("/", **{"Salepixel-Shop": shop_id})
    assert answer.status_code == 401


def test_a_deleted_app_shows_nothing(staff: Staff) -> None:
    token = staff.shop.staff_token(READS)
    status = staff.shop.sign("app_deleted", {"app": {"id": staff.shop.app_id, "isActive": True}})
    assert staff.shop.send(staff.plugin.url, status).status_code == 200
    assert staff.get("/", token).status_code == 401


@pytest.fixture
def framed(staff: Staff) -> str:
    """The path of the app's page, which one Dashboard may show."""
    with staff.plugin.database.write() as connection:
        shown_by = [f"{DASHBOARD}/dashboard/"]
        edit_shop(connection, INSTALLATION, staff.known.id, datetime.now(UTC), dashboards=shown_by)
    return f"/saleor/app/{staff.known.id}"


def _ancestors(answer: TestResponse) -> str:
    return answer.headers["Content-Security-Policy"].rpartition("frame-ancestors ")[2].partition(";")[0]


def test_only_the_shops_dashboards_show_the_frame(staff: Staff, framed: str) -> None:
    answer = staff.plugin.client.get(framed)
    assert answer.status_code == 200
    assert _ancestors(answer) == DASHBOARD
    assert "X-Frame-Options" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_without_a_dashboard_nobody_shows_the_frame(staff: Staff) -> None:
    path = f"/saleor/app/{staff.known.id}"
    assert _ancestors(staff.plugin.client.get(path)) == "'none'"
    assert _ancestors(staff.plugin.client.get("/saleor/app/0123456789ab")) == "'none'"


def test_the_pages_themselves_are_shown_in_no_frame(staff: Staff, framed: str) -> None:
    for path in ("/", "/login"):
        assert _ancestors(staff.plugin.client.get(path)) == "'none'"
    assert _ancestors(staff.get("/")) == "'none'"


def test_an_app_of_an_earlier_manifest_opens_the_frame(staff: Staff, framed: str) -> None:
    query = {"saleorApiUrl": staff.shop.api_url, "id": staff.shop.app_id, "theme": "dark"}
    answer = staff.plugin.client.get("/", query_string=query, follow_redirects=True)
    assert answer.request.path == framed
    assert 'data-theme="dark"' in answer.text


@pytest.mark.parametrize(
    ("address", "start"),
    [
        ("", "/"),
        ("?theme=light&saleorApiUrl=x&id=y", "/"),
        ("/campaigns/ab/sales?from=2026-11-01&theme=dark", "/campaigns/ab/sales?from=2026-11-01"),
        ("/accounts/1/contacts/a%20b%25", "/accounts/1/contacts/a%20b%25"),
        ("/%2F/evil.test", "/evil.test"),
        ("/%5Cevil.test", "/%5Cevil.test"),
    ],
)
def test_the_frame_starts_with_the_page_in_its_address(
    staff: Staff, framed: str, address: str, start: str
) -> None:
    answer = staff.plugin.client.get(framed + address, follow_redirects=True)
    assert f'data-start="{start}"' in answer.text.replace("&amp;", "&")


def test_the_frame_of_an_order_starts_with_its_decision(staff: Staff, framed: str) -> None:
    answer = staff.plugin.client.get(f"{framed}?orderId=T3JkZXI6MQ==&id=QXBwOjE=")
    assert f'data-start="/orders/{staff.known.id}/T3JkZXI6MQ=' in answer.text


def test_the_language_of_the_dashboard_is_the_language_of_the_page(staff: Staff, framed: str) -> None:
    answer = staff.get("/?lang=es", **{"Accept-Language": "es-ES"})
    assert 'lang="es"' in answer.text
    assert "Set-Cookie" not in answer.headers


def _widget(staff: Staff, widget: str, token: str, **context: str) -> TestResponse:
    form = {"saleorApiUrl": staff.shop.api_url, "appId": staff.shop.app_id, "accessToken": token, **context}
    return staff.plugin.client.post(f"/saleor/app/{staff.known.id}/widgets/{widget}", data=form)


WIDGETS = ["order", "customer", "home"]


@pytest.mark.parametrize("widget", WIDGETS)
def test_a_widget_needs_the_token_of_a_user_who_manages_orders(
    staff: Staff, framed: str, widget: str
) -> None:
    tokens = {
        "": 403,
        "null": 403,
        "a.b.c": 401,
        staff.shop.staff_token("MANAGE_PRODUCTS"): 403,
        staff.shop.staff_token(READS, iat=OLD, exp=OLD + 300): 401,
        staff.shop.staff_token(READS, "MANAGE_USERS"): 200,
    }
    for token, status in tokens.items():
        answer = _widget(staff, widget, token)
        assert answer.status_code == status
        assert _ancestors(answer) == DASHBOARD, "its Dashboard shows why"
        assert "Set-Cookie" not in answer.headers


def test_the_customer_widget_needs_the_permission_to_manage_customers(staff: Staff, framed: str) -> None:
    answer = _widget(staff, "customer", staff.shop.staff_token(READS), customerId="VXNlcjox")
    assert answer.status_code == 403
    assert "contacts" in answer.text


def test_a_widget_of_an_unknown_order_or_customer_says_so(staff: Staff, framed: str) -> None:
    token = staff.shop.staff_token(READS, "MANAGE_USERS")
    for order_id in ("", "T3JkZXI6MQ==", "\x00", "a" * 5000):
        answer = _widget(staff, "order", token, orderId=order_id)
        assert (answer.status_code, "not in the report yet" in answer.text) == (200, True)
    for customer in ("", "VXNlcjox", "a" * 5000):
        answer = _widget(staff, "customer", token, customerId=customer)
        assert (answer.status_code, "of this customer are known" in answer.text) == (200, True)


def test_a_widget_shows_no_order_of_another_shop(staff: Staff, framed: str, shop_key: SigningKey) -> None:
    with StandInSaleor(key=shop_key, channel="other") as other:
        assert staff.plugin.install(other, 2).status_code == 200
        theirs = other.order("77", [Line("Hats", 1, Decimal(9))])
        assert other.deliver(staff.plugin.url, "order_created", theirs).status_code == 200
        answer = _widget(staff, "order", staff.shop.staff_token(READS), orderId=theirs["id"])
        assert "not in the report yet" in answer.text


def test_an_order_that_arrived_is_explained_in_its_widget(staff: Staff, framed: str) -> None:
    order = staff.shop.order("1042", [Line("Shoes", 1, Decimal(9))], email="ana@shop.test", customer="7")
    assert staff.shop.deliver(staff.plugin.url, "order_created", order).status_code == 200
    answer = _widget(staff, "order", staff.shop.staff_token(READS), orderId=order["id"])
    assert "1042" in answer.text
    inside = f"{DASHBOARD}/dashboard/extensions/app/QXBwOjE%3D/orders/{staff.known.id}/"
    assert inside in answer.text


def test_the_dashboard_of_a_removed_shop_shows_a_sentence(staff: Staff, framed: str) -> None:
    with staff.plugin.database.write() as connection:
        retire_shop(connection, INSTALLATION, staff.known.id, datetime.now(UTC))
        shop_id = framed.rpartition("/")[2]
    answer = staff.plugin.client.get(framed)
    assert (answer.status_code, _ancestors(answer)) == (404, DASHBOARD)
    assert "not connected" in answer.text
    assert staff.plugin.client.post(f"/saleor/app/{shop_id}/widgets/order").status_code == 404


def test_every_page_of_the_menu_is_in_the_dashboard(staff: Staff) -> None:
    paths = [place.endpoint for places in MENU.values() for place in places]
    with staff.plugin.app.test_request_context():
        urls = [url_for(f"pages.{endpoint}", emp_id=1) for endpoint in paths]
    token = staff.shop.staff_token(READS, "MANAGE_USERS", MANAGE_APPS)
    for url in urls:
        answer = staff.get(url, token)
        assert answer.status_code in (200, 403), url
        assert "Sign out" not in answer.text
        assert 'id="main"' in answer.text


def test_the_script_is_short() -> None:
    assert len(files("salepixel_plugin.pages").joinpath("static/frame.js").read_text().splitlines()) <= 100
