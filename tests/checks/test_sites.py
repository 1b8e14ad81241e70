"""Two hosts are one site if they have the same registrable domain."""

import pytest

from salepixel.checks.sites import site_of
from salepixel.reading.addresses import is_local


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("shop.test", "shop.test"),
        ("a.b.shop.test", "shop.test"),
        ("www.shop.co.uk", "shop.co.uk"),
        ("co.uk", "co.uk"),
        ("one.myshopify.com", "one.myshopify.com"),
        ("track.xn--mller-kva.de", "xn--mller-kva.de"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("", ""),
    ],
)
def test_the_site_of_a_host_is_its_registrable_domain(host: str, site: str) -> None:
    assert site_of(host) == site


@pytest.mark.parametrize(
    "host", ["localhost", "a.localhost", "nas.local", "127.0.0.1", "10.0.0.1", "::1", "web"]
)
def test_some_hosts_name_only_this_computer_or_network(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["shop.test", "8.8.8.8", "track.shop.example"])
def test_other_hosts_can_be_reached_from_elsewhere(host: str) -> None:
    assert not is_local(host)
