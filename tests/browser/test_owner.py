"""The first week of an owner, in Chromium: from the one-time link to the month's figures.

By keyboard alone, with visible focus.
"""

import base64
import hmac
import io
import re
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from kit.play import EMP_ID, TRACKING_HOST
from kit.saleor import StandInSaleor
from kit.stack import Stack
from tests.browser.keyboard import Keyboard
from tests.browser.storefront import AGENT, Storefront, buy, click_and_buy
from tests.smtp.post_office import PostOffice
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.browser

EMAIL, PASSWORD = "olga@shop.test", "seven quiet lamps"
HERE = f"/accounts/{EMP_ID}"


@pytest.fixture(scope="module")
def shop_pages(stack: Stack, saleor: StandInSaleor) -> type[BaseHTTPRequestHandler]:
    return Storefront(stack, saleor, EMP_ID).pages()


def code_of(typed: str, steps: int = 0) -> str:
    """The code of an authenticator app (RFC 6238), now or `steps` times 30 s later. Each is valid once."""
    secret = typed.replace(" ", "")
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, (int(time.time()) // 30 + steps).to_bytes(8, "big"), "sha1")
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def open_page(browser: Browser, width: int = 1280, **options: Any) -> Page:
    page = browser.new_context(
        locale="en-GB", viewport={"width": width, "height": 900}, user_agent=AGENT, **options
    ).new_page()
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    return page


def test_the_first_week_of_an_owner(
    browser: Browser, stack: Stack, saleor: StandInSaleor, office: PostOffice
) -> None:
    me = Keyboard(open_page(browser))
    typed = join(me, stack)
    create_account(me)
    connect_shop(me, saleor)
    invite(me, "vera@shop.test", "hidden")
    assert "/join/" in me.page.get_by_role("status").locator("code").inner_text()
    set_up_mail(me, office)
    invite(me, "mara@shop.test", "editor")
    assert until(lambda: "mara@shop.test" in [mail["To"] for mail in office.mails])
    expect(me.page.get_by_role("status")).to_contain_text("mara@shop.test")
    assert "/join/" not in me.page.content(), "only the mail has the link"
    links = make_campaign(stack)
    number = watch_live(me, browser, links["Hero"])
    try_the_way(me)
    look_at_the_month(me, number)
    ask_why(me, click_and_buy(browser, links["About us"], "bea@shop.test"))
    export(me)
    end_the_other_session(me, browser, typed)
    me.page.context.close()


def join(me: Keyboard, stack: Stack) -> str:
    """Open the link that the start printed; returns the secret of the second factor, as typed."""
    (link,) = re.findall(r"http://\S+/join/\S+", (stack.data / "up.log").read_text())
    me.page.goto(link)
    me.write("#email", EMAIL)
    me.write("#name", "Olga")
    me.write("#password", "olga@shop.test")
    me.press("main button")
    expect(me.page.get_by_role("alert")).to_contain_text("easy to guess")
    assert me.page.locator("#email").input_value() == EMAIL, "what was typed stays"
    me.write("#password", PASSWORD)
    me.press("main button")
    me.press("nav.tools a[href='/you']")
    me.press("main a.button")
    typed = me.page.locator("main code").inner_text()
    me.write("#code", code_of(typed))
    me.write("#password", PASSWORD)
    me.press("main form button")
    assert len(me.page.locator("pre").inner_text().split()) == 10
    me.press("main a.button")
    return typed


def create_account(me: Keyboard) -> None:
    me.press("a.brand")
    me.press("a[href='/accounts/new']")
    me.write("#emp_id", str(EMP_ID))
    me.write("#name", "Shoes")
    me.write("#site", "http://shop.test/")
    me.write("#tracking_host", TRACKING_HOST)
    me.write("#time_zone", "Europe/Madrid")
    me.press("main form button")
    expect(me.page.get_by_role("heading", name="First steps")).to_be_visible()


def connect_shop(me: Keyboard, saleor: StandInSaleor) -> None:
    me.press("nav.menu a >> text=Settings")
    me.press("nav.places a >> text=Shops")
    me.write("#api_url", saleor.api_url)
    me.press("main form button")
    expect(me.page.get_by_text("Not installed")).to_be_visible()
    assert saleor.install(me.page.locator("pre").inner_text()).ok
    me.page.reload()
    expect(me.page.get_by_text("Connected", exact=True)).to_be_visible()


def set_up_mail(me: Keyboard, office: PostOffice) -> None:
    """Enter the server of e-mails, try it, and add an address for alerts."""
    me.press("nav.menu a >> text=Settings")
    me.press("nav.places a >> text=E-mail")
    me.write("#host", "127.0.0.1")
    me.choose("#encryption", "none")
    me.write("#port", str(office.port))
    me.write("#sender", "news@shop.test")
    me.press("main form:has(#host) button")
    me.write("#recipient", EMAIL)
    me.press("main form:has(#recipient) button")
    expect(me.page.get_by_role("status")).to_contain_text(EMAIL)
    assert [mail["To"] for mail in office.mails] == [EMAIL]
    me.press("nav.places a >> text=Alerts")
    me.write("#name", "Olga")
    me.write("#address", EMAIL)
    me.press("main form:has(#address) button")
    assert until(lambda: len(office.mails) == 2), "the test of the alert"


def invite(me: Keyboard, email: str, role: str) -> None:
    """Invite somebody on the page People."""
    me.press("nav.menu a >> text=Settings")
    me.press("nav.places a >> text=People")
    me.write("#email", email)
    me.choose("#role", role)
    me.press("main form:has(#email) button")


def make_campaign(stack: Stack) -> dict[str, str]:
    """A campaign of two links, one of them a sales link; returns the tracked links by label."""
    links = [
        {"url": "http://shop.test/p/1", "label": "Hero", "sale_pixel": True},
        {"url": "http://shop.test/p/2", "label": "About us", "sale_pixel": False},
    ]
    answer = requests.post(
        f"{stack.plugin_url}/api/v1/campaigns",
        json={"empId": EMP_ID, "name": "Autumn sale", "mailer": "plain", "links": links},
        headers={"Authorization": f"Bearer {stack.api_key}"},
        timeout=30,
    )
    assert answer.ok, answer.text
    tracked = {one["label"]: one["tracked_url"] for one in answer.json()["links"]}
    return {label: url.replace("{contact}", f"of-{label[:4].lower()}") for label, url in tracked.items()}


def watch_live(me: Keyboard, browser: Browser, link: str) -> str:
    """Look at Live while somebody clicks and buys; returns the number of the order."""
    me.press("nav.menu a >> text=Live")
    expect(me.page.get_by_text("Nothing has happened yet")).to_be_visible()
    plain = open_page(browser, java_script_enabled=False, storage_state=me.page.context.storage_state())
    plain.goto(me.page.url)
    expect(plain.locator("#pause")).to_be_hidden()
    me.reach("#pause")
    number = click_and_buy(browser, link, "ana@shop.test")
    rows = me.page.locator("tr.order")
    expect(rows).to_contain_text(number)
    expect(rows).to_contain_text("Attributed")
    expect(me.page.locator("tr.click")).to_contain_text("Autumn sale")
    assert me.page.evaluate("document.activeElement.id") == "pause", "new rows leave the focus where it was"
    expect(plain.locator("tr.order")).to_contain_text(number)  # the page reloads by itself
    plain.context.close()
    me.page.keyboard.press("Space")
    assert me.page.locator("#pause").inner_text() == "Continue"
    return number


def try_the_way(me: Keyboard) -> None:
    """Click the link of a trial and buy, and see each step arrive."""
    me.press("nav.places a >> text=Test")
    me.write("#url", "http://shop.test/p/1")
    me.press("main form button")
    steps = me.page.locator("ol.checks > li")
    me.reach("text=Open the test link")
    with me.page.context.expect_page() as opened:
        me.page.keyboard.press("Enter")
    expect(steps.nth(1)).to_have_class("done")
    number = buy(opened.value, EMAIL)
    opened.value.close()
    for step in (2, 4, 5):
        expect(steps.nth(step)).to_have_class("done")
    expect(steps.nth(4)).to_contain_text(f"Order {number} carries your click.")


def look_at_the_month(me: Keyboard, number: str) -> None:
    """From the month's orders to the list, the order, and back."""
    me.press("nav.menu a >> text=Overview")
    me.open("details.period summary")
    me.press("nav.choices a >> text=This month")
    assert "period=month" in me.page.url
    assert "79.60" in me.page.locator(".figure.net_revenue").inner_text()
    me.press(".figure.orders a")
    me.press(f"tbody a >> text={number}")
    expect(me.page.locator(".verdict")).to_contain_text("Attributed")
    me.press("p.path a >> text=Back to")
    expect(me.page.get_by_role("heading", name="Orders", exact=True)).to_be_visible()


def ask_why(me: Keyboard, number: str) -> None:
    """Find an order that was not attributed by its filter, and follow the remedy with its preview."""
    me.press("nav.menu a >> text=Orders")
    assert until(lambda: me.page.reload() and me.page.get_by_text("Not a sales link").count())
    me.open("details.filters summary")
    me.choose("[name=reason]", "not_a_sales_link")
    me.press("details.filters button")
    me.press(f"tbody a >> text={number}")
    expect(me.page.locator(".verdict")).to_contain_text("Not attributed")
    order = me.page.url
    me.press(".remedies a")
    expect(me.page.get_by_text("Orders that would change: 1 of")).to_be_visible()
    me.press("main form button >> text=Turn on")
    me.page.goto(order)
    assert until(lambda: me.page.reload() and me.page.locator(".verdict.attributed").count())


def export(me: Keyboard) -> None:
    """Download the sales of the campaign for Excel, and open the file: it adds up to the page."""
    me.press("nav.menu a >> text=Campaigns")
    me.press("tbody a >> text=Autumn sale")
    me.press("nav.tabs a >> text=Sales")
    shown = me.page.locator("ul.sums strong").inner_text()
    me.reach("text=Download for Excel")
    with me.page.expect_download() as download:
        me.page.keyboard.press("Enter")
    sheet = openpyxl.load_workbook(io.BytesIO(download.value.path().read_bytes())).worksheets[0]
    heads = [cell.value for cell in sheet[1]]
    amounts = [row[heads.index("Amount")] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert sorted(amounts) == [12.5, 39.8]
    assert shown == f"€{sum(amounts):.2f}"


def end_the_other_session(me: Keyboard, browser: Browser, typed: str) -> None:
    """Sign in with password and code in another browser, and end that session from here."""
    other = Keyboard(open_page(browser))
    other.page.goto(me.page.url)
    other.write("#email", EMAIL)
    other.write("#password", PASSWORD)
    other.press("main button")
    other.write("#code", code_of(typed, 1))
    other.press("main button")
    assert other.page.url == me.page.url, "after signing in, one is where one wanted to go"
    me.press("nav.tools a[href='/you']")
    me.press("button >> text=/^End$/")
    assert me.page.locator("tbody tr").count() == 1
    other.page.reload()
    expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()
    other.page.context.close()
