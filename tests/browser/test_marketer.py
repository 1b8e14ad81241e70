"""The week of a marketer, by keyboard: a newsletter goes out and sells, and its figures come by e-mail."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from kit.play import EMP_ID, Player
from kit.saleor import Line, StandInSaleor
from kit.stack import Stack
from kit.story import Contact, Purchase, Story
from tests.browser.keyboard import Keyboard
from tests.browser.storefront import Storefront, click_and_buy, visitor
from tests.smtp.post_office import PostOffice
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.browser

EMAIL, PASSWORD = "mara@shop.test", "nine slow trams"
PEOPLE = [Contact(f"c{n}", f"reader{n}@example.com") for n in range(1, 6)]
NEWSLETTER = """<!doctype html><html><body style="margin:0">
<h1>Winter is here</h1>
<p><a href="http://shop.test/p/1"><img src="https://pictures.test/shoes.png" alt="Red shoes"></a></p>
<p>Keep warm with <a href="http://shop.test/p/2">wool socks</a>.</p>
<p><a href="https://social.test/shoes">Follow us</a> <a href="{{ unsubscribe }}">Unsubscribe</a></p>
</body></html>
"""


@pytest.fixture(scope="module")
def shop(stack: Stack, saleor: StandInSaleor) -> Storefront:
    return Storefront(stack, saleor, EMP_ID)


@pytest.fixture(scope="module")
def shop_pages(shop: Storefront) -> type[BaseHTTPRequestHandler]:
    return shop.pages()


@pytest.fixture(scope="module")
def player(stack: Stack, saleor: StandInSaleor) -> Iterator[Player]:
    """An account that its owner has set up, with last week's campaign, `Autumn sale`."""
    with closing(Player(stack, saleor)) as player:
        lines = [Line("Red shoes", 1, Decimal("39.80"), "R-1")]
        earlier = [Purchase(f"90{n}", PEOPLE[n], lines, "token", "token") for n in range(2)]
        scene = player.set_up(Story(PEOPLE, [], earlier))
        for purchase in earlier:
            player.buy(scene, purchase)
        week = {"sent_at": (datetime.now(UTC) - timedelta(days=1)).isoformat(), "sent_count": 5}
        player.api("PATCH", f"/campaigns/{scene.campaign}", week)
        yield player


def open_page(browser: Browser, **options: Any) -> Page:
    viewport: Any = {"width": 1280, "height": 900}
    page = browser.new_context(locale="en-GB", viewport=viewport, **options).new_page()
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    return page


def test_the_week_of_a_marketer(
    browser: Browser, shop: Storefront, player: Player, office: PostOffice
) -> None:
    me = Keyboard(open_page(browser))
    join(me, shop.invite(EMAIL, "editor"))
    set_up_mail(player, office)
    campaign, links = make_campaign(me)
    subscribe(me)
    number = sell(browser, links)
    report_the_sending(player, campaign)
    read_the_overview(me)
    read_the_link_map(me)
    sort_the_links(me)
    look_an_order_up(me, number)
    compare_and_share(me, browser, campaign)
    read_the_report(office)
    me.page.context.close()


def set_up_mail(player: Player, office: PostOffice) -> None:
    """The owner enters the server of e-mails."""
    server = {"host": "127.0.0.1", "port": office.port, "encryption": "none", "sender": "news@shop.test"}
    player.api("PUT", f"/accounts/{EMP_ID}/smtp", server)


def join(me: Keyboard, link: str) -> None:
    """Accept the invitation. An editor has no page that only owners have."""
    me.page.goto(link)
    me.write("#name", "Mara")
    me.write("#password", PASSWORD)
    me.press("main button")
    expect(me.page.get_by_role("heading", name="Campaigns", exact=True)).to_be_visible()


def make_campaign(me: Keyboard) -> tuple[str, dict[str, str]]:
    """From the pasted newsletter to the downloaded mail; returns the campaign's id, and its links."""
    me.press("a.button >> text=New campaign")
    me.write("#name", "Winter sale")
    me.choose("#mailer", "plain")
    me.write("#text", NEWSLETTER)
    me.press("main form button:visible")
    first = me.page.locator("tr:has-text('/p/1') input[name^=label-]").first.get_attribute("name")
    me.write(f"[name={first}]", "Picture of the shoes")
    me.press("button[value=finish]")
    me.reach("a.button >> text=Download")
    with me.page.expect_download() as download:
        me.page.keyboard.press("Enter")
    mail = download.value.path().read_text()
    tracked = re.findall(r'href="(http://track\.shop\.test/c/[^"]+)"', mail)
    assert len(tracked) == 3, "the link that unsubscribes is as it was"
    me.press("p.path a >> text=Report of this campaign")
    return me.page.url.rpartition("/")[2], dict(zip(("shoes", "socks", "social"), tracked, strict=True))


