import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.clicks.tokens import Signal
from salepixel.reading.references import MAX_CONTACT, normal_reference
from salepixel_edge.request import (
    MAX_APPENDED,
    MAX_COOKIE,
    Request,
    read_address,
    read_agent,
    read_altered_path,
    read_cookie,
    read_host,
    read_link_query,
    read_signals,
    split_address,
    split_contact,
)

BROWSER = {b"user-agent": b"Mozilla/5.0", b"sec-fetch-site": b"none"}


@pytest.mark.parametrize(
    ("query", "contact", "appended"),
    [
        ("", "", ""),
        ("k=ana", "ana", ""),
        ("utm_source=x&k=ana", "ana", "utm_source=x"),
        ("k=ana&utm_source=x", "ana", "utm_source=x"),
        ("k=ana&utm_source=klaviyo&utm_medium=email", "ana", "utm_source=klaviyo&utm_medium=email"),
        ("a=1&k=ana&b=2", "ana", "a=1&b=2"),
        ("k=ana?utm_source=x", "ana", "utm_source=x"),
        ("k=ana?utm_source=x&utm_medium=y", "ana", "utm_source=x&utm_medium=y"),
        ("k=ana%3Futm_source%3Dx%26b%3D2&c=3", "ana", "utm_source=x&b=2&c=3"),
        ("k=ana%3Futm_source=x", "ana", "utm_source=x"),
        ("k=who?me", "who?me", ""),
        ("k=ana&amp;utm_source=x", "ana", "utm_source=x"),
        ("utm_source=x&amp;amp;k=ana", "ana", "utm_source=x"),
        ("&&k=ana&&", "ana", ""),
        ("k=ana&bare", "ana", "bare"),
        ("k=a%C3%B1o", "año", ""),
        ("k=a%F1o", "año", ""),
        ("k=a+b@shop.test", "a+b@shop.test", ""),
        ("k=a%2Bb", "a+b", ""),
        ("k=a%20b", "a b", ""),
        ("k=c9%20", "c9", ""),
        ("k=%20c9", "c9", ""),
        ("k=c9.", "c9", ""),
        ("k=c9)", "c9", ""),
        ("k=c9%C2%A0", "c9", ""),
        ("k=c9%E2%80%8B", "c9", ""),
        ("k=first&k=second", "first", ""),
        ("k=", "", ""),
        ("k", "", ""),
        ("k=%20", "", ""),
        ("k=&utm_source=x", "", "utm_source=x"),
        ("kk=ana", "", "kk=ana"),
        ("k=" + "x" * MAX_CONTACT, "x" * MAX_CONTACT, ""),
        ('k=a&q=a b\r\nSet-Cookie: x#<>"', "a", "q=a%20b%0D%0ASet-Cookie:%20x%23%3C%3E%22"),
        ("k=a&q=\xf1", "a", "q=%C3%B1"),
        ("k=a&q=" + "x" * MAX_APPENDED + "&r=1", "a", ""),
        ("k=a&r=1&q=" + "x" * MAX_APPENDED, "a", "r=1"),
    ],
)
def test_a_query_has_the_contact_and_the_appended_parameters(query: str, contact: str, appended: str) -> None:
    assert read_link_query(query.encode()) == (contact.encode(), False, appended.encode())


@pytest.mark.parametrize(
    "query", ["k=a%00b", "k=a%0Ab", "k=" + "x" * (MAX_CONTACT + 1), "k=%E2%80%AE", "k=%81"]
)
def test_an_invalid_contact_is_unknown(query: str) -> None:
    assert read_link_query(query.encode()) == (b"", False, b"")


@pytest.mark.parametrize(
    "value",
    [
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
def test_an_unreplaced_merge_tag_in_a_query_is_not_a_contact(value: str) -> None:
    assert read_link_query(f"a=b&k={value}".encode()) == (b"", True, b"a=b")


@given(st.binary())
def test_no_query_breaks_parsing_the_contact(query: bytes) -> None:
    contact, unrendered, appended = read_link_query(b"k=" + query)
    assert contact.decode() == normal_reference(contact.decode())
    assert not (contact and unrendered)
    assert re.fullmatch(rb"[!-~]{0,%d}" % MAX_APPENDED, appended)
    assert b"#" not in appended


_PARTS = [
    "&",
    "&amp;",
    "?",
    "k=c2",
    "k=c2?x=y",
    "u=https%3A%2F%2Fshop.test%2F",
    "u=",
    "i=R-1",
    "a=b",
    "%26",
    "\udcff",
]


@given(st.lists(st.sampled_from(_PARTS), max_size=6).map("".join))
def test_the_rest_of_a_query_is_read_alike_for_all_contacts_at_its_start(rest: str) -> None:
    query = b"k=c1&" + rest.encode(errors="surrogateescape")
    contact, behind = split_contact(query)
    assert contact == b"c1"
    others, *address_and_item = split_address(b"k=other&" + behind)
    here, *expected = split_address(query)
    assert address_and_item == expected
    assert read_link_query(here) == (b"c1", False, read_link_query(others)[2])


@pytest.mark.parametrize(
    "query", [b"", b"k=c1", b"k=&u=x", b"u=x&k=c1", b"k=a%40b.test&u=x", b"k=*|UNIQID|*&u=x"]
)
def test_a_query_without_a_plain_contact_at_its_start_is_not_split(query: bytes) -> None:
    assert split_contact(query) == (b"", query)


@pytest.mark.parametrize(
    ("path", "token", "query"),
    [
        ("tok-en_1/", "tok-en_1", ""),
        ("token)", "token", ""),
        ("token.", "token", ""),
        ("token%20", "token", ""),
        ("token%C2%A0", "token", ""),
        ("token%E2%80%9D.", "token", ""),
        ("token%0D%0A", "token", ""),
        ("t%6Fken", "token", ""),
        ("token%3Fk%3Dc1", "token", "k=c1"),
        ("token%3fk%3Dc%2520x", "token", "k=c%20x"),
        ("token&k=c1", "token", "k=c1"),
        ("token&amp;k=c1", "token", "amp;k=c1"),
        ("token/?k=c1".replace("?", "%3F"), "token", "k=c1"),
        ("token%3F", "token", ""),
    ],
)
def test_a_token_is_found_in_a_path_altered_by_mail_programs(path: str, token: str, query: str) -> None:
    assert read_altered_path(path.encode()) == (token.encode(), query.encode())


@pytest.mark.parametrize(
    "path",
    ["", "token", "/", "token/x", "token%00", "token%0d%0aSet-Cookie:x=1", "token%C3%B1", "token%23x", "a.b"],
)
def test_a_path_that_no_mail_program_produces_is_not_a_link(path: str) -> None:
    assert read_altered_path(path.encode()) is None


@given(st.binary(max_size=60))
def test_any_path_gives_a_token_or_none(path: bytes) -> None:
    found = read_altered_path(path)
    assert found is None or re.fullmatch(rb"[\w-]+", found[0])


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
def test_signals_are_read_from_a_request(method: bytes, headers: dict[bytes, bytes], signals: Signal) -> None:
    assert read_signals(method, headers, unrendered=False, secure=True) == signals
    assert read_signals(method, headers, unrendered=True, secure=True) == signals | Signal.UNRENDERED
    assert read_signals(method, headers, unrendered=False, secure=False) == signals & ~Signal.NO_FETCH, (
        "browsers send Sec-Fetch-* over https only"
    )


def test_the_user_agent_is_truncated() -> None:
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
def test_the_ip_address_is_the_one_reported_by_our_own_proxies(
    forwarded: bytes, proxies: int, address: bytes
) -> None:
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
