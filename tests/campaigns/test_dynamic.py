"""A dynamic link leads to hosts that the account lists, or nowhere."""

from urllib.parse import quote

import pytest

from fuzz.dynamic import check_any_address
from salepixel.campaigns.dynamic import MAX_PAGE, HostNotListed, is_listed, listed_address, page_of
from salepixel.campaigns.links import MAX_URL, BadDestination

HOSTS = frozenset({"shop.test", "*.shop.test", "tienda.example", "*.xn--nio-8ma.test", "127.0.0.1"})


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("https://shop.test/p/1?a=b&c=d#top", "https://shop.test/p/1?a=b&c=d#top"),
        ("http://shop.test/", "http://shop.test/"),
        ("https://shop.test", "https://shop.test/"),
        ("https://shop.test?a=b", "https://shop.test/?a=b"),
        ("https://shop.test#top", "https://shop.test/#top"),
        ("HTTPS://SHOP.TEST/P", "https://shop.test/P"),
        (" https://shop.test/p ", "https://shop.test/p"),
        ("https://shop.test./p", "https://shop.test/p"),
        ("https://shop.test:443/p", "https://shop.test/p"),
        ("http://shop.test:80/p", "http://shop.test/p"),
        ("https://shop.test:/p", "https://shop.test/p"),
        ("https://shop.test:8443/p", "https://shop.test:8443/p"),
        ("http://shop.test:0080/p", "http://shop.test/p"),
        ("https://a.b.shop.test/p", "https://a.b.shop.test/p"),
        ("https://shop。test/p", "https://shop.test/p"),
        ("https://ｓhop.test/p", "https://shop.test/p"),
        ("https://www.niño.test/ñ", "https://www.xn--nio-8ma.test/%C3%B1"),
        ("https://www.xn--nio-8ma.test/", "https://www.xn--nio-8ma.test/"),
        ("https://shop.test/red shoes", "https://shop.test/red%20shoes"),
        ('https://shop.test/?q="<a>"', "https://shop.test/?q=%22%3Ca%3E%22"),
        ("https://shop.test/%2F%2Fevil.test", "https://shop.test/%2F%2Fevil.test"),
        ("https://shop.test//evil.test", "https://shop.test//evil.test"),
        ("https://shop.test/@evil.test", "https://shop.test/@evil.test"),
        ("https://shop.test#@evil.test", "https://shop.test/#@evil.test"),
        ("https://shop.test?@evil.test", "https://shop.test/?@evil.test"),
        ("https://shop.test/https://evil.test", "https://shop.test/https://evil.test"),
        ("https://tienda.example/", "https://tienda.example/"),
        ("http://127.0.0.1:8000/p", "http://127.0.0.1:8000/p"),
    ],
)
def test_an_address_at_a_listed_host_is_decoded_once_and_written_anew(address: str, leads_to: str) -> None:
    assert listed_address(quote(address, safe="").encode(), HOSTS) == leads_to


@pytest.mark.parametrize(
    ("written", "leads_to"),
    [
        (b"https://shop.test/p/1?a=b", "https://shop.test/p/1?a=b"),
        (b"https%3A//shop.test/p", "https://shop.test/p"),
        (b"https%3a%2f%2fshop.test%2Fp", "https://shop.test/p"),
        (b"https%3A%2F%2Fshop.test%2Fa%2520b", "https://shop.test/a%20b"),
        (b"https://shop.test/a%20b", "https://shop.test/a%20b"),
        (b"https://shop.test/a+b", "https://shop.test/a+b"),
        (b"https://shop.test/ni%F1o", "https://shop.test/ni%F1o"),
    ],
)
def test_tags_may_fill_in_an_address_encoded_or_not(written: bytes, leads_to: str) -> None:
    assert listed_address(written, HOSTS) == leads_to


