"""The charts and the link map in Chromium: on paper, in forced colours, by keyboard, no outside calls."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import WSGIRequestHandler, make_server

from bench.pages import KEY, open_plugin
from bench.world import BIG, EMP, World, link_id
from salepixel.campaigns.store import get_campaign, set_sent_at, set_sent_count
from salepixel.keys import Keys
from salepixel.mails.mail import Kind, read_mail
from salepixel.mails.proposals import Use
from salepixel.mails.store import Choice, StoredMail, add_mail, change_links
from salepixel.storage.database import Database, migrate, open_database

pytestmark = pytest.mark.browser

HTML = """<!doctype html><html><body style="margin:0;background:#f0eee9;font-family:Georgia,serif">
<table width="100%"><tr><td align="center"><table width="480" style="background:#fff;padding:24px"><tr><td>
<a href="https://shop.test/p/0"><img src="https://pictures.test/a.png" alt="Autumn is here" width="400"></a>
<h1>New season</h1><p>Our <a href="https://shop.test/p/1">red running shoes</a> are back, and go well with
<a href="https://shop.test/p/2">wool socks</a>.</p>
<p><a href="https://shop.test/p/3" style="background:#14653a;color:#fff;padding:12px 24px">Shop now</a></p>
<p><a href="https://platform.test/unsubscribe">Unsubscribe</a></p></td></tr></table></td></tr></table></body></html>"""


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a plugin whose account has a year of campaigns, one of them with its e-mail."""
    folder = tmp_path_factory.mktemp("overview")
    database = open_database("", folder)
    migrate(database)
    keys = Keys(1, {1: bytes(32)})
    fill(database, keys)
    server = make_server(
        "127.0.0.1", 0, open_plugin(database, folder, keys).app, threaded=True, request_handler=_Quiet
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    database.close()


def fill(database: Database, keys: Keys) -> None:
    world = World(database, keys, campaigns=12, clicks_per_order=12)
    world.add(3000)
    now = datetime.now(UTC)
    with database.write() as connection:
        for campaign_id in world.ids:
            campaign = get_campaign(connection, campaign_id)
            assert campaign is not None
            campaign = set_sent_at(connection, campaign, campaign.created_at)
            set_sent_count(connection, campaign, 2400)
        mail = read_mail(HTML.encode(), Kind.HTML)
        stored = StoredMail(
            "0000000000af",
            EMP,
            "Autumn",
            "plain",
            "{contact}",
            Kind.HTML,
            mail.raw,
            now,
            now,
            campaign_id=BIG,
        )
        places = [(part, link.start) for part, link in mail.links()]
        add_mail(connection, stored, {place: Choice(Use.SALES, "") for place in places})
        ids = [(place, {"link_id": link_id(BIG, n)}) for n, place in enumerate(places[:4])]
        change_links(connection, stored.id, ids)


PAGES = {
    "overview-campaign": f"/campaigns/{BIG}",
    "link-map": f"/campaigns/{BIG}/map",
}


def open_page(plain_browser: Browser, url: str) -> Page:
    context = plain_browser.new_context(
        viewport={"width": 1280, "height": 900},
        locale="en-GB",
        extra_http_headers={"Authorization": f"Bearer {KEY}"},
    )
    page = context.new_page()
    page.goto(url)
    return page


def test_charts_are_seen_in_print_and_in_forced_colours(plain_browser: Browser, address: str) -> None:
    page = open_page(plain_browser, address + PAGES["overview-campaign"])
    page.emulate_media(media="print")
    for part in (".curve", ".bar", ".striped", ".grid", "text"):
        assert page.locator(f".chart {part}").count() > 0
        assert page.locator(f".chart {part}").first.evaluate("one => getComputedStyle(one).display") != "none"
    page.emulate_media(media="screen", forced_colors="active")
    text, bar = (
        page.locator(selector).first.evaluate(f"one => getComputedStyle(one).{name}")
        for selector, name in (("h1", "color"), (".chart .bar", "fill"))
    )
    assert bar == text, "a bar has the colour of text"
    page.context.close()


def test_a_chart_is_an_image_with_a_name_and_its_table_opens_by_keyboard(
    plain_browser: Browser, address: str
) -> None:
    page = open_page(plain_browser, address + PAGES["overview-campaign"])
    names = [one.get_attribute("aria-labelledby") for one in page.get_by_role("img").all()]
    assert names
    first = page.locator("figure").first
    assert not first.locator("table").is_visible()
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.locator("table").is_visible()
    page.context.close()


def test_the_mail_of_the_map_runs_no_script_and_loads_nothing_from_outside(
    plain_browser: Browser, address: str
) -> None:
    page = open_page(plain_browser, "about:blank")
    asked: list[str] = []
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.goto(address + PAGES["link-map"])
    frame = page.frame_locator("iframe.mail")
    marks = frame.locator("[data-link-number]")
    assert [one.get_attribute("data-link-number") for one in marks.all()] == ["1", "2", "3", "4"]
    content = marks.first.evaluate("one => getComputedStyle(one, '::after').content")
    assert content in ('"1"', "attr(data-link-number)")
    marks.nth(1).click()
    assert page.url.endswith("/map")
    assert all(url.startswith(address) for url in asked)
    page.context.close()
