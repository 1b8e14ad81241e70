"""Every view in Chromium: both languages, wide and narrow, light, dark, forced colours and print.

`make pictures` writes the pictures of docs/reference/views.md and those of the guides in Spanish.
"""

from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, ViewportSize

from tests.browser import pictures
from tests.browser.axe import COLOURS, findings, too_wide
from tests.browser.furnished import PASSWORD, Furnished, furnished_stack
from tests.browser.views import EMPTY, STATES, VIEWS, View
from tests.waiting import until

pytestmark = pytest.mark.browser

LANGUAGES = {"en": "en-GB", "es": "es-ES"}
WIDTHS = (1280, 390)
SCALE = 1.0 if pictures.WANTED else 0.1
"""Of the three months: with few rows, axe is quick."""

PAPER: ViewportSize = {"width": 703, "height": 1032}
"""A page of A4 less its margins of 12 mm, at 96 pixels an inch."""

SHEET: ViewportSize = {"width": 794, "height": 1123}
"""With its margins, for a picture."""

SCREENS = {"": (1280, 1200, 0.75), "-phone": (390, 1400, 1.0)}
"""The ending of a picture's name -> width of the page, most of its height, size of the picture."""

OF_GUIDES = [
    ("overview-account", ""),
    ("overview-account", "-phone"),
    ("overview-campaign", ""),
    ("link-map", ""),
]
"""Views and endings of the pictures that the guides in Spanish show."""

MOST_BYTES = 150_000
ZOOMED = (640, 320)
"""The width of a window of 1280 px at 200 % and 400 % (WCAG 2.2, 1.4.4 and 1.4.10)."""

_TABLES = "main table:not(details *, .card.form *)"
_OPEN = "document.querySelectorAll('details').forEach((one) => one.open = true)"

_LINE = "(link) => getComputedStyle(link).borderBottomWidth"
_LINES = """(row) => new Set([...row.children].filter((cell) => cell.offsetHeight)
  .map((cell) => cell.offsetTop)).size"""
