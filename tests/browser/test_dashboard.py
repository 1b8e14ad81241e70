"""The report inside a Dashboard, in Chromium: the messages, the pages, and the sites that may not show it.

`make pictures` writes the pictures of docs/how-to/report-in-saleor.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Frame, Page, Request, expect

from kit.saleor import StandInSaleor
from kit.saleor_orders import Line, global_id
from kit.stack import Stack
from tests.browser import pictures
from tests.browser.dashboards import Dashboard, fetch_sdk, serve_dashboard
from tests.browser.engines import open_chromium
from tests.waiting import until

pytestmark = pytest.mark.browser

OWNER = ("MANAGE_ORDERS", "MANAGE_USERS", "MANAGE_APPS")


@dataclass
class House:
    """A shop with the app, a campaign, an order that its e-mail earned, and a browser."""

    stack: Stack
    shop: StandInSaleor
    browser: Browser
    shop_id: str = ""
    campaign: str = ""
    order: str = ""
    customer: str = ""

    def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method,
            f"{self.stack.plugin_url}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.stack.api_key}"},
            timeout=30,
        )
        assert answer.ok, answer.text
        return answer.json()

    def shown_by(self, *dashboards: str) -> str:
        """The address of the app's page, which these Dashboards may show."""
        self.api("PATCH", f"/shops/{self.shop_id}", {"dashboards": list(dashboards)})
        return f"{self.stack.plugin_url}/saleor/app/{self.shop_id}"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("stack") / "data"
    running = Stack(data, api_key="sp_test_of_a_dashboard")
    with running as stack, StandInSaleor() as shop, open_chromium() as chromium:
        house = House(stack, shop, chromium)
        _furnish(house)
        yield house


def _furnish(house: House) -> None:
    added = house.api("POST", "/shops", {"empId": 1, "platform": "saleor", "api_url": house.shop.api_url})
    house.shop_id = added["id"]
    assert house.shop.install(added["manifest_url"]).ok
    links = [{"url": "https://shop.test/p/1", "label": "Hero", "sale_pixel": True}]
    made = house.api("POST", "/campaigns", {"empId": 1, "name": "Autumn sale", "links": links})
    house.campaign = made["id"]
    house.api("POST", "/contacts", {"empId": 1, "contacts": [{"ref": "ana", "email": "ana@shop.test"}]})
    tracked = made["links"][0]["tracked_url"].replace("{contact}", "ana")
    clicked = requests.get(tracked, allow_redirects=False, timeout=30, headers={"User-Agent": AGENT})
    token = clicked.headers["Location"].partition("spx=")[2]
    house.customer = global_id("User", "7")
    shoes = [Line("Red shoes", 2, Decimal("39.80"), "R-1")]
    order = house.shop.order("1042", shoes, email="ana@shop.test", token=token, customer="7")
    house.order = order["id"]
    answer = house.shop.deliver(house.stack.plugin_url, "order_fully_paid", order, issued=datetime.now(UTC))
    assert answer.status_code == 200, answer.text
    assert until(lambda: len(house.api("GET", f"/campaigns/{house.campaign}/sales")["rows"]) == 1)


AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(scope="module", params=["as read", "from npm"])
def dashboard(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dashboard]:
    package = fetch_sdk(tmp_path_factory.mktemp("npm")) if request.param == "from npm" else None
    if request.param == "from npm" and package is None:
        pytest.skip("npm or its registry is not reachable")
    with serve_dashboard(package) as running:
        yield running


@pytest.fixture
def page(house: House) -> Iterator[Page]:
    context = house.browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


def _app(page: Page) -> Frame:
    frame = page.frame(name="app")
    assert frame is not None
    return frame


def _picture(page: Page, name: str) -> None:
    if pictures.WANTED:
        pictures.take(page, pictures.GUIDES / name)


def test_staff_read_the_report_in_the_dashboard(house: House, dashboard: Dashboard, page: Page) -> None:
    app = house.shown_by(f"{dashboard.url}/dashboard/")
    page.goto(dashboard.show(app, house.shop.staff_token(*OWNER)))
    frame = _app(page)
    frame.get_by_role("link", name="Autumn sale").click()
    expect(frame.get_by_role("heading", name="Autumn sale")).to_be_visible()
    frame.get_by_role("navigation", name="Sections of the report").get_by_role("link", name="Sales").click()
    expect(frame.get_by_role("row").filter(has_text="Red shoes")).to_be_visible()
    _picture(page, "dashboard-report")
    assert frame.url.startswith(f"{app}/campaigns/{house.campaign}/sales")
    routes = page.evaluate(
        "messages.filter((m) => m.type === 'updateRouting').map((m) => m.payload.newRoute)"
    )
    assert routes == [f"/campaigns/{house.campaign}", f"/campaigns/{house.campaign}/sales"]
    assert page.evaluate("unknown") == []
    assert page.context.cookies() == []

    page.evaluate("tell(DashboardEventFactory.createLocaleChangedEvent('es'))")
    expect(frame.get_by_role("link", name="Resumen").first).to_be_visible()
    page.evaluate("tell(DashboardEventFactory.createThemeChangeEvent('dark'))")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert until(lambda: frame.evaluate(ground) == "rgb(18, 22, 20)")
    page.evaluate("tell(DashboardEventFactory.createThemeChangeEvent('light'))")
    assert until(lambda: frame.evaluate(ground) == "rgb(246, 247, 245)")


