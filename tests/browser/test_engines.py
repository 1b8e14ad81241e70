"""Each engine runs the whole path itself, over https and several sites; the table must match what it did."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kit.play import Player
from kit.saleor import StandInSaleor
from kit.stack import Stack
from tests.browser.engines import Driver, chromium, firefox, mini_browser, need, webkit
from tests.browser.sites import EMP_ID, TRACKING_HOST, Sites, serve_sites
from tests.waiting import PATIENCE_SECONDS
from truth.browsers import BROWSERS

pytestmark = pytest.mark.browser

STRICT = {
    "network.cookie.cookieBehavior": 5,
    "privacy.trackingprotection.enabled": True,
    "privacy.query_stripping.enabled": True,
    # Comes from Mozilla's servers otherwise, which a test does not ask; without it nothing is stripped.
    "privacy.query_stripping.strip_list": "mc_eid oly_anon_id oly_enc_id __s vero_id _hsenc mkt_tok fbclid",
    "privacy.bounceTrackingProtection.mode": 1,
}
WEBKIT = ("WebKitWebDriver", "xvfb-run")


class Engine(NamedTuple):
    """An engine that stands for a row of the table; `programs` must be here for it.

    `cannot_tell`: columns in which it differs from the browser that it stands for. `strips`: it
    removes known parameters of mailers from links.
    """

    row: str
    name: str
    programs: tuple[str, ...]
    start: Callable[[Path, int], AbstractContextManager[Driver]]
    cannot_tell: frozenset[str] = frozenset()
    strips: bool = False


ENGINES = [
    Engine("chrome", "Chromium", ("chromium",), partial(chromium, third_party_cookies=True)),
    Engine("chrome_no_third_party", "Chromium", ("chromium",), partial(chromium, third_party_cookies=False)),
    Engine("firefox", "Firefox", ("firefox-esr",), partial(firefox, preferences={})),
    Engine("firefox_strict", "Firefox", ("firefox-esr",), partial(firefox, preferences=STRICT), strips=True),
    # Its tracking prevention is off while it is driven, see below.
    Engine("safari", "WebKitGTK", WEBKIT, webkit, frozenset({"cross_site_cookie"})),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {"SALEPIXEL_EDGE_URL": f"https://{TRACKING_HOST}"}
    folder = tmp_path_factory.mktemp("stack") / "data"
    with Stack(folder, api_key="sp_test_of_the_stack", settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def player(stack: Stack) -> Iterator[Player]:
    with StandInSaleor() as shop, closing(Player(stack, shop)) as player:
        account = {"empId": EMP_ID, "name": "Shoes", "tracking_host": TRACKING_HOST, "currency": "EUR"}
        player.api("POST", "/accounts", account)
        yield player


@pytest.fixture
def sites(stack: Stack, tmp_path: Path) -> Iterator[Sites]:
    with serve_sites(stack.edge_port, tmp_path) as sites:
        yield sites


@pytest.mark.parametrize("engine", ENGINES, ids=[engine.row for engine in ENGINES])
def test_the_engine_behaves_as_the_table_says(
    engine: Engine, player: Player, sites: Sites, tmp_path: Path
) -> None:
    need(*engine.programs)
    campaign = mail(player, sites, engine.row)
    with engine.start(tmp_path, sites.port) as browser:
        found = walk(browser, sites, strips=engine.strips)
        version = browser.version
    (row,) = (browser for browser in BROWSERS if browser.name == engine.row)
    reported = {name: getattr(row, name) for name in found if name not in engine.cannot_tell}
    assert {name: found[name] for name in reported} == reported, version
    assert row.confirmed_by.startswith(engine.name), f"say in the table that {engine.name} {version} did this"
    check_report(player, campaign, sites)


BLOCKED = ("tracker.test/pixel", "track.shop.test/sp.js", "track.shop.test/track/")
"""What a list blocks: a hosted pixel by its host, ours by the name of what it is."""


@pytest.mark.parametrize(
    ("row", "options"),
    [
        ("safari", ["--enable-itp"]),
        ("safari_private", ["--enable-itp", "--private"]),
        ("list_blocker", ["--enable-itp", "--content-filter={folder}/list.json"]),
        # Without its prevention it sends every cookie: so it is the prevention that keeps it back.
        ("chrome", []),
    ],
)
def test_webkit_without_a_driver_behaves_as_the_table_says(
    row: str, options: list[str], player: Player, sites: Sites, tmp_path: Path
) -> None:
    need(*WEBKIT)
    rules = [
        {"trigger": {"url-filter": name.replace(".", "[.]")}, "action": {"type": "block"}} for name in BLOCKED
    ]
    (tmp_path / "list.json").write_text(json.dumps(rules))
    campaign = mail(player, sites, f"webkit as {row}")
    sites.walk = True
    chosen = [option.format(folder=tmp_path) for option in options]
    with mini_browser(tmp_path, sites.port, "https://mail.test/", *chosen):
        until(lambda: sites.cookies_at("tracker.test", "/kept"))
    (reported,) = (browser for browser in BROWSERS if browser.name == row)
    found = what_came(sites, sites.token_at("shop.test", "/p/1"))
    assert found == {name: getattr(reported, name) for name in found}
    if reported.runs_tag:
        check_report(player, campaign, sites)


def mail(player: Player, sites: Sites, name: str) -> Any:
    """A campaign with a link to the shop that has a mailer's parameter; the mail contains the link."""
    links = [{"url": "https://shop.test/p/1?size=41&mc_eid=1", "label": "Hero", "sale_pixel": True}]
    campaign = player.api("POST", "/campaigns", {"empId": EMP_ID, "name": name, "links": links})
    sites.link = campaign["links"][0]["tracked_url"].replace("{contact}", "ana")
    sites.order = f"order of {name}"
    return campaign