"""The number of lines of cells in a row; a long text in a cell may need a second line."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnished_stack(tmp_path_factory.mktemp("views") / "data", SCALE) as running:
        yield running


@pytest.fixture(scope="module")
def readers(plain_browser: Browser, house: Furnished) -> Iterator[Mapping[tuple[str, str], Page]]:
    """A page of a browser for each language and reader, signed in."""
    opened: dict[tuple[str, str], Page] = {}
    for code, locale in LANGUAGES.items():
        for reader in ("ana", "bo", "nobody"):
            context = plain_browser.new_context(locale=locale, viewport={"width": 1280, "height": 900})
            opened[code, reader] = context.new_page()
            if reader != "nobody":
                _sign_in(context, house, reader)
    yield opened
    for page in opened.values():
        page.context.close()


def _sign_in(context: BrowserContext, house: Furnished, reader: str) -> None:
    sent: dict[str, str | float | bool] = {
        "email": f"{reader}@shop.test",
        "password": PASSWORD,
        "next": "/about",
    }
    headers = {"Origin": house.url}
    assert context.request.post(f"{house.url}/login", form=sent, headers=headers).ok
    kept = [one for one in context.cookies() if one.get("name") != "salepixel_language"]
    context.clear_cookies()
    context.add_cookies(kept)  # type: ignore[arg-type]  # as they were


@pytest.mark.parametrize(("name", "language"), list(product([*VIEWS, *EMPTY, *STATES], LANGUAGES)))
def test_a_view_fits_and_has_no_findings_of_axe(
    house: Furnished, readers: Mapping[tuple[str, str], Page], name: str, language: str
) -> None:
    view = {**VIEWS, **EMPTY, **STATES}[name]
    page = readers[language, view.reader]
    found = _open(page, house, view)
    assert page.locator("html").get_attribute("lang") == language
    tables = page.locator(_TABLES).count()
    page.emulate_media(media="print")
    found += too_wide(page, PAPER["width"])
    found += [
        f"on paper: {one.inner_text()}" for one in page.locator("nav, button").all() if one.is_visible()
    ]
    found += ["not on paper: a table"] * (tables - page.locator(_TABLES).filter(visible=True).count())
    page.emulate_media(media="screen")
    for width in (*WIDTHS, *ZOOMED):
        found += too_wide(page, width)
    page.evaluate(_OPEN)
    for width, colours in product(WIDTHS, COLOURS):
        found += too_wide(page, width)
        found += [f"{width} px, {colours}: {one}" for one in findings(page, colours)]
    assert not found, "\n".join(found)


FURNISHED = (
    *("alerts", "keys", "reports", "privacy", "people", "audit", "live", "tracking-health", "orders"),
    *("undecided-orders", "failed-forwards", "list", "list-to-check", "tracked-mail", "archived-campaigns"),
)
"""Views whose tables axe must see: without rows it finds nothing."""


@pytest.mark.parametrize("name", FURNISHED)
def test_the_tables_of_a_furnished_view_have_rows(
    house: Furnished, readers: Mapping[tuple[str, str], Page], name: str
) -> None:
    page = readers["en", "ana"]
    _open(page, house, {**VIEWS, **STATES}[name])
    assert page.locator("main tbody tr").count() > 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_menu_of_a_phone_has_no_findings_of_axe(
    house: Furnished, readers: Mapping[tuple[str, str], Page], language: str
) -> None:
    page = readers[language, "ana"]
    _open(page, house, VIEWS["orders"])
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        page.click(".menu-button")
        for colours in COLOURS:
            assert findings(page, colours, of=".menu") == []
        page.keyboard.press("Escape")


def test_the_current_page_is_seen_in_forced_colours_among_its_sisters(
    house: Furnished, readers: Mapping[tuple[str, str], Page]
) -> None:
    for name, bar in (("sales", ".tabs"), ("sales", ".menu"), ("alerts", ".places")):
        page = readers["en", "ana"]
        _open(page, house, VIEWS[name])
        page.emulate_media(forced_colors="active")
        lines = [
            (one.get_attribute("aria-current") is not None, one.evaluate(_LINE))
            for one in page.locator(f"{bar} .links a, {bar}.tabs a").all()
        ]
        assert len(lines) > 5
        assert [line for is_current, line in lines if is_current] == ["3px"]
        assert {line for is_current, line in lines if not is_current} == {"0px"}


def test_a_sale_on_a_phone_is_three_lines(house: Furnished, readers: Mapping[tuple[str, str], Page]) -> None:
    page = readers["en", "ana"]
    _open(page, house, VIEWS["sales"])
    page.set_viewport_size({"width": 390, "height": 900})
    rows = page.locator(".three tbody tr").all()
    assert rows
    lines = [row.evaluate(_LINES) for row in rows]
    assert all(count <= 3 for count in lines), lines


def test_an_order_on_a_phone_is_three_lines_and_each_amount_says_what_it_is(
    house: Furnished, readers: Mapping[tuple[str, str], Page]
) -> None:
    page = readers["en", "ana"]
    _open(page, house, VIEWS["orders"])
    page.set_viewport_size({"width": 390, "height": 900})
    seen = set()
    for row in page.locator(".rows tbody tr").all():
        net = row.locator(".its-net")
        differs = net.is_visible()
        assert row.evaluate(_LINES) <= 3 + differs, row.inner_text()
        if differs:
            assert net.evaluate("(it) => getComputedStyle(it, '::before').content") != "none"
            assert net.inner_text().split()[0] != row.locator("td").first.inner_text()
        seen.add(differs)
    assert seen == {True, False}, "the demo has refunds"


@pytest.mark.skipif(not pictures.WANTED, reason="only make pictures makes pictures")
@pytest.mark.parametrize("name", VIEWS)
def test_pictures_are_made(house: Furnished, readers: Mapping[tuple[str, str], Page], name: str) -> None:
    page = readers["en", VIEWS[name].reader]
    _open(page, house, VIEWS[name])
    for ending, (width, tallest, share) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": 900})
        pictures.take(page, pictures.VIEWS / f"{name}{ending}", tallest=tallest, share=share)
    page.emulate_media(media="print")
    page.set_viewport_size(SHEET)
    page.evaluate("document.body.style.margin = '12mm'")
    pictures.take(page, pictures.VIEWS / f"{name}-print", share=0.7)


@pytest.mark.skipif(not pictures.WANTED, reason="only make pictures makes pictures")
@pytest.mark.parametrize(("name", "ending"), OF_GUIDES)
def test_pictures_of_guides_are_made_in_spanish(
    house: Furnished, readers: Mapping[tuple[str, str], Page], name: str, ending: str
) -> None:
    page = readers["es", VIEWS[name].reader]
    _open(page, house, VIEWS[name])
    width, tallest, share = SCREENS[ending]
    page.set_viewport_size({"width": width, "height": 900})
    pictures.take(page, pictures.GUIDES / "es" / f"{name}{ending}", tallest=tallest, share=share)


def _open(page: Page, house: Furnished, view: View) -> list[str]:
    """Load a view; returns what is too large or comes from elsewhere."""
    asked: list[Request] = []

    def remember(request: Request) -> None:
        asked.append(request)

    page.on("request", remember)
    page.emulate_media(media="screen", **COLOURS[0])
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    address = house.url + view.path.format_map(house.names)
    # Some results are computed by the worker; until then the page reloads itself.
    assert until(lambda: "<progress" not in page.context.request.get(address).text())
    answer = page.goto(address)
    assert answer is not None
    page.remove_listener("request", remember)
    size = len(answer.body())
    elsewhere = [one.url for one in asked if not one.url.startswith((house.url, "data:"))]
    return [*elsewhere, *([f"{size} bytes"] if size > MOST_BYTES else [])]
