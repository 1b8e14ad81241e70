"""The week of a viewer who may not see contacts: figures everywhere, contacts nowhere, by keyboard too."""

import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urljoin, urlsplit

import openpyxl  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from kit.play import EMP_ID, Player, Scene
from kit.saleor import Line, StandInSaleor
from kit.stack import Stack
from kit.story import Contact, Purchase, Story
from tests.browser.keyboard import Keyboard
from tests.browser.storefront import Storefront
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.browser

SECRETS = re.compile("quixote|dulcinea", re.IGNORECASE)
"""What is known of contacts here: their references and addresses."""

PEOPLE = [Contact(f"quixote-{n}", f"dulcinea{n}@toboso.test") for n in range(8)]
PASSWORD = "eight grey herons"
MOST_PAGES = 600


def _buy(number: int, how: str, truth: str, link: int = 0, *, paid: bool = True) -> Purchase:
    lines = [Line("Red shoes", 2, Decimal("39.80"), "R-1")]
    return Purchase(str(1000 + number), PEOPLE[number], lines, how, truth, link, paid)


STORY = Story(
    PEOPLE,
    PEOPLE[7:],
    [
        _buy(1, "token", "token"),
        _buy(2, "token", "token"),
        _buy(3, "email", "email"),
        _buy(4, "token", "not_a_sales_link", 4),
        _buy(5, "token", "unpaid", paid=False),
        _buy(6, "none", "no_click"),
    ],
)


@pytest.fixture(scope="module")
def shop_pages(stack: Stack, saleor: StandInSaleor) -> type[BaseHTTPRequestHandler]:
    return Storefront(stack, saleor, EMP_ID).pages()


@pytest.fixture(scope="module")
def scene(stack: Stack, saleor: StandInSaleor) -> Scene:
    """An account with a campaign, clicks, and orders of each kind."""
    with closing(Player(stack, saleor)) as player:
        scene = player.set_up(STORY)
        player.scan(scene, PEOPLE[7])
        for purchase in STORY.purchases:
            player.buy(scene, purchase)
        decided = (player.decision(scene, purchase) for purchase in STORY.purchases)
        assert until(lambda: all(one["outcome"] != "pending" for one in decided if one["reason"] != "unpaid"))
    return scene


