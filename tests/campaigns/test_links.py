"""A tracked link leads to its own destination, or nowhere."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.campaigns.links import (
    BadDestination,
    BadLink,
    Link,
    LinkSealer,
    check_destination,
    parameter_name,
    with_appended,
    with_parameter,
)
from salepixel.keys import Keys
from salepixel.storage.ids import new_id
from salepixel_edge.request import MAX_APPENDED, read_link_query

LINK = Link(7, "0000000000c1", "0000000000a1", "https://shop.test/p/1?a=b")


def test_a_sealed_link_opens_unchanged(links: LinkSealer) -> None:
    assert links.open(links.seal(LINK)) == LINK


@given(data=st.data())
def test_a_modified_link_is_refused(data: st.DataObject, links: LinkSealer) -> None:
    token = links.seal(LINK)
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda c: c != token[position]))
    with pytest.raises(BadLink):
        links.open(token[:position] + other + token[position + 1 :])


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_truncated_link_is_refused(cut: int, links: LinkSealer) -> None:
    with pytest.raises(BadLink):
        links.open(links.seal(LINK)[:-cut])


@given(st.text(max_size=300))
def test_any_text_is_a_link_or_is_refused(text: str) -> None:
    with pytest.raises(BadLink):
        LinkSealer(Keys(1, {1: bytes(32)})).open(text)


def test_a_link_signed_with_an_older_key_still_opens() -> None:
    old = LinkSealer(Keys(1, {1: bytes(32)}))
    rotated = LinkSealer(Keys(2, {1: bytes(32), 2: bytes([1]) * 32}))
    assert rotated.open(old.seal(LINK)) == LINK
    with pytest.raises(BadLink):
        old.open(rotated.seal(LINK))


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("https://shop.test/p/1?a=b#c", "https://shop.test/p/1?a=b#c"),
        ("http://shop.test:8080/", "http://shop.test:8080/"),
        ("https://tienda.test/niño", "https://tienda.test/ni%C3%B1o"),
        ("https://niño.test/", "https://xn--nio-8ma.test/"),
        ("https://straße.example:8443/", "https://xn--strae-oqa.example:8443/"),
        ("https://stra%C3%9Fe.example/", "https://xn--strae-oqa.example/"),
        ("https://faß.example", "https://xn--fa-hia.example"),
        ("https://οδος.gr/", "https://xn--pxavbm.gr/"),
        ("https://نامه\u200cای.example/", "https://xn--mgba3gch31f060k.example/"),
        ("https://Shop.Test/P", "https://Shop.Test/P"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
        ("https://shop.test/?q=%20x&r={{id}}", "https://shop.test/?q=%20x&r={{id}}"),
    ],
)
def test_a_destination_is_encoded_in_ascii(url: str, checked: str) -> None:
    assert check_destination(url) == checked


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "//evil.test/",
        "https:///nohost",
        "ftp://shop.test/",
        "https://shop.test/a b",
        "https://shop.test/\r\nSet-Cookie: a=b",
        "https://shop.test\\@evil.test/",
        "https://user:password@shop.test/",
        "https://shop.test:99999/",
        "https://[::1/",
        "https://a\u200cb.example/",
        "https://shop.test%2Fevil.test/",
        "https://shop.test%40evil.test/",
        "https://" + "a" * 64 + ".test/",
        "https://shop.test/" + "a" * 2000,
        "",
    ],
)
def test_a_destination_that_could_mislead_is_refused(url: str) -> None:
    with pytest.raises(BadDestination):
        check_destination(url)


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("https://a.test/", "https://a.test/?spx=T"),
        ("https://a.test/?b=c", "https://a.test/?b=c&spx=T"),
        ("https://a.test/?b=c#d?e", "https://a.test/?b=c&spx=T#d?e"),
        ("https://a.test#d", "https://a.test?spx=T#d"),
        ("https://a.test/?spx=OLD", "https://a.test/?spx=T"),
        ("https://a.test/?spx=OLD&b=c#d", "https://a.test/?b=c&spx=T#d"),
        ("https://a.test/?b=c&spx=OLD&e=f&spx=OLDER", "https://a.test/?b=c&e=f&spx=T"),
        ("https://a.test/?spx&b=c&spx=", "https://a.test/?b=c&spx=T"),
        ("https://a.test/?%73px=OLD&s%70%78=OLD", "https://a.test/?spx=T"),
        ("https://a.test/?spx2=x&SPX=y&xspx=z", "https://a.test/?spx2=x&SPX=y&xspx=z&spx=T"),
        ("https://a.test/?b=c&b=d", "https://a.test/?b=c&b=d&spx=T"),
    ],
)
def test_a_parameter_is_added_once_before_the_fragment(url: str, result: str) -> None:
    assert with_parameter(url, "spx", "T") == result


@pytest.mark.parametrize(
    ("url", "appended", "result"),
    [
        ("https://a.test/", "utm_source=x", "https://a.test/?utm_source=x"),
        ("https://a.test/?b=c#d", "utm_source=x&e", "https://a.test/?b=c&utm_source=x&e#d"),
        (
            "https://a.test/?utm_source=ours&b=c&utm_%73ource=too",
            "utm_source=x&utm_source=y",
            "https://a.test/?b=c&utm_source=x&utm_source=y",
        ),
        ("https://a.test?b=c", "b=", "https://a.test?b="),
    ],
)
def test_appended_parameters_win_over_the_links_own(url: str, appended: str, result: str) -> None:
    assert with_appended(url, appended) == result


def test_ids_are_random() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000


@given(
    url=st.sampled_from(
        ["https://shop.test/p?a=b#top", "https://shop.test", "http://shop.test:81?x", "https://a.test/#"]
    ),
    query=st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)),
)
def test_no_query_can_change_the_host(url: str, query: bytes) -> None:
    _, _, appended = read_link_query(query)
    written = with_parameter(with_appended(url, appended.decode()) if appended else url, "spx", "T")
    before, after = urlsplit(url), urlsplit(written)
    assert (after.scheme, after.netloc, after.path, after.fragment) == (
        before.scheme,
        before.netloc,
        before.path,
        before.fragment,
    )
    assert re.fullmatch(r"[!-~]+", written)
    assert [one for one in after.query.split("&") if parameter_name(one) == "spx"] == ["spx=T"]
    assert len(written) <= len(url) + MAX_APPENDED + 10
