"""A campaign's links as stored and as published to edges; on both databases."""

from dataclasses import replace
from datetime import timedelta

from salepixel.campaigns.directory import read_directory
from salepixel.campaigns.store import Campaign, CampaignLink, add_campaign, change_link, links_of
from salepixel.storage.database import Database
from tests.make import CAMPAIGN, LINK, NOON, OTHER_LINK

HERO = CampaignLink(LINK, "https://shop.test/", "Hero", True)
ABOUT = CampaignLink(OTHER_LINK, "https://shop.test/about", "About", False)
LATER = NOON + timedelta(hours=1)


def test_the_directory_has_only_links_whose_destination_changed(database: Database) -> None:
    with database.write() as connection:
        add_campaign(connection, Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON), [HERO, ABOUT])
        assert read_directory(connection).links == {}
        moved = change_link(connection, HERO, replace(HERO, new_url="https://shop.test/new"), NOON)
        off = change_link(connection, ABOUT, replace(ABOUT, active=False), NOON)
        assert links_of(connection, CAMPAIGN) == [moved, off]
        assert read_directory(connection).links == {LINK: "https://shop.test/new", OTHER_LINK: ""}
        back = change_link(connection, moved, replace(moved, new_url=HERO.url), LATER)
        on = change_link(connection, off, replace(off, active=True), LATER)
        assert back == replace(HERO, changed_at=LATER)
        assert on == replace(ABOUT, changed_at=LATER)
        assert links_of(connection, CAMPAIGN) == [back, on]
        assert read_directory(connection).links == {}


def test_changing_one_thing_does_not_undo_another(database: Database) -> None:
    with database.write() as connection:
        add_campaign(connection, Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON), [HERO, ABOUT])
        change_link(connection, HERO, replace(HERO, active=False), NOON)
        # Two people opened the same form; the second has not seen what the first did.
        change_link(connection, HERO, replace(HERO, label="Top"), LATER)
        assert links_of(connection, CAMPAIGN) == [
            replace(HERO, label="Top", active=False, changed_at=NOON),
            ABOUT,
        ]


def test_edges_know_merge_tags_of_unknown_mailers(database: Database) -> None:
    tags = {1: ["{contact}", "-CONTACTID-", "-CONTACTID-", " [ID]"], 2: ["%EMAIL%"], 3: ["ID."]}
    with database.write() as connection:
        for emp_id, its in tags.items():
            for number, tag in enumerate(its):
                campaign = Campaign(f"{emp_id}{number:011}", emp_id, "Autumn", "other", NOON, tag)
                add_campaign(connection, campaign, [])
        assert read_directory(connection).tags == {
            1: frozenset({"-CONTACTID-", "[ID]"}),
            3: frozenset({"ID"}),
        }
