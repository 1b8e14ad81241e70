"""The storefront tag in a real browser, on a small shop."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from tests.edge.running import RunningEdge
from tests.make import NOON, click_at

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
SALE = {
    "order": "1042",
    "currency": "EUR",
    "lines": [
        {"product": "Red shoes", "quantity": 2, "amount": "39.80"},
        {"product": "Laces & wax", "amount": "5"},
    ],
}


class Shop(ThreadingHTTPServer):
    """Two pages with our tag: any page, and a thank-you page."""

    daemon_threads = True

    def __init__(self, tag: str) -> None:
        super().__init__(("127.0.0.1", 0), ShopPage)
        self.tag = tag
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class ShopPage(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:  # the name that http.server asks for
        sale = f'<script type="application/json" id="salepixel-sale">{json.dumps(SALE)}</script>'
        body = f"<title>Shop</title><p>Hello{self.server.tag}{sale if '/thanks' in self.path else ''}"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def edge(redis_address: str, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    running = RunningEdge(tmp_path_factory.mktemp("edge"), redis_address, keys)
    running.start()
    yield running
    assert running.terminate() == 0


@pytest.fixture(scope="module")
def shop(edge: RunningEdge) -> Iterator[str]:
    server = Shop(f'<script src="http://127.0.0.1:{edge.port}/sp.js" data-emp-id="7" async></script>')
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.url
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context()
    yield opened
    opened.close()


class Visitor:
    """A person in a browser; `pixels` has the queries of all requested pixels."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pixels: list[dict[str, list[str]]] = []
        page.on("request", self._see)

    def open(self, url: str) -> None:
        self.page.goto(url, wait_until="networkidle")

    def click(self) -> object:
        return self.page.evaluate("salepixel.click()")

    def _see(self, request: object) -> None:
        url = urlsplit(str(getattr(request, "url", "")))
        if url.path == "/track/sale":
            self.pixels.append(parse_qs(url.query))


@pytest.fixture
def visitor(context: BrowserContext) -> Visitor:
    return Visitor(context.new_page())


@pytest.fixture
def token(sealer: ClickSealer) -> str:
    return sealer.seal(click_at(NOON, emp_id=7))


@pytest.mark.parametrize(
    ("landing", "cleaned"),
    [
        ("/?spx={token}", "/"),
        ("/p?a=b%20c&spx={token}", "/p?a=b%20c"),
        ("/p?spx={token}&a=b", "/p?a=b"),
        ("/p?flag&spx={token}&a=b#reviews", "/p?flag&a=b#reviews"),
        ("/p?spx=short", "/p?spx=short"),
        ("/p?spx=OLD&a=b&spx={token}&spx", "/p?a=b"),
        ("/p?%73px=&a=%zz&s%70x={token}#c", "/p?a=%zz#c"),
        ("/p?spx2=x&spx={token}&&c=?", "/p?spx2=x&&c=?"),
    ],
)
def test_only_the_click_token_is_removed_from_the_address(
    visitor: Visitor, shop: str, token: str, landing: str, cleaned: str
) -> None:
    visitor.open(shop + landing.format(token=token))
    assert visitor.page.url == shop + cleaned
    assert visitor.click() == (token if "{token}" in landing else "")


def test_the_click_is_available_to_the_checkout_on_later_pages(
    visitor: Visitor, shop: str, token: str
) -> None:
    visitor.open(f"{shop}/?spx={token}")
    visitor.open(f"{shop}/checkout")
    assert visitor.page.evaluate("salepixel.metadata()") == [{"key": "salepixel_click", "value": token}]


def test_a_later_click_replaces_an_earlier_one(visitor: Visitor, shop: str, sealer: ClickSealer) -> None:
    for serial in range(2):
        token = sealer.seal(click_at(NOON, emp_id=7, serial=serial))
        visitor.open(f"{shop}/?spx={token}")
        assert visitor.click() == token


def test_the_thank_you_page_requests_a_pixel_for_each_line_once(
    visitor: Visitor, shop: str, token: str
) -> None:
    visitor.open(f"{shop}/?spx={token}")
    for _ in range(3):
        visitor.open(f"{shop}/thanks")
    same = {"empId": ["7"], "spx": [token], "order": ["1042"], "currency": ["EUR"]}
    assert visitor.pixels == [
        {**same, "PRODUCTO": ["Red shoes"], "CANTIDAD": ["2"], "IMPORTE": ["39.80"]},
        {**same, "PRODUCTO": ["Laces & wax"], "IMPORTE": ["5"]},
    ]


def test_the_edge_counts_what_the_tag_sends(
    visitor: Visitor, shop: str, token: str, edge: RunningEdge
) -> None:
    before = edge.health()["counts"].get("hits", 0)
    visitor.open(f"{shop}/?spx={token}")
    visitor.open(f"{shop}/thanks")
    assert edge.health()["counts"]["hits"] == before + 2


def test_a_visitor_without_a_click_is_not_reported(visitor: Visitor, shop: str) -> None:
    visitor.open(f"{shop}/thanks")
    assert visitor.pixels == []
    assert visitor.page.evaluate("salepixel.metadata()") == []
    assert visitor.page.evaluate("localStorage.length") == 0


def test_a_click_is_forgotten_after_90_days(visitor: Visitor, shop: str, token: str) -> None:
    visitor.open(f"{shop}/?spx={token}")
    visitor.page.evaluate(
        "const kept = JSON.parse(localStorage.salepixel); kept.at -= 91 * 86400e3;"
        "localStorage.salepixel = JSON.stringify(kept)"
    )
    visitor.open(f"{shop}/thanks")
    assert (visitor.click(), visitor.pixels) == ("", [])


def test_nothing_is_stored_for_a_visitor_who_asks_for_privacy(
    visitor: Visitor, shop: str, token: str
) -> None:
    visitor.page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    visitor.open(f"{shop}/?spx={token}")
    assert visitor.page.url == f"{shop}/"
    assert visitor.page.evaluate("localStorage.length + sessionStorage.length") == 0
    visitor.open(f"{shop}/thanks")
    assert (visitor.click(), visitor.pixels) == ("", [])


def test_a_browser_that_refuses_local_storage_keeps_the_click_for_the_session(
    visitor: Visitor, shop: str, token: str
) -> None:
    visitor.page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw 'refused' }})")
    visitor.open(f"{shop}/?spx={token}")
    visitor.open(f"{shop}/checkout")
    assert visitor.click() == token


@pytest.mark.parametrize("rubbish", ["null", "{", '{"v": 1}', "[]", '"x"'])
def test_foreign_values_in_the_storage_break_nothing(
    visitor: Visitor, shop: str, token: str, rubbish: str
) -> None:
    visitor.open(shop)
    visitor.page.evaluate("text => { localStorage.salepixel = text }", rubbish)
    visitor.open(f"{shop}/thanks")
    assert (visitor.click(), visitor.pixels) == ("", [])
    visitor.open(f"{shop}/?spx={token}")
    assert visitor.click() == token


def test_the_tag_is_under_2_kb(tmp_path: Path) -> None:
    assert len(files("salepixel_edge").joinpath("sp.js").read_bytes()) < 2000
