"""A marketer makes a campaign in Chromium, by keyboard alone: from the pasted HTML to the sale in the report.

`make pictures` writes the pictures of docs/how-to/your-first-campaign.md in both languages.
"""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser

from kit.stack import Stack
from tests.browser import pictures
from tests.browser.keyboard import Marketer
from tests.waiting import until

pytestmark = pytest.mark.browser

HTML = """<!doctype html><html><body style="margin:0">
<table width="600"><tr><td><a href="https://shop.test/"><img src="logo.png" alt="Shoes"></a></td></tr>
<tr><td><h1>Hello {{ name }}, autumn is here</h1>
<a href="http://shop.test/p/1"><img src="red.jpg" alt="Red shoes"></a>
<!--[if mso]><v:roundrect href="http://shop.test/p/1"><center>Buy now</center></v:roundrect><![endif]-->
<a href="http://shop.test/p/1" style="background:#14653a">Buy now</a>
<a href="https://shop.test/sale?page=2&amp;sort=new">All offers</a></td></tr>
<tr><td><a href="https://www.instagram.com/shoes">Instagram</a>
<a href="mailto:help@shop.test">Write to us</a> <a href="{{ unsubscribe }}">Unsubscribe</a></td></tr></table>
</body></html>
"""


class ShopPages(BaseHTTPRequestHandler):
    """A shop with the storefront tag: any page, and a thank-you page for each order number."""

    tag = ""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        sale = ""
        if parts.path == "/thanks":
            lines = [{"product": "Red shoes", "quantity": 1, "amount": "39.80"}]
            order = {"order": parse_qs(parts.query)["order"][0], "currency": "EUR", "lines": lines}
            sale = f'<script type="application/json" id="salepixel-sale">{json.dumps(order)}</script>'
        body = f"<!doctype html><title>Shop</title>{sale}{self.tag}<h1>Red shoes</h1>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass


@pytest.fixture(scope="module")
def shop_pages(stack: Stack) -> type[BaseHTTPRequestHandler]:
    ShopPages.tag = f'<script src="{stack.edge_url}/sp.js" data-emp-id="1"></script>'
    return ShopPages


def keep_picture(me: Marketer, name: str) -> None:
    """Keep a picture for the guide in the language of the pages, if pictures are wanted."""
    if pictures.WANTED and me.width == 1280:
        folder = pictures.GUIDES if me.language == "en" else pictures.GUIDES / me.language
        pictures.take(me.page, folder / name, tallest=1600)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("language", "locale"), [("en", "en-GB"), ("es", "es-ES")])
def test_from_pasted_html_to_the_sale_in_the_report(
    browser: Browser, stack: Stack, language: str, locale: str, width: int
) -> None:
    name = {"en": "Autumn sale", "es": "Rebajas de oto\u00f1o"}[language]
    context = browser.new_context(locale=locale, viewport={"width": width, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    me = Marketer(page, language, width)

    page.goto(f"{stack.plugin_url}/accounts/1/mails")
    me.check()
    me.write("#key", stack.api_key)
    me.press("main button")

    me.write("#name", name)
    me.choose("#mailer", "plain")
    me.write("#text", HTML)
    me.check()
    keep_picture(me, "new-campaign")
    me.press("main form button:not([hidden])")

    rows = page.locator("tbody tr")
    assert rows.count() == 8
    uses = [select.input_value() for select in page.locator("select[name^=use-]").all()]
    assert uses == ["sales", "sales", "sales", "sales", "sales", "tracked"]
    me.reach("tr:has-text('Instagram') input[type=checkbox]")
    page.keyboard.press("Space")
    me.choose("select[name=common]", "left")
    keep_picture(me, "links")
    me.press("fieldset button")
    assert page.locator("select[name^=use-]").last.input_value() == "left"
    first = page.locator("tr:has-text('Red shoes') input[name^=label-]").get_attribute("name")
    me.write(f"[name={first}]", "Hero")
    me.press("button[value=finish]")

    tracked = page.locator("#tracked").input_value()
    assert tracked.count("/c/") == 5
    me.reach("button[data-copies=tracked]")
    page.keyboard.press("Enter")
    assert until(lambda: page.locator("#copied").inner_text() != "")
    assert page.evaluate("navigator.clipboard.readText()") == tracked
    links = page.locator("code.url").all_inner_texts()
    me.reach("button[data-copies^=link-]")
    page.keyboard.press("Enter")
    assert until(lambda: page.evaluate("navigator.clipboard.readText()") == links[0])
    keep_picture(me, "tracked-mail")

    contact = f"ana-{language}-{width}"
    buy(browser, links[1].replace("{contact}", contact), order=contact)

    me.press("p.path a[href*='/campaigns/']")
    me.press("nav.tabs a[href$='/sales']")
    row = page.get_by_role("row").filter(has_text=contact)
    assert until(lambda: page.reload() and row.count() == 1)
    assert "Red shoes" in row.inner_text()
    assert ("39.80" if language == "en" else "39,80") in row.inner_text()
    me.check()
    keep_picture(me, "sales")
    me.press("nav.tabs a[href$='/links']")
    assert "Hero" in page.locator("main").inner_text()
    me.press("nav.tabs a[href$='/manage']")
    me.press("button[value=archive]")
    me.press("button[value=restore]")
    keep_picture(me, "manage")
    context.close()


def buy(browser: Browser, link: str, order: str) -> None:
    """The recipient follows the link of the e-mail and buys."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(link)
    assert page.url.startswith("http://shop.test/p/1")
    with page.expect_response(lambda answer: "/track/sale" in answer.url) as pixel:
        page.goto(f"http://shop.test/thanks?order={order}")
    assert pixel.value.headers["x-salepixel"] == "counted"
    context.close()