@pytest.mark.parametrize(
    "address",
    [
        # other hosts that begin, end or look like a listed one
        "https://evil.test/",
        "https://evil.test/shop.test",
        "https://evil.test/?u=https://shop.test/",
        "https://evil.test#shop.test",
        "https://evilshop.test/",
        "https://shop.test.evil.test/",
        "https://shop.testevil/",
        "https://shop-test/",
        "https://shop.test%2eevil.test/",
        "https://www.tienda.example/",
        "https://niño.test/",
        "https://ѕhop.test/",
        "https://shоp.test/",
        "https://xn--shp-tna.test/",
        # user names and passwords
        "https://shop.test@evil.test/",
        "https://shop.test:pass@evil.test/",
        "https://shop.test:443@evil.test/",
        "https://evil.test@shop.test/",
        "https://@shop.test/",
        "https://shop.test%40evil.test/",
        "https://shop.test＠evil.test/",
        "https://shop.test%2F@evil.test/",
        # backslashes, which browsers read as slashes
        "https://shop.test\\@evil.test/",
        "https://evil.test\\@shop.test/",
        "https://evil.test\\.shop.test/",
        "https:\\\\evil.test/",
        "https:/\\evil.test/",
        "\\\\evil.test/",
        "/\\evil.test/",
        "https://shop.test/\\evil.test",
        # slashes, also those that become some
        "https://evil.test／.shop.test/",
        "https://evil.test℀.shop.test/",
        "https://evil.test？.shop.test/",
        "https://evil.test＃.shop.test/",
        "https://evil.test：80.shop.test/",
        # white space and control characters, which browsers remove
        "https://evil.test\t.shop.test/",
        "https://ev\til.test/",
        "ht\ntps://shop.test/",
        "https://shop.test/\r\nLocation: https://evil.test/",
        "\x00https://shop.test/",
        "\x01https://shop.test/",
        "\thttps://shop.test/",
        "https://shop.test\x00.evil.test/",
        "https://evil.test .shop.test/",
        "https://a\t\u200d.shop.test/",
        f"https://{'ä' * 5000}.shop.test/",
        f"https://shop.test/{' ' * 2000}a",
        "https://evil.test\u00a0.shop.test/",
        "https://shop.test\x7f/",
        # no host, or not where all programs look for it
        "//evil.test/",
        "///evil.test/",
        "//shop.test/",
        "https:evil.test",
        "https:/evil.test",
        "https:///evil.test",
        "https:shop.test",
        "https:/shop.test/",
        "https:///shop.test/",
        "https://",
        "https:///",
        "https://?shop.test",
        "https://#shop.test",
        "https://:443/",
        "/p/1",
        "p/1",
        "shop.test/p",
        "",
        "?u=https://shop.test/",
        # other schemes
        "javascript:alert(1)",
        "javascript://shop.test/%0aalert(1)",
        "data:text/html,<script>",
        "ftp://shop.test/",
        "file://shop.test/etc/passwd",
        "blob:https://shop.test/",
        "view-source:https://shop.test/",
        "intent://shop.test/#Intent;scheme=https;end",
        "httpss://shop.test/",
        "http s://shop.test/",
        "hｔtps://shop.test/",
        # numbers and addresses
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[shop.test]/",
        "https://[::1].shop.test/",
        # ports
        "https://shop.test:99999/",
        "https://shop.test:65536/",
        "https://shop.test:0/",
        "https://shop.test:-1/",
        "https://shop.test:80:80/",
        "https://shop.test:8o/",
        "https://shop.test:４４３/",
        "https://shop.test: 443/",
        "https://shop.test:443.evil.test/",
        # encoded twice
        "https%3A%2F%2Fshop.test%2F",
        "https%3A%2F%2Fevil.test%2F",
        "https:%2F%2Fevil.test%2F",
        "%68ttps://shop.test/",
        "https://shop%2Etest/",
        "https://%73hop.test/",
        "https://evil.test%2F.shop.test/",
        "https://evil.test%5C.shop.test/",
        "https://evil.test%00.shop.test/",
        "https://evil.test%23.shop.test/",
        "https://evil.test%3F.shop.test/",
        # names that no host has
        "https://shop..test/",
        "https://.shop.test/",
        "https://shop.test../",
        "https://a,b.shop.test/",
        "https://a'b.shop.test/",
        "https://a b.shop.test/",
        "https://*.shop.test/",
        "https://{{host}}.shop.test/",
        "https://<b>.shop.test/",
        "https://a\u200d.shop.test/",
        "https://\ufffd.shop.test/",
        "https://xn--\u00e9.shop.test/",
        f"https://{'a' * 64}.shop.test/",
        f"https://{'a.' * 130}shop.test/",
        # merge tags that nobody filled in
        "{{ item.url }}",
        "*|PRODUCT:URL|*",
        "{url}",
        f"https://shop.test/{'a' * MAX_URL}",
    ],
)
def test_any_other_address_leads_nowhere(address: str) -> None:
    with pytest.raises(BadDestination):
        listed_address(quote(address, safe="").encode(), HOSTS)


@pytest.mark.parametrize(
    "written", [b"https://\xff.shop.test/", b"https://%FF.shop.test/", b"%", b"%00", b"\xff"]
)
def test_bytes_that_are_no_text_lead_nowhere(written: bytes) -> None:
    with pytest.raises(BadDestination):
        listed_address(written, HOSTS)


def test_a_host_that_is_not_listed_has_its_own_name() -> None:
    with pytest.raises(HostNotListed):
        listed_address(b"https://evil.test/", HOSTS)
    with pytest.raises(HostNotListed):
        listed_address(b"https://shop.test/", ())


def test_no_address_leads_a_browser_elsewhere() -> None:
    check_any_address()


@pytest.mark.parametrize(
    ("host", "listed"),
    [
        ("shop.test", True),
        ("www.shop.test", True),
        ("tienda.example", True),
        ("www.tienda.example", False),
        ("xn--nio-8ma.test", False),
        ("test", False),
        ("*.shop.test", True),
    ],
)
def test_a_host_is_listed_by_its_name_or_below_another(host: str, listed: bool) -> None:
    assert is_listed(host, HOSTS) is listed


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://shop.test/p/red-shoes?a=b#top", "shop.test/p/red-shoes"),
        ("http://shop.test:8080/", "shop.test:8080/"),
        ("https://shop.test/?a=/b", "shop.test/"),
        ("https://shop.test/p;jsessionid=AB12/x;y=1", "shop.test/p/x"),
        ("https://shop.test/p/red-shoes-2026-summer-edition", "shop.test/p/red-shoes-2026-summer-edition"),
        ("https://shop.test/p/characteristically", "shop.test/p/characteristically"),
        ("https://shop.test/cart/1f0d24e8-5c1e-4e0a-9f5a-3d8c4d2b1a00/pay", "shop.test/cart/*/pay"),
        ("https://shop.test/1/checkouts/c1f0d24e85c1e4e0/recover", "shop.test/1/checkouts/*/recover"),
        ("https://shop.test/order/Q2hlY2tvdXQ6MTIzNDU2Nzg5MA%3D%3D", "shop.test/order/*"),
        ("https://shop.test/u/ana@example.com", "shop.test/u/*"),
        ("https://shop.test/u/ana%40example.com/", "shop.test/u/*/"),
        (f"https://shop.test/{'a/' * 300}", f"shop.test/{'a/' * 300}"[:MAX_PAGE]),
    ],
)
def test_a_page_is_a_host_and_a_path_without_codes_of_single_people(url: str, page: str) -> None:
    assert page_of(url) == page
