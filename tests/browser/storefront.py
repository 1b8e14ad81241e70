"""A shop at shop.test with the storefront tag. What is bought becomes an order of the stand-in Saleor."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from playwright.sync_api import Browser, BrowserContext, Page

from kit.play import TRACKING_HOST
from kit.saleor import StandInSaleor
from kit.saleor_orders import Line
from kit.stack import Stack

AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
"""Of a browser that somebody uses: a headless one says that it is one, and its clicks are those of a bot."""

GOODS = {"/p/1": ("Red shoes", Decimal("39.80")), "/p/2": ("Wool socks", Decimal("12.50"))}
CHECKOUT = """<!doctype html><title>{title}</title>{tag}<h1>{title}</h1>
<form action="/buy"><input type="hidden" name="path" value="{path}"><input type="hidden" name="click">
<input name="email"><button onclick="this.form.click.value = salepixel.click()">Buy</button></form>"""


@dataclass
class Storefront:
    """The shop of one account on a stack."""

    stack: Stack
    saleor: StandInSaleor
    emp_id: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1001))

    @property
    def tag(self) -> str:
        """The storefront tag."""
        return f'<script src="http://{TRACKING_HOST}/sp.js" data-emp-id="{self.emp_id}"></script>'

    def invite(self, email: str, role: str) -> str:
        """Invite somebody to the account, as an owner does on the page People; returns the link."""
        page = requests.post(
            f"{self.stack.plugin_url}/accounts/{self.emp_id}/members",
            data={"step": "invite", "email": email, "role": role},
            headers={"Authorization": f"Bearer {self.stack.api_key}"},
            timeout=30,
        )
        return str(re.findall(r"http://[^<\s]+/join/[^<\s]+", page.text)[0])

    def answer(self, target: str) -> str:
        """The page at an address; /buy places and pays an order."""
        path = urlsplit(target).path
        asked = {name: texts[-1] for name, texts in parse_qs(urlsplit(target).query).items()}
        title, amount = GOODS.get(asked.get("path", path), ("Home", Decimal(0)))
        if path != "/buy":
            return CHECKOUT.format(title=escape(title), tag=self.tag, path=escape(path))
        number, lines = str(next(self.numbers)), [Line(title, 1, amount, title[:3].upper())]
        token = asked.get("click")
        order = self.saleor.order(number, lines, email=asked.get("email", ""), token=token)
        taken = self.saleor.deliver(self.stack.plugin_url, "order_fully_paid", order)
        return f"<!doctype html><title>Thanks</title><h1>Order {number}</h1><p>{taken.status_code}</p>"

    def pages(self) -> type[BaseHTTPRequestHandler]:
        """The handler of the site."""
        shop = self

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = shop.answer(self.path).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
                pass

        return Pages


@contextmanager
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """The browser of a recipient, with no cookies yet."""
    context = browser.new_context(locale="en-GB", user_agent=AGENT)
    yield context
    context.close()


def buy(page: Page, email: str) -> str:
    """Buy what this page of the shop has; returns the number of the order."""
    page.fill("[name=email]", email)
    page.click("button")
    assert page.locator("p").inner_text() == "200", "salepixel took the order"
    return page.locator("h1").inner_text().removeprefix("Order ")


def click_and_buy(browser: Browser, link: str, email: str) -> str:
    """A recipient follows a link of the mail and buys; returns the number of the order."""
    with visitor(browser) as context:
        page = context.new_page()
        page.goto(link)
        return buy(page, email)
