"""A link's destination is changed or disabled after sending: the mail stays, and edges get the change."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from redis import Redis

from salepixel.campaigns.directory import publish_directory
from salepixel.campaigns.links import LinkSealer
from salepixel.storage.database import Database
from salepixel.wire.directory import DIRECTORY_KEY, Directory
from salepixel_worker.sweep import republish
from tests.plugin.conftest import SHOES, Office

SENT = "https://shop.test/p/1?a=b"
NEW = "https://shop.test/new?x=1#top"


@pytest.fixture
def connected(office: Office, redis: Redis) -> Office:
    """The office with a running Redis."""
    office.app.extensions["salepixel"] = replace(office.app.extensions["salepixel"], redis=redis)
    return office


def _path(campaign: Any, link: int = 0) -> str:
    return f"/campaigns/{campaign['id']}/links/{campaign['links'][link]['id']}"


def _patch(office: Office, path: str, change: dict[str, Any], key: str = SHOES) -> Any:
    answer = office.call("PATCH", path, change, key)
    assert answer.status_code == 200, answer.text
    changed = answer.json
    assert isinstance(changed, dict)
    assert changed.pop("warnings") == []
    return changed


def _published(redis: Redis) -> dict[str, str]:
    """The changed links that edges read."""
    text = redis.get(DIRECTORY_KEY)
    assert isinstance(text, bytes)
    return Directory.from_json(text).links


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ([{}], None),
        ([{"label": "New name"}], None),
        ([{"sale_pixel": False}], None),
        ([{"url": SENT}], None),
        ([{"active": True}], None),
        ([{"url": NEW}], NEW),
        ([{"url": "http://ñandú.test/é"}], "http://xn--and-6ma2c.test/%C3%A9"),
        ([{"active": False}], ""),
        ([{"url": NEW, "active": False}], ""),
        ([{"active": False}, {"url": NEW}], ""),
        ([{"url": NEW}, {"active": False}, {"active": True}], NEW),
        ([{"active": False}, {"active": True}], None),
        ([{"url": NEW}, {"url": SENT}], None),
        ([{"url": NEW}, {"url": "https://shop.test/last"}], "https://shop.test/last"),
    ],
)
def test_a_changed_destination_is_published_to_edges_at_once(
    connected: Office, redis: Redis, changes: list[dict[str, Any]], reported: str | None
) -> None:
    campaign = connected.campaign()
    for change in changes:
        _patch(connected, _path(campaign), change)
    assert _published(redis) == ({} if reported is None else {campaign["links"][0]["id"]: reported})


def test_a_changed_link_shows_its_old_and_new_destination_and_the_time(
    office: Office, links: LinkSealer
) -> None:
    campaign = office.campaign()
    before = office.get(f"/campaigns/{campaign['id']}/links")["links"]
    assert [(link["active"], link["changed_at"]) for link in before] == [(True, None), (True, None)]
    changed = _patch(office, _path(campaign), {"url": NEW})
    assert (changed["url"], changed["original_url"], changed["active"]) == (NEW, SENT, True)
    assert changed["changed_at"] is not None
    after = office.get(f"/campaigns/{campaign['id']}/links")["links"]
    assert {name: after[0][name] for name in changed} == changed
    assert after[1] == before[1]
    # The link in the mail stays valid: the token does not change.
    assert changed["tracked_url"] == campaign["links"][0]["tracked_url"]
    token = changed["tracked_url"].rpartition("/c/")[2].partition("?")[0]
    assert links.open(token).url == SENT


def test_fields_that_are_not_named_stay(office: Office) -> None:
    campaign = office.campaign()
    first = campaign["links"][0]
    for change in ({"label": "Second"}, {"sale_pixel": False}, {"active": False}, {"url": NEW}):
        first = first | change
        now = _patch(office, _path(campaign), change)
        assert now == first | {"changed_at": now["changed_at"]}


@pytest.mark.parametrize(
    "change", [{"url": NEW}, {"active": False}, {"url": NEW, "active": False, "label": "x"}]
)
def test_the_same_change_twice_counts_once(office: Office, change: dict[str, Any]) -> None:
    path = _path(office.campaign())
    once = _patch(office, path, change)
    assert _patch(office, path, change) == once


@pytest.mark.parametrize("change", [{"label": "x"}, {"sale_pixel": False}, {"active": True}, {"url": SENT}])
def test_an_equivalent_destination_is_no_change(office: Office, change: dict[str, Any]) -> None:
    assert _patch(office, _path(office.campaign()), change)["changed_at"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": None}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "//shop.test/"}, "url"),
        ({"url": "https://user:pw@shop.test/"}, "url"),
        ({"url": "https://shop.test/a b"}, "url"),
        ({"url": "https://shop.test/" + "x" * 2000}, "url"),
        ({"active": "off"}, "active"),
        ({"active": 0}, "active"),
        ({"active": None}, "active"),
        ({"label": "x" * 201}, "label"),
        ({"sale_pixel": None}, "sale_pixel"),
        ({"original_url": NEW}, "original_url"),
        ({"url": NEW, "active": 1}, "active"),
    ],
)
def test_a_changed_destination_is_validated_like_a_new_one(
    connected: Office, redis: Redis, change: dict[str, Any], field: str
) -> None:
    campaign = connected.campaign()
    answer = connected.call("PATCH", _path(campaign), change)
    assert answer.status_code == 422
    assert answer.json is not None
    assert field in answer.json["errors"]
    assert connected.get(f"/campaigns/{campaign['id']}")["links"] == campaign["links"]
    assert redis.get(DIRECTORY_KEY) is None


def test_a_change_made_without_redis_is_published_by_the_sweep(office: Office, redis: Redis) -> None:
    campaign = office.campaign()  # this office has no Redis
    _patch(office, _path(campaign), {"url": NEW})
    _patch(office, _path(campaign, 1), {"active": False})
    hero, about = (link["id"] for link in campaign["links"])
    republish(office.database, redis)
    assert _published(redis) == {hero: NEW, about: ""}
    redis.flushall()
    republish(office.database, redis)
    assert _published(redis) == {hero: NEW, about: ""}


def test_a_repeated_change_is_published_again(connected: Office, redis: Redis) -> None:
    path = _path(connected.campaign())
    _patch(connected, path, {"url": NEW})
    redis.flushall()
    _patch(connected, path, {"url": NEW})
    assert list(_published(redis).values()) == [NEW]


class Overtaken(Database):
    """A database whose first reader is overtaken by a change that is published before it."""

    def __init__(self, connected: Office, path: str) -> None:
        super().__init__(connected.database.engine)
        self._office, self._path = connected, path
        self._overtaken = False

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        with super().read() as connection:
            yield connection
        if not self._overtaken:
            self._overtaken = True
            _patch(self._office, self._path, {"url": NEW})


def test_a_stale_directory_never_overwrites_a_newer_one(connected: Office, redis: Redis) -> None:
    campaign = connected.campaign()
    publish_directory(Overtaken(connected, _path(campaign)), redis)
    assert _published(redis) == {campaign["links"][0]["id"]: NEW}
