"""What visitors of dynamic links get from a running edge."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from salepixel.campaigns.links import Link, LinkSealer
from salepixel.clicks.records import ClickRecord
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.keys import Keys
from salepixel.wire.directory import DIRECTORY_KEY
from salepixel.wire.redis import open_redis
from salepixel_edge.app import NOT_FOUND, TRY_AGAIN
from tests.edge.known import edge_that_knows_accounts, journaled, with_secrets
from tests.edge.running import AGENT, RunningEdge
from tests.make import CAMPAIGN, LINK
from tests.waiting import until

SHOES = quote("https://shop.test/p/red-shoes?color=red#top", safe="")


@pytest.fixture(scope="module")
def edge(redis_address: str, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    with edge_that_knows_accounts(redis_address, keys, tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.fixture(scope="module")
def token(links: LinkSealer) -> str:
    return links.seal(Link(7, CAMPAIGN, CAMPAIGN, ""))


def test_a_click_is_redirected_to_the_address_with_its_token_and_journaled_with_its_page(
    edge: RunningEdge, token: str, sealer: ClickSealer
) -> None:
    answer = edge.get(f"/r/{token}?k=ana&u={SHOES}")
    assert (answer.status, answer.body) == (302, b"")
    destination = urlsplit(answer.header("location"))
    assert destination._replace(query="").geturl() == "https://shop.test/p/red-shoes#top"
    (click_token,) = parse_qs(destination.query)["spx"]
    assert destination.query == f"color=red&spx={click_token}"
    click = sealer.open(click_token)
    assert (click.emp_id, click.campaign, click.link, click.contact) == (7, CAMPAIGN, CAMPAIGN, "ana")
    assert answer.header("set-cookie").startswith(f"spx7={click_token}; Path=/;")
    assert answer.header("cache-control") == "no-store, private"
    page = "shop.test/p/red-shoes"
    assert journaled(edge)[-1] == ClickRecord(click, Signal(0), AGENT, "127.0.0.1", page)


@pytest.mark.parametrize(
    ("query", "location", "contact"),
    [
        ("k=ana&u=https://shop.test/p?a=1&b=2", "https://shop.test/p?a=1&b=2&spx=", "ana"),
        ("u=https://shop.test/p&k=ana", "https://shop.test/p?spx=", "ana"),
        ("k=ana&amp;u=https://shop.test/p&amp;b=2", "https://shop.test/p?b=2&spx=", "ana"),
        ("k=ana&u=https%3A%2F%2Fshop.test%2Fp?utm_source=nl&utm_medium=e",
         "https://shop.test/p?utm_source=nl&utm_medium=e&spx=", "ana"),
        ("k=ana&utm_source=a&utm_term=b&u=https://shop.test/p?utm_source=own",
         "https://shop.test/p?utm_source=own&utm_term=b&spx=", "ana"),
        ("k=ana&u=https://shop.test/p?f=1&f=2", "https://shop.test/p?f=1&f=2&spx=", "ana"),
        ("k=ana&u=https://shop.test/p?spx=OLD", "https://shop.test/p?spx=", "ana"),
        ("k=ana&u=https://shop.test/p&u=https://evil.test/",
         "https://shop.test/p?u=https://evil.test/&spx=", "ana"),
        ("u=https://shop.test/p", "https://shop.test/p?spx=", ""),
    ],
)  # fmt: skip
def test_parameters_around_the_address_are_those_of_a_tracked_link(
    edge: RunningEdge, token: str, sealer: ClickSealer, query: str, location: str, contact: str
) -> None:
    start, mark, click_token = edge.get(f"/r/{token}?{query}").header("location").rpartition("spx=")
    assert start + mark == location
    assert sealer.open(click_token).contact == contact


@pytest.mark.parametrize(
    ("query", "destination", "item"),
    [
        (f"k=ana&i=R-1&u={SHOES}", "color=red&spx=", "R-1"),
        (f"i=Red%20shoes&k=ana&utm_term=a&u={SHOES}", "color=red&utm_term=a&spx=", "Red shoes"),
        (f"k=ana&amp;i=Red+shoes&amp;u={SHOES}", "color=red&spx=", "Red shoes"),
        (f"k=ana&i=%20ni%C3%B1o%0Ax&u={SHOES}", "color=red&spx=", "niño x"),
        (f"k=ana&i={{{{%20item.name%20}}}}&u={SHOES}", "color=red&spx=", ""),
        (f"k=ana&i=ana@example.com&u={SHOES}", "color=red&spx=", ""),
        (f"k=ana&i=&u={SHOES}", "color=red&spx=", ""),
        (f"k=ana&i={'x' * 500}&u={SHOES}", "color=red&spx=", "x" * 100),
        ("k=ana&u=https://shop.test/p/red-shoes?a=1&i=5", "a=1&i=5&spx=", ""),
    ],
)
def test_an_item_that_the_link_names_is_journaled_and_not_passed_on(
    edge: RunningEdge, token: str, query: str, destination: str, item: str
) -> None:
    location = urlsplit(edge.get(f"/r/{token}?{query}").header("location"))
    assert location.query.rpartition("spx=")[0] + "spx=" == destination
    record = journaled(edge)[-1]
    assert isinstance(record, ClickRecord)
    assert record.page == f"shop.test/p/red-shoes {item}".strip()


def test_a_new_edge_without_a_directory_asks_to_come_back(keys: Keys, token: str, tmp_path: Path) -> None:
    """It does not know yet where the account's links may lead."""
    fresh = RunningEdge(tmp_path, f"unix://{tmp_path}/none.sock", keys)
    fresh.start()
    answer = fresh.get(f"/r/{token}?k=ana&u={SHOES}")
    assert (answer.status, answer.body, answer.header("retry-after")) == (503, TRY_AGAIN, "5")
    assert fresh.health()["counts"]["no_directory"] == 1
    assert fresh.get("/r/x").status == 404
    assert fresh.terminate() == 0


