"""The tests of views find faults: each that is planted here, and none without."""

import pytest
from playwright.sync_api import Browser

from tests.browser.axe import COLOURS, findings, too_wide

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><title>A page</title>
<body style="background: #fff; color: #222"><main>
<h1>A page</h1><p>%s</p></main></body></html>"""
FAULTS = {
    "a field with a pale edge": (
        '<label>Name <input style="border: 1px solid #eee; background: #fff"></label>',
        "its edge is not seen: <input",
    ),
    "a button with a pale edge and a pale text": (
        '<button style="border: 0; background: #fff; color: #ddd">Save</button>',
        "its edge is not seen: <button",
    ),
    "a current page that looks as its sisters do": (
        '<a href="#a" aria-current="page" style="color: #060">Sales</a> <a href="#b">Orders</a>',
        "looks as its sisters do: <a",
    ),
    "a small target beside another": (
        '<a href="#a" style="font-size: 8px">a</a><br><a href="#b" style="font-size: 8px">b</a>',
        "target-size: ",
    ),
    "a text of little contrast": ('<span style="color: #bbb">pale</span>', "color-contrast: "),
    "a picture without words": ('<img src="data:,">', "image-alt: "),
}
RIGHT = """<label>Name <input style="border: 1px solid #666; background: #fff; height: 24px"></label>
<button style="border: 1px solid #666; background: #fff; color: #222; height: 24px">Save</button>
<a href="#a" aria-current="page" style="font-weight: bold; display: inline-block; height: 24px">Sales</a>
<a href="#b" style="display: inline-block; height: 24px">Orders</a>"""


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(plain_browser: Browser, name: str) -> None:
    planted, finding = FAULTS[name]
    page = plain_browser.new_page()
    page.set_content(PAGE % planted)
    found = findings(page, COLOURS[0])
    page.close()
    assert [one for one in found if one.startswith(finding)], found


def test_a_fault_of_dark_colours_alone_is_found_there_alone(plain_browser: Browser) -> None:
    page = plain_browser.new_page()
    dark = "<style>@media (prefers-color-scheme: dark) { #one { color: #bbb } }</style>"
    page.set_content(PAGE % f'{dark}<span id="one">pale in the dark</span>')
    light, found, _ = (findings(page, colours) for colours in COLOURS)
    page.close()
    assert light == []
    assert [one for one in found if one.startswith("color-contrast: ")]


def test_nothing_is_found_on_a_page_without_faults(plain_browser: Browser) -> None:
    page = plain_browser.new_page()
    page.set_content(PAGE % RIGHT)
    found = findings(page, COLOURS[0]) + too_wide(page, 390)
    page.close()
    assert found == []


def test_a_page_that_scrolls_sideways_is_found(plain_browser: Browser) -> None:
    page = plain_browser.new_page()
    page.set_content(PAGE % '<span style="display: block; width: 500px">wide</span>')
    found = too_wide(page, 390)
    page.close()
    assert "390 px: too wide: the page" in found
    assert [one for one in found if "<span" in one]