def subscribe(me: Keyboard) -> None:
    """Ask for the reports of every campaign by e-mail."""
    me.press("nav.menu a >> text=Settings")
    me.press("nav.places a >> text=Reports by e-mail")
    me.write("#address", EMAIL)
    me.tick("[name=what][value=months]")
    me.press("main form button >> text=Send reports")
    expect(me.page.get_by_role("table")).to_contain_text("Every month")


def sell(browser: Browser, links: dict[str, str]) -> str:
    """The mail is sent: three click, two of them buy; returns the number of the first order."""
    number = click_and_buy(browser, links["shoes"].replace("{contact}", "c1"), PEOPLE[0].email)
    click_and_buy(browser, links["socks"].replace("{contact}", "c2"), PEOPLE[1].email)
    with visitor(browser) as context:
        context.new_page().goto(links["shoes"].replace("{contact}", "c3"))
    return number


def report_the_sending(player: Player, campaign: str) -> None:
    """The e-mail platform reports that it sent five mails, a day ago: so the first day is over now."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    player.api("PATCH", f"/campaigns/{campaign}", {"sent_at": yesterday.isoformat(), "sent_count": 5})


def read_the_overview(me: Keyboard) -> None:
    me.press("nav.menu a >> text=Campaigns")
    me.press("tbody a >> text=Winter sale")
    figures = me.page.locator(".figures").first
    assert until(lambda: me.page.reload() and "52.30" in figures.inner_text())
    expect(me.page.locator(".figure.click_rate")).to_contain_text("60%")
    me.open("#links summary")
    expect(me.page.locator("#links table")).to_contain_text("Picture of the shoes")
    me.choose("#with", me.page.locator("#with option", has_text="Autumn sale").get_attribute("value") or "")
    me.press("button >> text=/^Compare$/")
    expect(me.page.locator(".figure.net_revenue")).to_contain_text("less than before: €79.60")


def read_the_link_map(me: Keyboard) -> None:
    me.press("nav.tabs a >> text=Link map")
    expect(me.page.frame_locator("iframe.mail").locator("[data-link-number]")).to_have_count(3)
    expect(me.page.locator("ol.marks li").first).to_contain_text("€39.80")


def sort_the_links(me: Keyboard) -> None:
    me.press("nav.tabs a >> text=/^Links$/")
    me.press("thead a >> text=Human clicks")
    assert me.page.locator("th[aria-sort]").inner_text().startswith("Human clicks")
    me.write("[name=q]", "shoes")
    me.press("form[role=search] button")
    expect(me.page.locator("tbody tr")).to_have_count(1)


def look_an_order_up(me: Keyboard, number: str) -> None:
    """Filter the orders of the campaign, read why one is attributed, and return to the same list."""
    me.press("nav.menu a >> text=Orders")
    me.open("details.filters summary")
    me.choose(
        "[name=campaign]", me.page.locator("option:has-text('Winter sale')").get_attribute("value") or ""
    )
    me.press("details.filters button")
    expect(me.page.locator("tbody tr")).to_have_count(2)
    filtered = me.page.url
    me.press(f"tbody a >> text={number}")
    expect(me.page.locator(".won")).to_contain_text("Picture of the shoes")
    me.press("p.path a >> text=Back to")
    assert me.page.url == filtered


def compare_and_share(me: Keyboard, browser: Browser, campaign: str) -> None:
    """The address of a view shows the same in another browser, after signing in."""
    me.press("nav.menu a >> text=Overview")
    me.open("details.period summary")
    me.press("nav.choices a >> text=7 days")
    me.open("details.period summary")
    me.press("nav.choices a >> text=Year before")
    shown = me.page.locator(".figures").first.inner_text()
    other = Keyboard(open_page(browser))
    other.page.goto(me.page.url)
    other.write("#email", EMAIL)
    other.write("#password", PASSWORD)
    other.press("main button")
    assert other.page.url == me.page.url
    assert other.page.locator(".figures").first.inner_text() == shown
    other.page.context.close()


def read_the_report(office: PostOffice) -> None:
    """The report of the first day has come: as text, and as HTML without pictures from outside."""
    assert until(lambda: any(mail["To"] == EMAIL for mail in office.mails))
    (mail,) = [mail for mail in office.mails if mail["To"] == EMAIL]
    assert "Winter sale" in mail["Subject"]
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    for part in (text, html):
        assert "52.30" in part.get_content()
    assert "Picture of the shoes" in html.get_content()
    assert "<img" not in html.get_content(), "mail programs ask before they load pictures"
