import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salepixel.clicks import MAX_CONTACT, Signal
from salepixel_edge.request import (
    MAX_COOKIE_HEADER,
    read_agent,
    read_contact,
    read_cookie,
    read_host,
    read_signals,
)

BROWSER = {"user-agent": "Mozilla/5.0"}


@pytest.mark.parametrize(
    ("query", "contact"),
    [
        ("", ""),
        ("k=ana", "ana"),
        ("utm_source=x&k=ana", "ana"),
        ("k=ana&utm_source=x", "ana"),
        ("k=a%C3%B1o", "año"),
        ("k=a+b@shop.test", "a+b@shop.test"),
        ("k=a%2Bb", "a+b"),
        ("k=a%20b", "a b"),
        ("k=first&k=second", "first"),
        ("kk=ana", ""),
        ("k=" + "x" * MAX_CONTACT, "x" * MAX_CONTACT),
    ],
)
def test_the_contact_is_what_the_mailer_wrote(query: str, contact: str) -> None:
    assert read_contact(query) == (contact, False)


@pytest.mark.parametrize(
    "query", ["k=%FF", "k=a%00b", "k=a%0Ab", "k=" + "x" * (MAX_CONTACT + 1), "k=%E2%80%AE"]
)
def test_what_cannot_be_a_contact_is_unknown(query: str) -> None:
    assert read_contact(query) == ("", False)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{contact}",
        "{{ .Subscriber.UUID }}".replace(" ", "%20"),
        "%7B%7Bcontact.id%7D%7D",
        "{%25if%20x",
        "*|UNIQID|*",
        "*%7CEMAIL%7C*",
        "{$email}",
        "{contactfield=id}",
        "[%Field%]",
        "[[id]]",
        "%%emailaddr%%",
        "%EMAIL%",
        "%SUBSCRIBERID%",
        "%CAMPAIGNID%",
        "__test_email__",
        "c_id",
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_a_merge_tag_that_was_not_filled_in_is_no_contact(value: str) -> None:
    assert read_contact(f"a=b&k={value}") == ("", True)


def test_k_without_a_value_was_not_filled_in() -> None:
    assert read_contact("k") == ("", True)


@settings(deadline=None)
@given(st.text())
def test_no_query_breaks_the_reading_of_the_contact(query: str) -> None:
    contact, unrendered = read_contact("k=" + query.encode(errors="replace").decode())
    assert contact.isprintable()
    assert len(contact) <= MAX_CONTACT
    assert not (contact and unrendered)


@pytest.mark.parametrize(
    ("method", "headers", "signals"),
    [
        ("GET", BROWSER, Signal(0)),
        ("HEAD", BROWSER, Signal.HEAD),
        ("GET", {}, Signal.NO_AGENT),
        ("GET", {"user-agent": "  "}, Signal.NO_AGENT),
        ("GET", BROWSER | {"sec-purpose": "prefetch;prerender"}, Signal.PREFETCH),
        ("GET", BROWSER | {"purpose": "Prefetch"}, Signal.PREFETCH),
        ("GET", BROWSER | {"x-purpose": "preview"}, Signal.PREFETCH),
        ("GET", BROWSER | {"x-moz": "prefetch"}, Signal.PREFETCH),
        ("GET", BROWSER | {"sec-gpc": "1"}, Signal.PRIVACY),
        ("GET", BROWSER | {"sec-gpc": "0"}, Signal(0)),
        ("HEAD", {"sec-gpc": "1"}, Signal.HEAD | Signal.PRIVACY | Signal.NO_AGENT),
    ],
)
def test_what_is_seen_of_a_request(method: str, headers: dict[str, str], signals: Signal) -> None:
    assert read_signals(method, headers, unrendered=False) == signals
    assert read_signals(method, headers, unrendered=True) == signals | Signal.UNRENDERED


def test_the_agent_is_cut() -> None:
    assert read_agent({"user-agent": "x" * 1000}) == "x" * 300
    assert read_agent({}) == ""


@pytest.mark.parametrize(
    ("authority", "header", "host"),
    [
        (None, "Track.Shop.Test", "track.shop.test"),
        (None, "track.shop.test:8080", "track.shop.test"),
        ("track.shop.test:443", "other.test", "track.shop.test"),
        (None, "[::1]:80", "[::1]"),
        (None, "", ""),
    ],
)
def test_the_host_is_compared_without_case_and_port(authority: str | None, header: str, host: str) -> None:
    assert read_host(authority, {"host": header}) == host


@pytest.mark.parametrize(
    ("cookies", "value"),
    [
        ("spx7=abc", "abc"),
        ("a=b; spx7=abc; c=d", "abc"),
        ("spx77=no; spx7=abc", "abc"),
        ("spx7=first; spx7=second", "first"),
        ("; ".join(f"c{n}=x" for n in range(100)) + "; spx7=abc", "abc"),
        ("", ""),
        ("spx7", ""),
        ("spx7=" + "x" * MAX_COOKIE_HEADER, ""),
    ],
)
def test_the_accounts_cookie_is_found(cookies: str, value: str) -> None:
    assert read_cookie({"cookie": cookies}, "spx7") == value