@pytest.mark.parametrize(
    ("headers", "method", "contact", "signals"),
    [
        ({"Sec-GPC": "1"}, "GET", "ana", Signal.PRIVACY),
        ({}, "HEAD", "ana", Signal.HEAD),
        ({"Sec-Purpose": "prefetch"}, "GET", "ana", Signal.PREFETCH),
        ({}, "GET", "c9", Signal.PRIVACY),
        ({}, "GET", "{{ person.KlaviyoID }}", Signal.UNRENDERED),
    ],
)
def test_a_visitor_who_is_not_tracked_is_redirected_without_a_token(
    edge: RunningEdge, token: str, headers: dict[str, str], method: str, contact: str, signals: Signal
) -> None:
    answer = edge.get(f"/r/{token}?k={quote(contact)}&u={SHOES}", headers, method)
    assert answer.header("location") == "https://shop.test/p/red-shoes?color=red#top"
    assert not answer.header("set-cookie")
    record = journaled(edge)[-1]
    assert isinstance(record, ClickRecord)
    assert (record.signals, record.page) == (signals, "shop.test/p/red-shoes")
    assert record.click.contact == ("" if signals & (Signal.PRIVACY | Signal.UNRENDERED) else "ana")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("k=ana&u=https://evil.test/", "host_not_listed"),
        ("k=ana&u=https://shop.test@evil.test/", "bad_destination"),
        ("k=ana&u=//evil.test/", "bad_destination"),
        ("k=ana&u=https%253A%252F%252Fshop.test%252F", "bad_destination"),
        ("k=ana&u={{%20item.url%20}}", "bad_destination"),
        ("k=ana&u=", "bad_destination"),
        ("k=ana", "bad_destination"),
        ("", "bad_destination"),
    ],
)
def test_an_address_elsewhere_gets_the_neutral_page_and_is_counted_by_name(
    edge: RunningEdge, token: str, query: str, reason: str
) -> None:
    before = edge.health()
    answer = edge.get(f"/r/{token}?{query}")
    assert (answer.status, answer.body, answer.header("location")) == (404, NOT_FOUND, "")
    after = edge.health()
    assert after["counts"][reason] == before["counts"].get(reason, 0) + 1
    assert after["last"] == before["last"]


def test_tokens_of_tracked_and_dynamic_links_are_not_taken_for_each_other(
    edge: RunningEdge, token: str, links: LinkSealer
) -> None:
    tracked = links.seal(Link(7, CAMPAIGN, LINK, "https://shop.test/"))
    for path in (
        f"/c/{token}?k=ana",
        f"/c/{token}?k=ana&u={SHOES}",
        f"/r/{tracked}?u={SHOES}",
        "/r/x",
        "/r/",
    ):
        assert edge.get(path).status == 404


def test_an_account_without_hosts_has_no_dynamic_links(edge: RunningEdge, links: LinkSealer) -> None:
    assert edge.get(f"/r/{links.seal(Link(8, CAMPAIGN, CAMPAIGN, ''))}?u={SHOES}").status == 404


def test_hosts_and_the_switch_change_after_sending(
    edge: RunningEdge, redis_address: str, keys: Keys, token: str
) -> None:
    known, path = with_secrets(keys), f"/r/{token}?k=ana&u={SHOES}"
    redis = open_redis(redis_address)
    try:
        redis.set(DIRECTORY_KEY, replace(known, link_hosts={7: frozenset({"other.test"})}).to_json())
        assert until(lambda: edge.get(path).status == 404)
        redis.set(DIRECTORY_KEY, replace(known, links={CAMPAIGN: ""}).to_json())
        assert until(lambda: edge.get(path).status == 410)
    finally:
        redis.set(DIRECTORY_KEY, known.to_json())
        assert until(lambda: edge.get(path).status == 302)
        redis.close()
