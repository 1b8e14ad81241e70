"""What browsers, scanners and attackers get from a running edge."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from salepixel.campaigns.links import Link, LinkSealer
from salepixel.clicks.hits import Hit, sign_hit
from salepixel.clicks.records import ClickRecord, HitRecord
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.keys import Keys
from salepixel.wire.directory import DIRECTORY_KEY
from salepixel.wire.redis import open_redis
from salepixel_edge.app import GIF, NOT_FOUND
from tests.edge.known import SECRET, edge_that_knows_accounts, journaled, with_secrets
from tests.edge.running import AGENT, Answer, RunningEdge
from tests.make import CAMPAIGN, LINK, NOON, click_at

URL = "https://shop.test/p/1?a=b#top"
HOST = {"Host": "track.shop.test"}


@pytest.fixture(scope="module")
def edge(redis_address: str, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    with edge_that_knows_accounts(redis_address, keys, tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.fixture(scope="module")
def token(links: LinkSealer) -> str:
    return links.seal(Link(7, CAMPAIGN, LINK, URL))


def test_a_click_is_redirected_with_its_token_on_the_destination_and_in_a_cookie(
    edge: RunningEdge, token: str, sealer: ClickSealer
) -> None:
    answer = edge.get(f"/c/{token}?k=ana%2B1@example.test")
    assert (answer.status, answer.body) == (302, b"")
    destination = urlsplit(answer.header("location"))
    assert destination._replace(query="").geturl() == "https://shop.test/p/1#top"
    (click_token,) = parse_qs(destination.query)["spx"]
    assert destination.query == f"a=b&spx={click_token}"
    click = sealer.open(click_token)
    assert (click.emp_id, click.campaign, click.link) == (7, CAMPAIGN, LINK)
    assert click.contact == "ana+1@example.test"
    assert answer.header("set-cookie") == (
        f"spx7={click_token}; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax"
    )
    assert answer.header("cache-control") == "no-store, private"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("x-robots-tag") == "noindex"
    assert journaled(edge)[-1] == ClickRecord(click, Signal(0), AGENT, "127.0.0.1")


def test_each_click_has_its_own_token(edge: RunningEdge, token: str) -> None:
    assert len({edge.get(f"/c/{token}?k=c1").header("location") for _ in range(5)}) == 5


def test_over_https_the_cookie_is_bound_to_the_host(
    redis_address: str, keys: Keys, token: str, tmp_path: Path
) -> None:
    secure = RunningEdge(tmp_path, redis_address, keys, edge_url="https://track.shop.test")
    secure.start()
    try:
        name, _, rest = secure.get(f"/c/{token}?k=c1").header("set-cookie").partition("=")
        assert name == "__Host-spx7"
        assert rest.partition("; ")[2] == "Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax; Secure"
    finally:
        assert secure.terminate() == 0


@pytest.mark.parametrize(
    ("method", "headers", "query", "signal"),
    [
        ("HEAD", {}, "?k=c1", Signal.HEAD),
        ("GET", {"Purpose": "prefetch"}, "?k=c1", Signal.PREFETCH),
        ("GET", {"Sec-Purpose": "prefetch;prerender"}, "?k=c1", Signal.PREFETCH),
        ("GET", {"X-Moz": "prefetch"}, "?k=c1", Signal.PREFETCH),
        ("GET", {"X-Purpose": "preview"}, "?k=c1", Signal.PREFETCH),
        ("GET", {"Sec-GPC": "1"}, "?k=c1", Signal.PRIVACY),
        ("GET", {}, "?k=who%20refus%C3%A9", Signal.PRIVACY),
        ("GET", {}, "?k=%C3%A9rased", Signal.PRIVACY),
        ("GET", {}, "?k={{contact.id}}", Signal.UNRENDERED),
        ("GET", {}, "?k=%7B%7Bcontact.id%7D%7D", Signal.UNRENDERED),
        ("GET", {}, "?k=*|UNIQID|*", Signal.UNRENDERED),
        ("GET", {}, "?k=%EMAIL%", Signal.UNRENDERED),
        ("GET", {}, "?k=-CONTACTID-", Signal.UNRENDERED),
        ("GET", {}, "?k=[ID]", Signal.UNRENDERED),
        ("GET", {}, "?k=%5BID%5D", Signal.UNRENDERED),
        ("GET", {}, "?k=%id%", Signal.UNRENDERED),
        ("GET", {}, "?k=%25id%25", Signal.UNRENDERED),
        ("GET", {}, "?k={ID}", Signal.UNRENDERED),
        ("GET", {}, "?k=%7BID%7D.", Signal.UNRENDERED),
        ("GET", {}, "?k=$ID$", Signal.UNRENDERED),
        ("GET", {}, "?k=@ID@", Signal.UNRENDERED),
        ("GET", {}, "?k=CONTACTO", Signal.UNRENDERED),
        ("GET", {}, "?k=c9", Signal.PRIVACY),
        ("GET", {}, "?k=c9%20", Signal.PRIVACY),
        ("GET", {}, "?k=%20c9", Signal.PRIVACY),
        ("GET", {}, "?k=c9.", Signal.PRIVACY),
        ("GET", {}, "?k=c9%C2%A0", Signal.PRIVACY),
        ("GET", {}, "?k=%EF%BB%BFc9%E2%80%8B", Signal.PRIVACY),
    ],
)
def test_a_request_that_is_no_visit_is_redirected_and_marked_without_cookie_and_token(
    edge: RunningEdge, token: str, method: str, headers: dict[str, str], query: str, signal: Signal
) -> None:
    answer = edge.get(f"/c/{token}{query}", headers, method)
    assert (answer.status, answer.header("location"), answer.header("set-cookie")) == (302, URL, "")
    record = journaled(edge)[-1]
    assert isinstance(record, ClickRecord)
    assert record.signals == signal
    assert record.click.contact == ("c1" if signal in (Signal.HEAD, Signal.PREFETCH) else "")


@pytest.mark.parametrize("query", ["", "?k=", "?k", "?k=%20"])
def test_a_click_without_a_contact_still_counts_as_a_visit(
    edge: RunningEdge, token: str, sealer: ClickSealer, query: str
) -> None:
    location = edge.get(f"/c/{token}{query}").header("location")
    (click_token,) = parse_qs(urlsplit(location).query)["spx"]
    assert sealer.open(click_token).contact == ""
    record = journaled(edge)[-1]
    assert isinstance(record, ClickRecord)
    assert (record.click.contact, record.signals) == ("", Signal(0))


@pytest.mark.parametrize(
    ("query", "contact", "destination"),
    [
        ("k=ana&utm_source=klaviyo&utm_medium=email", "ana", "a=b&utm_source=klaviyo&utm_medium=email"),
        ("utm_source=klaviyo&k=ana", "ana", "a=b&utm_source=klaviyo"),
        ("k=ana?utm_source=x", "ana", "a=b&utm_source=x"),
        ("k=ana&a=mailer", "ana", "a=mailer"),
        ("k=ana&%61=mailer&c=Peña".replace("ñ", "%C3%B1"), "ana", "%61=mailer&c=Pe%C3%B1a"),
        ("k=ana&spx=OLD&s%70x=&spx", "ana", "a=b"),
        ("k=c9?utm_source=nl", "", "a=b&utm_source=nl"),
    ],
)
def test_parameters_appended_by_the_mailer_reach_the_shop(
    edge: RunningEdge, token: str, sealer: ClickSealer, query: str, contact: str, destination: str
) -> None:
    location = edge.get(f"/c/{token}?{query}").header("location")
    path, _, rest = location.partition("?")
    assert path == "https://shop.test/p/1"
    query, _, fragment = rest.partition("#")
    assert fragment == "top"
    rest, _, click_token = query.partition("&spx=")
    assert rest == destination
    assert (sealer.open(click_token).contact if click_token else "") == contact
    record = journaled(edge)[-1]
    assert isinstance(record, ClickRecord)
    assert record.click.contact == contact


@pytest.mark.parametrize(
    "query", ["spx={old}", "a=b&spx={old}&c=d", "spx={old}&spx={old}", "spx=&spx", "%73px={old}"]
)
@pytest.mark.parametrize(("method", "tokens"), [("GET", 1), ("HEAD", 0)])
def test_a_token_in_a_stored_destination_is_not_forwarded(
    edge: RunningEdge, links: LinkSealer, sealer: ClickSealer, query: str, method: str, tokens: int
) -> None:
    old = sealer.seal(click_at(NOON, contact="somebody", emp_id=7))
    url = "https://shop.test/p?" + query.format(old=old)
    token = links.seal(Link(7, CAMPAIGN, LINK, url))
    location = edge.get(f"/c/{token}?k=ana", method=method).header("location")
    found = parse_qs(urlsplit(location).query, keep_blank_values=True).get("spx", [])
    assert [sealer.open(one).contact for one in found] == ["ana"] * tokens
    assert old not in location


@pytest.mark.parametrize(
    ("path", "contact"),
    [
        ("{token}/?k=c1", "c1"),
        ("{token}%3Fk%3Dc1", "c1"),
        ("{token}%3fk=c1", "c1"),
        ("{token}&k=c1", "c1"),
        ("{token}&amp;k=c1", "c1"),
        ("{token})", ""),
        ("{token}.", ""),
        ("{token}.?k=c1", "c1"),
        ("{token}%20", ""),
        ("{token}=", ""),
        ("{token}%C2%A0?k=c1", "c1"),
        ("{coded}?k=c1", "c1"),
        ("{token}%3Fk%3Dc1?utm_source=x", "c1"),
    ],
)
def test_links_altered_by_mail_programs_still_redirect(
    edge: RunningEdge, token: str, sealer: ClickSealer, path: str, contact: str
) -> None:
    coded = "".join(f"%{ord(c):02x}" if at % 3 else c for at, c in enumerate(token))
    answer = edge.get("/c/" + path.format(token=token, coded=coded))
    assert answer.status == 302
    (click_token,) = parse_qs(urlsplit(answer.header("location")).query)["spx"]
    assert sealer.open(click_token).contact == contact


def wrong_tokens(token: str) -> list[str]:
    """Many kinds of invalid token, which must be indistinguishable."""
    other = LinkSealer(Keys(1, {1: bytes(32)})).seal(Link(7, CAMPAIGN, LINK, URL))
    other_key = LinkSealer(Keys(2, {2: bytes(32)})).seal(Link(7, CAMPAIGN, LINK, URL))
    flipped = [
        token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(0, len(token), 5)
    ]
    return [
        *flipped,
        *(token[:length] for length in range(0, len(token), 7)),
        other,
        other_key,
        token + "A",
        token + "/x",
        token + "%C3%B1",
        token[:-1] + ".",
        "/" + token,
        token + "%00",
        token + "%0d%0aSet-Cookie:x=1",
        "%F1%FF",
        "%C3%B1",
        "..%2f..%2fetc%2fpasswd",
        "https://evil.test/",
        "A" * 9000,
        token.swapcase(),
    ]


def test_every_bad_token_gets_the_same_answer(edge: RunningEdge, token: str) -> None:
    answers = {repr(_without_date(edge.get(f"/c/{wrong}?k=c1"))) for wrong in wrong_tokens(token)}
    answers.add(repr(_without_date(edge.get("/nothing/here"))))
    assert len(answers) == 1, answers
    answer = edge.get("/c/x")
    assert (answer.status, answer.body) == (404, NOT_FOUND)
    assert answer.header("location") == answer.header("set-cookie") == ""


def _without_date(answer: Answer) -> Answer:
    return Answer(answer.status, [pair for pair in answer.headers if pair[0] != "date"], answer.body)


@pytest.mark.parametrize(
    ("query", "host", "reason"),
    [
        ("empId=7&PRODUCTO=Zapatos&CANTIDAD=2&IMPORTE=1.234,56", "track.shop.test", ""),
        ("empID=7&product=Shoes&quantity=1&amount=1,234.56", "TRACK.SHOP.TEST:8080", ""),
        ("empId=7", "track.shop.test", ""),
        ("empId=7&IMPORTE=39,80&order=1042&currency=EUR", "track.shop.test", ""),
        ("empId=8&IMPORTE=5", "any.host.test", ""),
        ("empId=7", "track.shop.test.", ""),
        ("empId=7", "other.test", "wrong_host"),
        ("empId=7", "127.0.0.1", "wrong_host"),
        ("empId=7", "[::1]:8080", "wrong_host"),
        ("empId=70", "track.shop.test", "unknown_account"),
        ("", "track.shop.test", "no_empid"),
        ("empId=", "track.shop.test", "no_empid"),
        ("empId=x", "track.shop.test", "bad_empid"),
        ("empId=-1", "track.shop.test", "bad_empid"),
        ("empId=99999999999", "track.shop.test", "bad_empid"),
        ("empId=%D9%A7", "track.shop.test", "bad_empid"),
        ("empId=7&IMPORTE=-5", "track.shop.test", "negative_amount"),
        ("empId=7&IMPORTE=NaN", "track.shop.test", "bad_amount"),
        ("empId=7&IMPORTE=1e999", "track.shop.test", "bad_amount"),
        ("empId=7&IMPORTE=Infinity", "track.shop.test", "bad_amount"),
        ("empId=7&CANTIDAD=0", "track.shop.test", "bad_quantity"),
        ("empId=7&CANTIDAD=-1.5", "track.shop.test", "bad_quantity"),
        ("empId=7&moneda=EURO", "track.shop.test", "bad_currency"),
        ("empId=7&PRODUCTO=%00", "track.shop.test", ""),
        ("empId=7&PRODUCTO=a&amp;IMPORTE=x", "track.shop.test", "bad_amount"),
        ("empId=7&PRODUCTO=" + "x" * 5000, "track.shop.test", "too_long"),
        ("empId=7&" + "&".join(f"a{n}=1" for n in range(100)), "track.shop.test", "too_long"),
        ("empId=8&IMPORTE=5&sig=00ff", "shop.test", "bad_signature"),
        ("empId=8&IMPORTE=5&sig=%C3%B1", "shop.test", "bad_signature"),
        ("empId=9&IMPORTE=5", "shop.test", "unsigned"),
    ],
)
def test_the_pixel_is_always_an_image_and_says_why_it_does_not_count(
    edge: RunningEdge, query: str, host: str, reason: str
) -> None:
    answer = edge.get(f"/track/sale?{query}", {"Host": host})
    assert (answer.status, answer.header("content-type"), answer.body) == (200, "image/gif", GIF)
    assert len(answer.body) == 43
    assert answer.header("x-salepixel") == (f"ignored; {reason}" if reason else "counted")
    assert answer.header("cache-control") == "no-store, private"
    assert answer.header("set-cookie") == ""


@pytest.mark.parametrize("emp_id", [8, 9])
def test_a_signed_pixel_counts(edge: RunningEdge, emp_id: int) -> None:
    signature = sign_hit(SECRET, Hit(emp_id, "Shoes", Decimal(2), Decimal("39.80"), "1042", "EUR"))
    fields = {
        "empId": emp_id,
        "PRODUCTO": "Shoes",
        "CANTIDAD": 2,
        "IMPORTE": "39,80",
        "order": "1042",
        "currency": "EUR",
        "sig": signature,
    }
    answer = edge.get(f"/track/sale?{urlencode(fields)}")
    assert answer.header("x-salepixel") == "counted"
    record = journaled(edge)[-1]
    assert isinstance(record, HitRecord)
    assert (record.signed, record.ignored, record.emp_id) == (True, "", emp_id)


def test_an_invalid_hit_is_stored_only_for_a_known_account(edge: RunningEdge) -> None:
    before = len(journaled(edge))
    edge.get("/track/sale?empId=70", HOST)
    edge.get("/track/sale?empId=7", {"Host": "other.test"})
    edge.get("/track/sale", HOST)
    assert len(journaled(edge)) == before
    edge.get("/track/sale?empId=7&IMPORTE=NaN", HOST)
    record = journaled(edge)[-1]
    assert isinstance(record, HitRecord)
    assert (record.emp_id, record.ignored) == (7, "bad_amount")


@pytest.mark.parametrize(
    ("cookie", "headers", "kept"),
    [
        ("spx7={own}", {}, "{own}"),
        ("a=1; spx7={own}; b=2", {}, "{own}"),
        ("spx7=forged", {}, "forged"),
        ("spx8={own}", {}, ""),
        ("x" * 4100 + "; spx7={own}", {}, "{own}"),
        ("spx7=" + "x" * 256, {}, ""),
        ("spx7={own}", {"Sec-GPC": "1"}, ""),
    ],
)
def test_the_accounts_cookie_is_stored_unopened(
    edge: RunningEdge, sealer: ClickSealer, cookie: str, headers: dict[str, str], kept: str
) -> None:
    own = sealer.seal(click_at(NOON, emp_id=7))
    edge.get(f"/track/sale?empId=7&spx={own}", {**HOST, **headers, "Cookie": cookie.format(own=own)})
    record = journaled(edge)[-1]
    assert isinstance(record, HitRecord)
    assert record.cookie == kept.format(own=own)
    assert record.ignored == ""
    assert (own in record.query) is not bool(headers), "who wants privacy is not linked to a click"


def test_the_storefront_tag_is_small_and_cacheable(edge: RunningEdge) -> None:
    answer = edge.get("/sp.js")
    assert (answer.status, answer.header("content-type")) == (200, "application/javascript")
    assert answer.header("cache-control") == "public, max-age=3600"
    assert 500 < len(answer.body) < 2000
    head = edge.get("/sp.js", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    known = edge.get("/sp.js", {"If-None-Match": answer.header("etag")})
    assert (known.status, known.body, known.header("etag")) == (304, b"", answer.header("etag"))


@pytest.mark.skipif(not shutil.which("node"), reason="needs node to check the syntax")
def test_the_storefront_tag_is_javascript(edge: RunningEdge, tmp_path: Path) -> None:
    file = tmp_path / "sp.js"
    file.write_bytes(edge.get("/sp.js").body)
    subprocess.run(["node", "--check", str(file)], check=True)


def test_robots_txt_disallows_everything(edge: RunningEdge) -> None:
    answer = edge.get("/robots.txt")
    assert (answer.status, answer.body) == (200, b"User-agent: *\nDisallow: /\n")


def test_health_shows_the_position_of_the_journal(edge: RunningEdge, token: str) -> None:
    before = edge.health()
    edge.get(f"/c/{token}?k=c1")
    edge.get("/c/x")
    after = edge.health()
    assert after["durable"] == after["last"] == before["durable"] + 1
    assert after["counts"]["clicks"] == before["counts"].get("clicks", 0) + 1
    assert after["counts"]["bad_link"] == before["counts"].get("bad_link", 0) + 1
    assert (after["status"], after["redis"]) == ("ok", "ok")
    edge.wait_for("shipped", after["durable"])


def test_a_new_account_is_known_at_once(edge: RunningEdge, redis_address: str, keys: Keys) -> None:
    known = with_secrets(keys)
    redis = open_redis(redis_address)
    redis.set(DIRECTORY_KEY, replace(known, accounts=known.accounts | {67: ("", "")}).to_json())
    redis.close()
    assert edge.get("/track/sale?empId=67").header("x-salepixel") == "counted"
