"""Clicks on dynamic links count for their pages; on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from salepixel.campaigns import pages, store
from salepixel.campaigns.directory import read_directory
from salepixel.campaigns.pages import add_dynamic_link, dynamic_link, links_of_pages
from salepixel.campaigns.store import Campaign, CampaignLink, add_campaign, links_of, switch_link
from salepixel.storage.database import Database
from tests.make import CAMPAIGN, LINK, NOON

HERO = CampaignLink(LINK, "https://shop.test/", "Hero", True)
AUTUMN = Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON)
SHOES, HATS, SOCKS = ((CAMPAIGN, f"shop.test/p/{name}") for name in ("shoes", "hats", "socks"))


def test_each_page_is_a_link_of_its_own_and_stays_the_same(database: Database) -> None:
    with database.write() as connection:
        add_campaign(connection, AUTUMN, [HERO])
        first = links_of_pages(connection, {SHOES: 1, HATS: 1})
        assert links_of_pages(connection, {HATS: 1, SOCKS: 1})[HATS] == first[HATS]
        found = links_of(connection, CAMPAIGN)
    assert [(one.label, one.url) for one in found] == [
        ("Hero", "https://shop.test/"),
        ("/r/", ""),
        ("/p/hats", "https://shop.test/p/hats"),
        ("/p/shoes", "https://shop.test/p/shoes"),
        ("/p/socks", "https://shop.test/p/socks"),
    ]
    assert [one.id for one in found[1:4]] == [CAMPAIGN, first[HATS], first[SHOES]]


def test_later_pages_need_several_clicks_so_that_invented_ones_keep_no_real_one_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FREE_PAGES", 1)
    monkeypatch.setattr(pages, "MAX_CANDIDATES", 10)
    invented = [(CAMPAIGN, f"shop.test/{n}") for n in range(40)]
    with database.write() as connection:
        add_campaign(connection, AUTUMN, [])
        assert links_of_pages(connection, {invented[0]: 1}).keys() == {invented[0]}
        assert links_of_pages(connection, {SHOES: 2, **dict.fromkeys(invented[1:20], 1)}) == {}
        assert links_of_pages(connection, dict.fromkeys(invented[20:], 1)) == {}
        assert links_of_pages(connection, {SHOES: 1, HATS: pages.PROOF}).keys() == {SHOES, HATS}
        assert len(links_of(connection, CAMPAIGN)) == 4


def test_beyond_many_pages_the_clicks_that_a_page_needs_double_and_no_page_is_kept_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FREE_PAGES", 0)
    monkeypatch.setattr(pages, "MANY_PAGES", 4)
    monkeypatch.setattr(pages, "STEP", 2)
    invented = [(CAMPAIGN, f"shop.test/{n}") for n in range(40)]
    with database.write() as connection:
        add_campaign(connection, AUTUMN, [])
        made = [len(links_of_pages(connection, dict.fromkeys(invented, 3)))]
        made += [len(links_of_pages(connection, dict.fromkeys(invented, 3))) for _ in range(4)]
        assert made == [4, 6, 6, 8, 8], "3 clicks for 4 pages, 6 for the next two, 12 for the next two"
        assert links_of_pages(connection, {SHOES: 23}) == {}
        assert links_of_pages(connection, {SHOES: 1}).keys() == {SHOES}


def test_clicks_of_bots_make_no_page(database: Database) -> None:
    with database.write() as connection:
        add_campaign(connection, AUTUMN, [])
        assert links_of_pages(connection, {SHOES: 0, HATS: 1}).keys() == {HATS}
        assert links_of_pages(connection, {SHOES: 0, HATS: 0}).keys() == {HATS}, "a known page has them, too"


def test_an_item_that_the_link_names_is_the_label_of_its_page(database: Database) -> None:
    with database.write() as connection:
        add_campaign(connection, AUTUMN, [])
        named = CAMPAIGN, f"{SHOES[1]} Red shoes, 42"
        assert len(links_of_pages(connection, {SHOES: 1, named: 1})) == 2
        found = [(one.label, one.url) for one in links_of(connection, CAMPAIGN)][1:]
    assert found == [("/p/shoes", f"https://{SHOES[1]}"), ("Red shoes, 42", f"https://{SHOES[1]}")]


def test_pages_of_an_unknown_campaign_are_not_stored(database: Database) -> None:
    with database.write() as connection:
        assert links_of_pages(connection, {SHOES: 1}) == {}


def test_the_sales_switch_of_a_dynamic_link_is_that_of_its_pages(database: Database) -> None:
    with database.write() as connection:
        add_campaign(connection, AUTUMN, [HERO])
        links_of_pages(connection, {SHOES: 1})
        assert switch_link(connection, AUTUMN, CAMPAIGN, False)
        links_of_pages(connection, {HATS: 1})
        assert [one.sale_pixel for one in links_of(connection, CAMPAIGN)] == [True, False, False, False]


def test_the_directory_has_a_dynamic_link_that_is_switched_off(database: Database) -> None:
    with database.write() as connection:
        add_campaign(connection, AUTUMN, [])
        add_dynamic_link(connection, 1, CAMPAIGN)
        add_dynamic_link(connection, 1, CAMPAIGN)
        (stored,) = links_of(connection, CAMPAIGN)
        assert stored == dynamic_link(CAMPAIGN)
        off = replace(stored, active=False)
        store.change_link(connection, stored, off, NOON + timedelta(hours=1))
        assert read_directory(connection).links == {CAMPAIGN: ""}
