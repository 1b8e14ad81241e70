"""A real browser runs the whole path: the mail's link, the shop, the thank-you page, the report."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from kit.play import EMP_ID, TRACKING_HOST, Player
from kit.saleor import StandInSaleor
from kit.stack import Stack

pytestmark = pytest.mark.browser

TAG = f'<script src="http://{TRACKING_HOST}/sp.js" data-emp-id="{EMP_ID}"></script>'
SALE = {
    "order": "A-1",
    "currency": "EUR",
    "lines": [{"product": "Red shoes", "quantity": 2, "amount": "39.80"}],
}
PAGES = {
    "/p/1": f"<!doctype html><title>Shoes</title>{TAG}<h1>Red shoes</h1>",
    "/thanks": "<!doctype html><title>Thanks</title>"
    f'<script type="application/json" id="salepixel-sale">{json.dumps(SALE)}</script>{TAG}<h1>Thank you</h1>',
}


class ShopPages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGES.get(urlsplit(self.path).path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass


@pytest.fixture(scope="module")
def shop_pages() -> type[BaseHTTPRequestHandler]:
    return ShopPages


@pytest.fixture(scope="module")
def mail(stack: Stack) -> dict[str, Any]:
    """The campaign: one link to the shop. No shop is connected, so only the pixel reports sales."""
    with StandInSaleor() as shop, closing(Player(stack, shop)) as player:
        account = {"empId": EMP_ID, "name": "Shoes", "tracking_host": TRACKING_HOST, "currency": "EUR"}
        account |= {"site": "shop.test"}
        player.api("POST", "/accounts", account)
        links = [{"url": "http://shop.test/p/1?a=b#size", "label": "Hero", "sale_pixel": True}]
        campaign = {"empId": EMP_ID, "name": "Autumn <b>sale</b>", "mailer": "plain", "links": links}
        made: dict[str, Any] = player.api("POST", "/campaigns", campaign)
    # The edge learns of a new account within about a second.
    time.sleep(1.5)
    return made


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(locale="en-GB")
    yield opened
    opened.close()


def open_link(page: Page, mail: dict[str, Any], contact: str) -> None:
    page.goto(mail["links"][0]["tracked_url"].replace("{contact}", contact))


def pixels(page: Page, path: str) -> list[Request]:
    """The pixel requests that a page makes."""
    seen: list[Request] = []
    page.on("request", lambda request: seen.append(request) if "/track/sale" in request.url else None)
    page.goto(f"http://shop.test{path}", wait_until="networkidle")
    return seen


def test_the_landing_page_keeps_the_click_and_shows_a_clean_address(
    context: BrowserContext, mail: dict[str, Any]
) -> None:
    page = context.new_page()
    open_link(page, mail, "ana")
    assert page.url == "http://shop.test/p/1?a=b#size"
    (entry,) = page.evaluate("salepixel.metadata()")
    assert entry["key"] == "salepixel_click"
    (cookie,) = context.cookies(f"http://{TRACKING_HOST}/")
    assert (cookie["name"], cookie["value"]) == (f"spx{EMP_ID}", entry["value"])
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


def test_a_purchase_from_the_mail_is_a_row_of_the_report_and_a_reload_is_not(
    context: BrowserContext, mail: dict[str, Any], stack: Stack
) -> None:
    page = context.new_page()
    open_link(page, mail, "bo")
    (pixel,) = pixels(page, "/thanks")
    response = pixel.response()
    assert response is not None
    assert response.header_value("x-salepixel") == "counted"
    assert f"spx{EMP_ID}=" in (pixel.header_value("cookie") or "")
    asked = parse_qs(urlsplit(pixel.url).query)
    assert (asked["PRODUCTO"], asked["CANTIDAD"], asked["IMPORTE"]) == (["Red shoes"], ["2"], ["39.80"])
    assert pixels(context.new_page(), "/thanks") == []

    page.goto(f"{stack.plugin_url}/campaigns/{mail['id']}")
    page.get_by_label("key").fill(stack.api_key)
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("heading", name="Autumn <b>sale</b>").is_visible()
    for _ in range(50):
        page.get_by_role("link", name="Sales", exact=True).click()
        if page.get_by_role("cell", name="Red shoes").count():
            break
        time.sleep(0.2)
    row = page.get_by_role("row").filter(has_text="Red shoes")
    assert row.count() == 1
    assert "bo" in row.inner_text()
    assert "39.80" in row.inner_text()


def test_a_dynamic_link_leads_to_the_page_that_the_mail_names_and_not_to_another_site(
    context: BrowserContext, mail: dict[str, Any]
) -> None:
    page = context.new_page()
    link = mail["dynamic_url"].replace("{contact}", "di")
    page.goto(link.replace("{url}", quote("http://shop.test/p/1?c=d#size", safe="")))
    assert page.url == "http://shop.test/p/1?c=d#size"
    (cookie,) = context.cookies(f"http://{TRACKING_HOST}/")
    assert page.evaluate("salepixel.click()") == cookie["value"]
    for elsewhere in (
        "http://evil.test/",
        "//evil.test/",
        "http:\\\\evil.test/",
        "http://shop.test@evil.test/",
    ):
        answer = page.goto(link.replace("{url}", quote(elsewhere, safe="")))
        assert answer is not None
        assert (answer.status, urlsplit(page.url).hostname) == (404, TRACKING_HOST)


def test_a_visitor_without_a_click_sends_no_pixel(context: BrowserContext) -> None:
    assert pixels(context.new_page(), "/thanks") == []


def test_a_visitor_with_gpc_is_not_tracked(browser: Browser, mail: dict[str, Any]) -> None:
    context = browser.new_context(extra_http_headers={"Sec-GPC": "1"})
    context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    page = context.new_page()
    open_link(page, mail, "cy")
    assert page.url == "http://shop.test/p/1?a=b#size"
    page.goto(f"http://shop.test/p/1?spx={'x' * 100}")
    assert page.url == "http://shop.test/p/1"
    assert page.evaluate("[salepixel.click(), localStorage.length, sessionStorage.length]") == ["", 0, 0]
    assert context.cookies() == []
    context.close()


def test_the_pages_work_without_scripts(
    browser: Browser, stack: Stack, mail: dict[str, Any], tmp_path: Path
) -> None:
    context = browser.new_context(java_script_enabled=False, locale="es-ES")
    page = context.new_page()
    page.goto(f"{stack.plugin_url}/campaigns/{mail['id']}")
    page.locator("input[type=password]").fill(stack.api_key)
    page.get_by_role("button").first.click()
    assert page.locator("html").get_attribute("lang") == "es"
    assert page.get_by_role("link", name="Ventas", exact=True).is_visible()
    context.close()