@pytest.fixture(scope="module")
def viewer(browser: Browser, stack: Stack, saleor: StandInSaleor, scene: Scene) -> Iterator[BrowserContext]:
    """The browser of somebody who has joined as a viewer without contacts."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    link = Storefront(stack, saleor, EMP_ID).invite("vera@shop.test", "hidden")
    me = Keyboard(context.new_page())
    me.page.goto(link)
    me.write("#name", "Vera")
    me.write("#password", PASSWORD)
    me.press("main button")
    yield context
    context.close()


@dataclass
class Walk:
    """What a walk along all links found: pages with their status, and where contacts are named."""

    found: dict[str, int] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)

    def read(self, context: BrowserContext, start: str) -> None:
        """Follow the links from an address: each path once with each set of parameters."""
        todo, known = [start], set[object]()
        while todo and len(self.found) < MOST_PAGES:
            url = todo.pop(0)
            parts = urlsplit(url)
            key = parts.path, tuple(sorted(name for name, _ in parse_qsl(parts.query)))
            if key in known or parts.netloc != urlsplit(start).netloc or "/static/" in parts.path:
                continue
            known.add(key)
            answer = context.request.get(url, max_redirects=0)
            if moved := answer.headers.get("location"):
                todo.append(urljoin(url, moved))
                continue
            self.found[url] = answer.status
            text = _text_of(answer.body(), answer.headers.get("content-type", ""))
            self.leaks += [f"{url}: {hit}" for hit in SECRETS.findall(text + url)]
            if "text/html" in answer.headers["content-type"]:
                hrefs = re.findall(r'<(?:a|iframe)\b[^>]*?(?:href|src)="([^"#]+)', text)
                todo += [urljoin(answer.url, href.replace("&amp;", "&")) for href in hrefs]


def _text_of(body: bytes, kind: str) -> str:
    if "spreadsheetml" not in kind:
        return body.decode(errors="replace")
    sheets = openpyxl.load_workbook(io.BytesIO(body)).worksheets
    return "\n".join(str(cell) for sheet in sheets for row in sheet.values for cell in row)


def test_a_viewer_finds_a_contact_on_no_page_and_no_link_is_refused(
    stack: Stack, viewer: BrowserContext
) -> None:
    walk = Walk()
    walk.read(viewer, f"{stack.plugin_url}/start")
    assert walk.leaks == []
    ends = {urlsplit(url).path.rpartition("/")[2] for url in walk.found}
    assert {"orders", "live", "links", "sales", "items", "sales.xlsx", "links.csv"} <= ends
    assert {url: status for url, status in walk.found.items() if status != 200} == {}


def test_a_viewer_reads_by_keyboard(stack: Stack, viewer: BrowserContext, scene: Scene) -> None:
    me = Keyboard(viewer.new_page())
    me.page.goto(f"{stack.plugin_url}/start")
    skip_to_the_content(me)
    for section in ("Overview", "Campaigns", "Orders", "Items", "Live", "Settings"):
        me.press(f"nav.menu a >> text={section}")
        assert me.page.locator("nav.menu [aria-current]").inner_text() == section
    choose_days(me)
    sort_and_hide(me, f"{stack.plugin_url}/campaigns/{scene.campaign}")
    me.page.close()


def skip_to_the_content(me: Keyboard) -> None:
    me.page.keyboard.press("Tab")
    me.reach(".skip")
    me.page.keyboard.press("Enter")
    me.page.keyboard.press("Tab")
    assert me.page.evaluate("document.querySelector('main').contains(document.activeElement)")


def choose_days(me: Keyboard) -> None:
    """Type two days into the form of the period; the figures are those of these days."""
    me.press("nav.menu a >> text=Overview")
    assert me.page.locator(".figure.orders .big").inner_text() == "3"
    me.open("details.period summary")
    for name in ("from", "to"):
        me.reach(f"[name={name}]")
        me.page.keyboard.type("02022026")
    me.press("details.period button")
    assert "from=2026-02-02&to=2026-02-02" in me.page.url
    expect(me.page.get_by_text("No clicks and no orders in this period")).to_be_visible()


def sort_and_hide(me: Keyboard, campaign: str) -> None:
    """Through the tabs of a campaign: sort a table in both directions, hide a column, and show it again."""
    me.page.goto(campaign)
    for tab in ("Links", "Sales", "Items", "Recipients", "Manage", "Sales"):
        me.press(f"nav.tabs a >> text=/^{tab}$/")
    assert "Hidden" in me.page.locator("tbody th").first.inner_text()
    for order in ("descending", "ascending"):
        me.press("thead a >> text=Amount")
        assert me.page.locator("th[aria-sort]").get_attribute("aria-sort") == order
    columns = me.page.locator("thead th").count()
    me.open("details.columns summary")
    me.press("details.columns a >> text=Hide: Quantity")
    assert me.page.locator("thead th").count() == columns - 1
    me.open("details.columns summary")
    me.press("details.columns a >> text=Show: Quantity")


PATHS = ("", "/campaigns", "/orders", "/items", "/trial", "/alerts", "/coverage")


@pytest.mark.parametrize("path", PATHS)
def test_the_keyboard_reaches_everything_and_is_held_nowhere(
    stack: Stack, viewer: BrowserContext, path: str
) -> None:
    me = Keyboard(viewer.new_page())
    me.page.goto(f"{stack.plugin_url}/accounts/{EMP_ID}{path}")
    me.walk()
    me.page.close()


def test_on_a_phone_the_menu_opens_by_keyboard_and_closes_with_escape(
    stack: Stack, viewer: BrowserContext
) -> None:
    me = Keyboard(viewer.new_page())
    me.page.set_viewport_size({"width": 390, "height": 800})
    me.page.goto(f"{stack.plugin_url}/accounts/{EMP_ID}")
    menu = me.page.locator("nav.menu")
    me.reach(".menu-button")
    me.page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    me.page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    assert me.page.evaluate("document.activeElement.className").endswith("menu-button")
    me.page.keyboard.press("Enter")
    me.press("nav.menu a >> text=Orders")
    expect(me.page.get_by_role("heading", name="Orders", exact=True)).to_be_visible()
    me.page.close()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/accounts/7/members", "Only owners of the account may do this."),
        ("/accounts/7/audit", "Only owners of the account may do this."),
        (
            "/campaigns/{campaign}/contacts",
            "Your role does not show contacts. Ask an owner of the account for another role.",
        ),
        ("/accounts/1", "This page does not exist, or it belongs to another account."),
    ],
)
def test_a_page_that_is_refused_says_why_and_leads_back(
    stack: Stack, viewer: BrowserContext, scene: Scene, path: str, says: str
) -> None:
    me = Keyboard(viewer.new_page())
    me.page.goto(stack.plugin_url + path.format(campaign=scene.campaign))
    assert me.page.get_by_role("heading", level=1).inner_text() == says
    me.press("main a >> text=Go to campaigns")
    expect(me.page.get_by_role("heading", name="Campaigns", exact=True)).to_be_visible()
    me.page.close()
