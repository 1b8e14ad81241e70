"""Networks of mail gateways: networks.csv, and look-ups of IP addresses in it. No address is stored."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_network
from socket import AF_INET, AF_INET6, inet_pton

from salepixel.clicks.tokens import Signal
from salepixel.reading.addresses import without_port

_SIGNALS = {"certain": Signal.GATEWAY, "probable": Signal.GATEWAY_LIKELY}
_MAPPED = bytes(10) + b"\xff\xff"  # the prefix of an IPv4 address written as IPv6, ::ffff:192.0.2.1

NO_NETWORK = Signal(0)
"""The result of `network_signal` for an address outside all listed networks."""


@dataclass(frozen=True, slots=True)
class Network:
    """A row of networks.csv. `certain`: nobody browses from this network. `probable`: few people do."""

    network: IPv4Network | IPv6Network
    owner: str
    certainty: str
    source: str
    checked_on: str


def read_networks() -> list[Network]:
    """The rows of networks.csv. Raises ValueError for an invalid network or certainty."""
    text = files(__package__).joinpath("networks.csv").read_text()
    return [_network(row) for row in csv.DictReader(text.splitlines())]


def network_signal(address: str) -> Signal:
    """The signal for an IP address (as text); NO_NETWORK for most, and for invalid addresses."""
    try:
        packed = inet_pton(AF_INET6 if ":" in address else AF_INET, address).removeprefix(_MAPPED)
    except (OSError, ValueError):
        bare = without_port(address)
        return NO_NETWORK if bare == address else network_signal(bare)
    table = _table()
    # Not cached, so that no address stays in memory. For most addresses, this quick test is all.
    if packed[:2] not in table.beginnings:
        return NO_NETWORK
    number = int.from_bytes(packed)
    for shift, known in table.by_size[len(packed)]:
        found = known.get(number >> shift)
        if found is not None:
            return found
    return NO_NETWORK


@dataclass(frozen=True, slots=True)
class _Table:
    """The networks, arranged to find an address with a few look-ups.

    `by_size`: by the bytes of an address (4 or 16), for each prefix length, longest first: the bits to drop,
    and the signal for what remains. `beginnings`: the first two bytes of all addresses in any network.
    """

    by_size: dict[int, list[tuple[int, dict[int, Signal]]]]
    beginnings: frozenset[bytes]


@cache
def _table() -> _Table:
    shifts: dict[int, dict[int, dict[int, Signal]]] = {4: {}, 16: {}}
    beginnings: set[bytes] = set()
    for row in read_networks():
        network, bits = row.network, row.network.max_prefixlen
        shift = bits - network.prefixlen
        known = shifts[bits // 8].setdefault(shift, {})
        known[int(network.network_address) >> shift] = _SIGNALS[row.certainty]
        first, last = (int(network[end]) >> (bits - 16) for end in (0, -1))
        beginnings.update(number.to_bytes(2) for number in range(first, last + 1))
    by_size = {size: sorted(known.items()) for size, known in shifts.items()}
    return _Table(by_size, frozenset(beginnings))


def _network(row: Mapping[str, str]) -> Network:
    if row["certainty"] not in _SIGNALS:
        raise ValueError(f"networks.csv: {row['certainty']!r} is not a certainty")
    return Network(
        ip_network(row["network"]), row["owner"], row["certainty"], row["source"], row["checked_on"]
    )