def test_an_expired_token_is_renewed_by_the_dashboard(house: House, dashboard: Dashboard, page: Page) -> None:
    app = house.shown_by(f"{dashboard.url}/dashboard/")
    page.goto(dashboard.show(f"{app}/campaigns/{house.campaign}", house.shop.staff_token(*OWNER)))
    frame = _app(page)
    expect(frame.get_by_role("heading", name="Autumn sale")).to_be_visible()
    old = house.shop.staff_token(*OWNER, exp=int(datetime.now(UTC).timestamp()) - 60)
    page.evaluate("(old) => tell(DashboardEventFactory.createTokenRefreshEvent(old))", old)
    frame.get_by_role("link", name="Links").first.click()
    expect(frame.get_by_text("Hero").first).to_be_visible()


def test_a_file_is_downloaded_and_a_form_is_sent(house: House, dashboard: Dashboard, page: Page) -> None:
    app = house.shown_by(f"{dashboard.url}/dashboard/")
    address = f"{app}/campaigns/{house.campaign}/sales"
    page.goto(dashboard.show(address, house.shop.staff_token(*OWNER)))
    frame = _app(page)
    with page.expect_download() as download:
        frame.locator("a[href*='sales.csv']").first.click()
    assert "Red shoes" in Path(download.value.path()).read_text("utf-8-sig")
    frame.get_by_role("link", name="Manage").click()
    frame.locator("#name").fill("Winter sale")
    frame.locator("button[value=rename]").click()
    expect(frame.get_by_role("heading", name="Winter sale")).to_be_visible()
    house.api("PATCH", f"/campaigns/{house.campaign}", {"name": "Autumn sale"})


def test_who_may_not_manage_orders_reads_one_sentence(house: House, dashboard: Dashboard, page: Page) -> None:
    app = house.shown_by(f"{dashboard.url}/dashboard/")
    page.goto(dashboard.show(app, house.shop.staff_token("MANAGE_PRODUCTS")))
    expect(_app(page).get_by_text("permission to manage orders")).to_be_visible()


@pytest.mark.parametrize(
    ("widget", "name", "says"),
    [
        ("order", "orderId", "Autumn sale"),
        ("customer", "customerId", "Clicks and orders of this contact are tracked."),
        ("home", "", "Autumn sale"),
    ],
)
def test_a_widget_says_what_its_place_asks(
    house: House, dashboard: Dashboard, page: Page, widget: str, name: str, says: str
) -> None:
    app = house.shown_by(f"{dashboard.url}/dashboard/")
    token = house.shop.staff_token(*OWNER)
    form = {"saleorApiUrl": house.shop.api_url, "accessToken": token, "appId": house.shop.app_id}
    form |= {"orderId": house.order} if name == "orderId" else {}
    form |= {"customerId": house.customer} if name == "customerId" else {}
    page.set_viewport_size({"width": 420, "height": 600})
    page.goto(dashboard.show(f"{app}/widgets/{widget}", token, form=form))
    frame = _app(page)
    expect(frame.get_by_text(says).first).to_be_visible()
    assert until(lambda: page.evaluate("messages.map((m) => m.type)") == ["widgetResize"])
    _picture(page, f"dashboard-{widget}-widget")
    links = [link.get_attribute("href") or "" for link in frame.get_by_role("link").all()]
    inside = f"{dashboard.url}/dashboard/extensions/app/"
    assert links
    assert all(link.startswith(inside) for link in links)


def test_another_site_cannot_show_the_report(house: House, dashboard: Dashboard, page: Page) -> None:
    def of_the_report(request: Request) -> bool:
        return request.url.startswith(house.stack.plugin_url)

    with serve_dashboard() as other:
        app = house.shown_by(f"{dashboard.url}/dashboard/")
        for address in (app, f"{house.stack.plugin_url}/"):
            with page.expect_event("requestfailed", of_the_report) as refused:
                page.goto(other.show(address, house.shop.staff_token(*OWNER)))
            assert refused.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"
            assert page.evaluate("messages") == []


def test_a_message_of_another_window_is_ignored(house: House, dashboard: Dashboard, page: Page) -> None:
    app = house.shown_by(f"{dashboard.url}/dashboard/")
    page.goto(dashboard.show(f"{app}/campaigns/{house.campaign}", house.shop.staff_token(*OWNER)))
    frame = _app(page)
    expect(frame.get_by_role("heading", name="Autumn sale")).to_be_visible()
    frame.evaluate("postMessage({type: 'localeChanged', payload: {locale: 'es'}}, '*')")
    frame.get_by_role("link", name="Links").first.click()
    expect(frame.get_by_text("Hero").first).to_be_visible()
    assert frame.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_shops_and_the_frame_fit_and_have_no_findings(
    house: House, dashboard: Dashboard, width: int, scheme: Any
) -> None:
    app = house.shown_by(f"{dashboard.url}/dashboard/")
    context = house.browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(f"{house.stack.plugin_url}/accounts/1/shops")
    page.fill("#key", house.stack.api_key)
    page.click("main button")
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    page.wait_for_load_state("load")  # with its style sheet
    fits = "document.documentElement.scrollWidth <= window.innerWidth"
    assert page.evaluate(fits)
    assert Axe().run(page).violations_count == 0
    page.goto(dashboard.show(app, house.shop.staff_token(*OWNER), theme=scheme))
    frame = _app(page)
    expect(frame.get_by_role("heading", name="Campaigns").first).to_be_visible()
    assert frame.evaluate(fits)
    assert Axe().run(frame).violations_count == 0
    context.close()


def test_without_script_one_sentence_leads_to_the_report(house: House, dashboard: Dashboard) -> None:
    app = house.shown_by(f"{dashboard.url}/dashboard/")
    context = house.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(app)
    assert "needs JavaScript" in page.locator("main").inner_text()
    context.close()
