"""Any address in a dynamic link leads a browser to a listed host, or nowhere."""

from urllib.parse import quote, unquote_to_bytes

import can_ada
from hypothesis import given
from hypothesis import strategies as st

from salepixel.campaigns.dynamic import MAX_ITEM, is_listed, listed_address, page_of
from salepixel.campaigns.links import BadDestination, with_further, with_parameter, without_parameters
from salepixel_edge.request import read_link_query, split_address

HOSTS = frozenset({"shop.test", "*.shop.test", "*.xn--nio-8ma.test", "127.0.0.1"})

_SCHEMES = [
    "https://",
    "http://",
    "HTTPS://",
    "https:",
    "https:/",
    "//",
    "https:\\\\",
    "javascript:",
    "ht\ttps://",
]
_NAMES = [
    "shop.test",
    "SHOP.TEST",
    "evil.test",
    "www.shop.test",
    "niño.test",
    "xn--nio-8ma.test",
    "127.0.0.1",
]
_LETTERS = [
    "ß",
    "ſ",
    "。",
    "．",
    "／",
    "＠",
    "：",
    "？",
    "＃",
    "℀",
    "⁄",
    "\u200d",
    "\u00ad",
    "\ufffd",
    "ﬀ",
    "İ",
    "xn--",
    "１",
]
_MARKS = [
    *list("/\\@:?#&=;.,%+*[]{}|'\"<>^`~-_ \t\r\n\x00\x1f\x7f"),
    "::1",
    ":443",
    ":0",
    "%2F",
    "%5C",
    "%40",
    "%00",
]
_QUERIES = ["k=c1", "&k=c2", "&u=", "&amp;", "spx=x", "utm_source=a", "{{ item.url }}", "*|URL|*"]
_PIECES = st.sampled_from(_SCHEMES + _NAMES * 3 + _LETTERS + _MARKS + _QUERIES)


@st.composite
def _queries(draw: st.DrawFn) -> bytes:
    """A query with an address that is written as it is, or encoded once or twice."""
    start = draw(st.sampled_from(_SCHEMES + ["https://"] * 9)) + draw(st.sampled_from(["", *_NAMES * 3]))
    rest = draw(st.lists(_PIECES | st.text(max_size=3), max_size=8).map("".join))
    address = (start + rest).encode(errors="surrogatepass") + draw(st.just(b"") | st.binary(max_size=2))
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2]))):
        address = quote(address, safe=draw(st.sampled_from(["", "/", "/:@?#&="]))).encode()
    before, after = draw(st.tuples(*[st.sampled_from(["k=c1", "", "a=b", "spx=1", "i=R-1", "i=%00%C3"])] * 2))
    return b"&".join(filter(None, (before.encode(), b"u=" + address, after.encode())))


def _host(url: str) -> str | None:
    """The host that a browser (WHATWG URL, in ada, the parser of Node) reads in an address; None if none."""
    try:
        return can_ada.parse(url).hostname.removesuffix(".")
    except ValueError:
        return None


@given(_queries())
def check_any_address(query: bytes) -> None:
    """Check that a browser reads the edge's answer, and the requested address, as the edge reads them."""
    rest, written, item = split_address(query)
    assert len(item.decode()) <= MAX_ITEM
    appended = read_link_query(rest)[2].decode()
    try:
        url = listed_address(written, HOSTS)
    except BadDestination:
        return
    assert listed_address(quote(url, safe="").encode(), HOSTS) == url
    led = without_parameters(with_further(url, appended) if appended else url, frozenset({"spx"}))
    for location in (url, led, with_parameter(led, "spx", "TOKEN")):
        assert location.isascii()
        assert location.isprintable()
        host = _host(location)
        assert host is None or is_listed(host, HOSTS), (host, location)
        assert host is None or location.partition("://")[2].startswith(host)
    asked = unquote_to_bytes(written).decode(errors="replace")
    assert _host(asked) in (None, _host(url)), asked
    assert page_of(url).isascii()
