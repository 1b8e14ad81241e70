"""The server's own requests name what is wrong with a tracking host, or with a page of the shop."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from salepixel.checks.probes import probe_host, probe_page
from salepixel.checks.tag import find_tag
from salepixel.keys import Keys
from salepixel.wire import outgoing
from salepixel.wire.outgoing import Answer
from salepixel.wire.round_trip import BACK, PATH, Report, RoundTrips, Ticket
from tests.conftest import LOOPBACK
from tests.edge.running import RunningEdge
from tests.far_host import FarHost, answers

TAG = b'<script src="https://track.shop.test/sp.js" data-emp-id="7"></script>'


@pytest.fixture(scope="module")
def edge(redis_address: str, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    running = RunningEdge(tmp_path_factory.mktemp("edge"), redis_address, keys)
    running.start()
    yield running
    running.kill()


@pytest.fixture
def host() -> Iterator[FarHost]:
    with FarHost() as opened:
        yield opened


def test_an_edge_of_this_installation_keeps_its_cookie(edge: RunningEdge, keys: Keys) -> None:
    assert probe_host(f"http://127.0.0.1:{edge.port}", RoundTrips(keys), 7) == ""


def test_an_edge_with_other_keys_is_another_server(edge: RunningEdge) -> None:
    others = RoundTrips(Keys(1, {1: bytes(32)}))
    assert probe_host(f"http://127.0.0.1:{edge.port}", others, 7) == "other_server"


@pytest.mark.parametrize("header", ["set-cookie", "cookie"])
def test_a_proxy_that_drops_cookies_is_named(edge: RunningEdge, keys: Keys, header: str) -> None:
    def through_proxy(method: str, url: str, *, headers: dict[str, str], seconds: float) -> Answer:
        kept = {name: value for name, value in headers.items() if name.lower() != header}
        answer = outgoing.call(method, url, headers=kept, seconds=seconds)
        passed = {name: value for name, value in answer.headers.items() if name != header}
        return Answer(answer.status, answer.body, passed)

    reason = probe_host(f"http://127.0.0.1:{edge.port}", RoundTrips(keys), 7, call=through_proxy)
    assert reason == {"set-cookie": "cookie_not_set", "cookie": "cookie_not_read"}[header]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {}),
        (404, {}),
        (301, {"Location": "https://shop.test/"}),
        (302, {"Location": "/check/"}),
        (302, {"Location": "/check/a?report=x"}),
        (302, {}),
    ],
)
def test_a_host_that_answers_otherwise_is_another_server(
    host: FarHost, keys: Keys, status: int, headers: dict[str, str]
) -> None:
    host.answers["*"] = answers(status, **headers)
    assert probe_host(host.url, RoundTrips(keys), 7) == "other_server"


def test_a_host_that_does_not_answer_is_unreachable(keys: Keys) -> None:
    with FarHost() as gone:
        url = gone.url
    assert probe_host(url, RoundTrips(keys), 7) == "unreachable"


def test_a_private_address_looks_unreachable(host: FarHost, keys: Keys) -> None:
    outgoing.allow_private(())
    try:
        assert probe_host(host.url, RoundTrips(keys), 7) == "unreachable"
    finally:
        outgoing.allow_private(LOOPBACK)
    assert host.requests == []


def test_the_tag_is_looked_for_on_the_shops_page(host: FarHost) -> None:
    host.answers["/"] = answers(200, b"<html>" + TAG, Content_Type="text/html; charset=x-unknown")
    assert probe_page(host.url + "/", {"track.shop.test"}, 7) == ""
    host.answers["/"] = answers(200, b"<html>")
    assert probe_page(host.url + "/", {"track.shop.test"}, 7) == "not_found"


@pytest.mark.parametrize("charset", ["idna", "undefined", "punycode", "hex", "utf-7", "unicode_escape"])
def test_a_page_may_name_a_codec_that_is_no_encoding_of_text(host: FarHost, charset: str) -> None:
    body = TAG + b"\\x" + bytes(range(128, 256)) + b"a" * 100_000 + b"-" + b"a" * 100_000
    host.answers["/"] = answers(200, body, Content_Type=f"text/html; charset={charset}")
    assert probe_page(host.url + "/", {"track.shop.test"}, 7) == ""


@pytest.mark.parametrize("junk", [b"<![", b"<![<", b"<!%", b"<!DOCTYPE [<!x", b"<![if x"])
def test_broken_markup_behind_the_tag_does_not_hide_it(host: FarHost, junk: bytes) -> None:
    host.answers["/"] = answers(200, b"<html>" + TAG + junk * 100)
    assert probe_page(host.url + "/", {"track.shop.test"}, 7) == ""
    host.answers["/"] = answers(200, b"<html>" + junk * 100 + TAG)
    assert probe_page(host.url + "/", {"track.shop.test"}, 7) in ("", "not_found")


def test_the_cost_of_a_page_grows_with_its_length_only(host: FarHost) -> None:
    def cost(page: str) -> float:
        began = time.process_time()
        find_tag(page, {"track.shop.test"}, 7)
        return time.process_time() - began

    plain = min(cost("<p>a b</p>\n" * 10_000) for _ in range(3))
    assert cost("/" * 110_000) < plain
    assert cost("//a" * 36_000) < plain


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        ("/en/", ""),
        ("en/", ""),
        ("https://elsewhere.test/", "bad_status"),
        ("http://[", "bad_status"),
        ("/", "bad_status"),
    ],
)
def test_redirects_are_followed_within_the_site(host: FarHost, there: str, reason: str) -> None:
    host.answers["/"] = answers(302, Location=there)
    host.answers["/en/"] = answers(200, TAG)
    assert probe_page(host.url + "/", {"track.shop.test"}, 7) == reason
    assert len(host.requests) <= 4


@pytest.mark.parametrize(
    ("status", "body", "reason"), [(500, TAG, "bad_status"), (200, b"a" * 1_000_001, "too_large")]
)
def test_a_page_that_cannot_be_read_says_why(host: FarHost, status: int, body: bytes, reason: str) -> None:
    host.answers["*"] = answers(status, body)
    assert probe_page(host.url + "/", {"track.shop.test"}, 7) == reason


def test_the_ticket_is_read_by_the_edge_alone_and_leads_back(edge: RunningEdge, keys: Keys) -> None:
    trips = RoundTrips(keys)
    ticket = trips.ticket(Ticket(7, "https://shop.test/accounts/7?", datetime.now(UTC)))
    first = edge.get(f"{PATH}{ticket}", {"Host": "track.shop.test"})
    assert (first.status, first.header("location")) == (302, f"{PATH}{ticket}{BACK}")
    cookie = first.header("set-cookie")
    assert cookie == "spxcheck=1; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"
    for sent, kept in (({"Cookie": cookie.partition(";")[0]}, True), ({}, False)):
        second = edge.get(f"{PATH}{ticket}{BACK}", {"Host": "track.shop.test", **sent})
        address = urlsplit(second.header("location"))
        assert address._replace(query="").geturl() == "https://shop.test/accounts/7"
        report = trips.read_report(address.query.partition("report=")[2], datetime.now(UTC))
        assert (report.emp_id, report.host, report.kept) == (7, "track.shop.test", kept)


@pytest.mark.parametrize("path", ["", "x", "AQ", "../", "AQ/back", "%00", "é"])
def test_a_ticket_that_is_not_ours_leads_nowhere(edge: RunningEdge, path: str) -> None:
    answer = edge.raw(f"GET {PATH}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))


def test_an_old_ticket_and_a_report_in_its_place_are_refused(edge: RunningEdge, keys: Keys) -> None:
    trips = RoundTrips(keys)
    now = datetime.now(UTC)
    old = trips.ticket(Ticket(7, "https://a.test/?", now - timedelta(minutes=11)))
    for text in (old, trips.report(Report(7, "h", True, now))):
        assert edge.get(f"{PATH}{text}").status == 404