def check_report(player: Player, campaign: Any, sites: Sites) -> None:
    """The report counts the sale once, for the contact who clicked."""
    (sale,) = until(lambda: player.sales(campaign["id"])["rows"])
    assert (sale["order"], sale["contact"], sale["evidence"]) == (sites.order, "ana", "cookie")


def walk(browser: Driver, sites: Sites, *, strips: bool) -> dict[str, bool]:
    """Two clicks in a mail, a landing page for each, a purchase, the pixels; gives the results.

    `strips`: what is on a list of parameters must be gone from the landing page's address.
    """
    browser.open("https://mail.test/")
    browser.follow("hosted")
    until(lambda: browser.evaluate("location.pathname") == "/p/2")
    landed = browser.evaluate("location.search")
    assert landed == ("?spx=1" if strips else "?spx=1&mc_eid=1"), "nothing but what is on a list is gone"
    browser.open("https://mail.test/")
    browser.follow("ours")
    until(lambda: browser.evaluate("location.pathname") == "/p/1")
    token = until(lambda: browser.evaluate("window.salepixel && window.salepixel.click()"))
    # A redirect within one site is not stripped either, whatever the parameter is called.
    assert browser.evaluate("location.search") == "?size=41&mc_eid=1", "only the token was taken out"
    browser.open("https://shop.test/thanks")
    until(lambda: sites.cookies_at("tracker.test", "/pixel.gif") is not None)
    until(lambda: sites.cookies_at(TRACKING_HOST, "/track/sale") is not None)
    browser.open("https://tracker.test/kept")
    return what_came(sites, token)


def what_came(sites: Sites, token: str) -> dict[str, bool]:
    """What the sites saw, in the terms of the table; `token` is the one on the landing page."""
    kept = sites.cookies_at("tracker.test", "/kept") or ""
    assert "hosted=clicked" in kept, "a cookie that was never kept would not be sent by any browser"
    hosted = sites.cookies_at("tracker.test", "/pixel.gif") or ""
    ours = sites.cookies_at(TRACKING_HOST, "/track/sale")
    return {
        "cross_site_cookie": "hosted=clicked" in hosted,
        "same_site_cookie": f"__Host-spx{EMP_ID}={token}" in (ours or ""),
        "keeps_parameter": bool(token),
        "runs_tag": ours is not None,
    }


def until(ask: Callable[[], Any]) -> Any:
    """Ask until the answer is true, and give it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ask()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return answer


def test_every_row_names_the_engine_that_confirmed_it() -> None:
    confirmed = {engine.row: engine.name for engine in ENGINES}
    confirmed |= dict.fromkeys(("safari_private", "list_blocker"), "WebKitGTK")
    brave, chromium = (
        next(browser for browser in BROWSERS if browser.name == name)
        for name in ("brave", "chrome_no_third_party")
    )
    # Made of the same engine, which was seen with what Brave sets: no cookies of other sites.
    assert replace(brave, name=chromium.name, share=chromium.share) == chromium
    confirmed["brave"] = chromium.confirmed_by
    for browser in BROWSERS:
        assert browser.confirmed_by.partition(" ")[0] == confirmed.get(browser.name, ""), browser.name
