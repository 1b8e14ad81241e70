import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salepixel.clicks import Signal
from salepixel.reading.references import MAX_CONTACT
from salepixel_edge.request import (
    MAX_COOKIE,
    Request,
    read_address,
    read_agent,
    read_contact,
    read_cookie,
    read_host,
    read_signals,
)

BROWSER = {b"user-agent": b"Mozilla/5.0", b"sec-fetch-site": b"none"}


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
    assert read_contact(query.encode()) == (contact.encode(), False)


@pytest.mark.parametrize(
    "query", ["k=%FF", "k=a%00b", "k=a%0Ab", "k=" + "x" * (MAX_CONTACT + 1), "k=%E2%80%AE"]
)
def test_what_cannot_be_a_contact_is_unknown(query: str) -> None:
    assert read_contact(query.encode()) == (b"", False)


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
    assert read_contact(f"a=b&k={value}".encode()) == (b"", True)


def test_k_without_a_value_was_not_filled_in() -> None:
    assert read_contact(b"k") == (b"", True)


@settings(deadline=None)
@given(st.binary())
def test_no_query_breaks_the_reading_of_the_contact(query: bytes) -> None:
    contact, unrendered = read_contact(b"k=" + query)
    assert contact.decode().isprintable()
    assert len(contact.decode()) <= MAX_CONTACT
    assert not (contact and unrendered)


@pytest.mark.parametrize(
    ("method", "headers", "signals"),
    [
        (b"GET", BROWSER, Signal(0)),
        (b"HEAD", BROWSER, Signal.HEAD),
        (b"GET", BROWSER | {b"user-agent": b""}, Signal.NO_AGENT),
        (b"GET", BROWSER | {b"user-agent": b"  "}, Signal.NO_AGENT),
        (b"GET", BROWSER | {b"sec-purpose": b"prefetch;prerender"}, Signal.PREFETCH),
        (b"GET", BROWSER | {b"purpose": b"Prefetch"}, Signal.PREFETCH),
        (b"GET", BROWSER | {b"x-purpose": b"preview"}, Signal.PREFETCH),
        (b"GET", BROWSER | {b"x-moz": b"prefetch"}, Signal.PREFETCH),
        (b"GET", BROWSER | {b"sec-gpc": b"1"}, Signal.PRIVACY),
        (b"GET", BROWSER | {b"sec-gpc": b"0"}, Signal(0)),
        (b"GET", {b"user-agent": b"Mozilla/5.0"}, Signal.NO_FETCH),
        (b"HEAD", {b"sec-gpc": b"1"}, Signal.HEAD | Signal.PRIVACY | Signal.NO_AGENT | Signal.NO_FETCH),
    ],
)
def test_what_is_seen_of_a_request(method: bytes, headers: dict[bytes, bytes], signals: Signal) -> None:
    assert read_signals(method, headers, unrendered=False, secure=True) == signals
    assert read_signals(method, headers, unrendered=True, secure=True) == signals | Signal.UNRENDERED
    assert read_signals(method, headers, unrendered=False, secure=False) == signals & ~Signal.NO_FETCH, (
        "browsers send Sec-Fetch-* over https only"
    )


def test_the_agent_is_cut() -> None:
    assert read_agent({b"user-agent": b"x" * 1000}) == b"x" * 300
    assert read_agent({}) == b""


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        (b"203.0.113.7", 0, b"192.0.2.1"),
        (b"203.0.113.7", 1, b"203.0.113.7"),
        (b"an.invention, 203.0.113.7", 1, b"203.0.113.7"),
        (b"203.0.113.7, 10.0.0.2", 2, b"203.0.113.7"),
        (b"2001:db8::7", 1, b"2001:db8::7"),
        (b"203.0.113.7", 2, b""),
        (b"", 1, b""),
        (b"x" * 46, 1, b""),
        (b"\xff", 1, b""),
    ],
)
def test_the_address_is_what_our_own_proxies_say(forwarded: bytes, proxies: int, address: bytes) -> None:
    request = Request(b"GET", b"/", b"", {b"x-forwarded-for": forwarded}, b"192.0.2.1")
    assert read_address(request, proxies) == address


@pytest.mark.parametrize(
    ("header", "host"),
    [
        (b"Track.Shop.Test", "track.shop.test"),
        (b"track.shop.test:8080", "track.shop.test"),
        (b"track.shop.test.", "track.shop.test"),
        (b"track.shop.test.:8080", "track.shop.test"),
        (b"[::1]:80", "[::1]"),
        (b"\xff\xfe", "\xff\xfe"),
        (b"", ""),
    ],
)
def test_the_host_is_compared_without_case_and_port(header: bytes, host: str) -> None:
    assert read_host({b"host": header}) == host


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
        ("spx7=ñ", ""),
        ("spx7=" + "x" * MAX_COOKIE, "x" * MAX_COOKIE),
        ("spx7=" + "x" * (MAX_COOKIE + 1), ""),
        ("a=" + "x" * 15_000 + "; spx7=abc", "abc"),
        ("spx7=" + "x" * 300 + "; spx7=abc", "abc"),
    ],
)
def test_the_accounts_cookie_is_found(cookies: str, value: str) -> None:
    assert read_cookie({b"cookie": cookies.encode()}, b"spx7") == value
