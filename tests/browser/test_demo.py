"""The account of the demo in Chromium: every chart has something to say.

`make pictures` writes the two pictures of README.md.
"""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, ViewportSize

from demo import live
from demo.compare import compare
from demo.play import ThreeMonths, playing_three_months
from demo.show import GIFTS
from kit.play import Player
from kit.stack import Stack
from tests.browser import pictures
from tests.browser.engines import open_chromium
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.long]

SCALE = 1.0 if pictures.WANTED else 0.15
WINDOW: ViewportSize = {"width": 1280, "height": 1280}


@pytest.fixture(scope="module")
def played(stack: Stack) -> Iterator[ThreeMonths]:
    with playing_three_months(stack, scale=SCALE) as filled:
        placed = live.play(stack, filled)
        with closing(Player(stack, filled.shops["EUR"], filled.emp_id)) as player:
            assert until(lambda: not compare(player.api, filled, placed))
        yield filled


@pytest.fixture(scope="module")
def page(stack: Stack) -> Iterator[Page]:
    """A page of somebody who has signed in with the key of the demo."""
    with open_chromium() as chromium:
        context = chromium.new_context(
            viewport=WINDOW,
            locale="en-GB",
            extra_http_headers={"Authorization": f"Bearer {stack.api_key}"},
        )
        yield context.new_page()


def test_every_chart_of_the_account_and_of_its_newsletters_has_something_to_say(
    stack: Stack, played: ThreeMonths, page: Page
) -> None:
    for period in ("28d&compare=before", "90d&compare=none"):
        page.goto(f"{stack.plugin_url}/accounts/{played.emp_id}?period={period}")
        assert_charts_say_something(page, least=6)
    take(page, "overview")
    for campaign in played.campaigns[: GIFTS + 1]:
        page.goto(f"{stack.plugin_url}/campaigns/{campaign.id}")
        assert_charts_say_something(
            page, least=3
        )  # the small shop of a test may sell nothing by a newsletter


def assert_charts_say_something(page: Page, least: int) -> None:
    charts = page.locator("figure.picture").all()
    assert len(charts) >= least
    for chart in charts:
        values = chart.locator("tbody td").all_text_contents()
        assert any(re.search("[1-9]", value) for value in values), chart.text_content()


def test_the_link_map_shows_the_newsletter_and_what_each_link_brought(
    stack: Stack, played: ThreeMonths, page: Page
) -> None:
    page.goto(f"{stack.plugin_url}/campaigns/{played.campaigns[GIFTS].id}/map")
    marks = page.frame_locator("iframe.mail").locator("[data-link-number]")
    assert len({one.get_attribute("data-link-number") for one in marks.all()}) == 7
    drawn = page.frame_locator("iframe.mail").locator("img").first
    assert drawn.evaluate("picture => picture.naturalWidth") > 0
    take(page, "link-map")


def take(page: Page, name: str) -> None:
    """Write a picture of the top of a page, if pictures are wanted."""
    if pictures.WANTED:
        pictures.take(page, pictures.DOCS / "pictures" / name)
