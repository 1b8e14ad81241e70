"""A host is the one that a browser goes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.reading.addresses import BadHost, normal_host


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("Shop.Test", "shop.test"),
        ("shop.test.", "shop.test"),
        ("straße.example", "xn--strae-oqa.example"),
        ("STRAẞE.example", "xn--strae-oqa.example"),
        ("stra%C3%9Fe.example", "xn--strae-oqa.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("οδος.gr", "xn--pxavbm.gr"),
        ("ΟΔΟΣ.gr", "xn--pxavbq.gr"),
        ("نامه\u200cای.example", "xn--mgba3gch31f060k.example"),
        ("nin\u0303o.test", "xn--nio-8ma.test"),
        ("niño。test", "xn--nio-8ma.test"),
        ("ＳＨＯＰ.test", "shop.test"),
        ("sh\u00adop.test", "shop.test"),
        ("i❤.ws", "xn--i-7iq.ws"),
        ("XN--NIO-8MA.test", "xn--nio-8ma.test"),
        ("my_shop.test", "my_shop.test"),
        ("127.0.0.1", "127.0.0.1"),
        ("[2001:DB8::7]", "2001:db8::7"),
    ],
)
def test_a_host_is_written_as_browsers_request_it(written: str, host: str) -> None:
    assert normal_host(written) == host


@pytest.mark.parametrize(
    "written",
    [
        "",
        ".",
        "a..b",
        ".a",
        "a" * 64 + ".test",
        "a.test/" + "x",
        "a b.test",
        "a%2Fb.test",
        "a%00b.test",
        "a@b.test",
        "a\u200cb.example",
        "a\t\u200d.example",
        "xn--\u00e9.test",
        "[::x]",
        "shop.test:80",
        "{shop}.test",
        ".".join(["abcdefgh"] * 30),
    ],
)
def test_an_invalid_host_is_refused(written: str) -> None:
    with pytest.raises(BadHost):
        normal_host(written)


@given(st.text(max_size=80))
def test_normalizing_a_host_twice_changes_nothing(text: str) -> None:
    try:
        host = normal_host(text)
    except BadHost:
        return
    assert host.isascii()
    assert normal_host(host) == host
