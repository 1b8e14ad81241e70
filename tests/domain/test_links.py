"""A tracked link leads where we said, or nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.keys import Keys
from salepixel.links import (
    BadDestination,
    BadLink,
    Link,
    LinkSealer,
    check_destination,
    new_id,
    with_parameter,
)

LINK = Link(7, "0000000000c1", "0000000000a1", "https://shop.test/p/1?a=b")


def test_a_link_comes_back_as_it_was_sealed(links: LinkSealer) -> None:
    assert links.open(links.seal(LINK)) == LINK


@given(data=st.data())
def test_a_changed_link_is_refused(data: st.DataObject, links: LinkSealer) -> None:
    token = links.seal(LINK)
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda c: c != token[position]))
    with pytest.raises(BadLink):
        links.open(token[:position] + other + token[position + 1 :])


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_cut_link_is_refused(cut: int, links: LinkSealer) -> None:
    with pytest.raises(BadLink):
        links.open(links.seal(LINK)[:-cut])


@given(st.text(max_size=300))
def test_any_text_is_a_link_or_refused(text: str) -> None:
    with pytest.raises(BadLink):
        LinkSealer(Keys(1, {1: bytes(32)})).open(text)


def test_a_link_sealed_with_an_older_key_still_opens() -> None:
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
def test_a_destination_is_written_in_ascii(url: str, checked: str) -> None:
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
    ],
)
def test_a_parameter_goes_before_the_fragment(url: str, result: str) -> None:
    assert with_parameter(url, "spx", "T") == result


def test_ids_are_not_counted() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000
