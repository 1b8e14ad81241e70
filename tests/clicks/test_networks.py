"""Networks of mail gateways: the list is sound, and an address is found in the narrowest one."""

from datetime import date
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.clicks.networks import NO_NETWORK, network_signal, read_networks
from salepixel.clicks.tokens import Signal

NETWORKS = read_networks()


@pytest.mark.parametrize(
    ("address", "signal"),
    [
        ("40.107.22.1", Signal.GATEWAY),
        ("40.94.0.1", NO_NETWORK),
        ("104.47.127.255", Signal.GATEWAY),
        ("104.47.128.0", NO_NETWORK),
        ("2a01:111:f400:7e00::1", Signal.GATEWAY),
        ("2a01:111:f401::1", NO_NETWORK),
        ("::ffff:40.107.22.1", Signal.GATEWAY),
        ("::ffff:192.0.2.1", NO_NETWORK),
        ("209.222.82.7", Signal.GATEWAY),  # within a network that is less certain
        ("209.222.83.7", Signal.GATEWAY_LIKELY),
        ("67.231.152.10", Signal.GATEWAY_LIKELY),
        ("192.0.2.1", NO_NETWORK),
        ("40.107.22.1:4711", Signal.GATEWAY),  # as some proxies write it
        ("[2a01:111:f400:7e00::1]:443", Signal.GATEWAY),
        ("192.0.2.1:4711", NO_NETWORK),
        ("[[::1]]:1", NO_NETWORK),
        ("", NO_NETWORK),
        ("unknown", NO_NETWORK),
        ("40.107.22.1, 10.0.0.1", NO_NETWORK),
        ("40.107.22.1\0", NO_NETWORK),
    ],
)
def test_an_address_belongs_to_a_mail_gateway_or_not(address: str, signal: Signal) -> None:
    assert network_signal(address) == signal


@given(
    st.one_of(
        st.ip_addresses(),
        st.sampled_from(NETWORKS).flatmap(lambda row: st.ip_addresses(network=row.network)),
    )
)
def test_the_narrowest_network_wins(address: object) -> None:
    within = [row for row in NETWORKS if ip_address(str(address)) in row.network]
    narrowest = max(within, key=lambda row: row.network.prefixlen, default=None)
    expected = {
        None: NO_NETWORK,
        "certain": Signal.GATEWAY,
        "probable": Signal.GATEWAY_LIKELY,
    }[narrowest.certainty if narrowest else None]
    assert network_signal(str(address)) == expected


def test_every_network_has_its_owner_source_and_date() -> None:
    assert len({row.network for row in NETWORKS}) == len(NETWORKS) > 50
    for row in NETWORKS:
        assert row.owner
        assert row.source
        assert date.fromisoformat(row.checked_on)


def test_no_whole_cloud_is_listed_as_a_network() -> None:
    clouds = [ip_network(text) for text in ("13.64.0.0/11", "20.33.0.0/16", "34.64.0.0/10", "17.0.0.0/8")]
    assert not [row for row in NETWORKS for cloud in clouds if row.network.overlaps(cloud)]
