"""Networks of mail gateways: networks.csv, and whether an address is in it. No address is ever kept."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_network
from socket import AF_INET, AF_INET6, inet_pton

from salepixel.clicks import Signal

_SIGNALS = {"certain": Signal.GATEWAY, "probable": Signal.GATEWAY_LIKELY}
_MAPPED = bytes(10) + b"\xff\xff"  # an IPv4 address as IPv6 writes it, ::ffff:192.0.2.1

NO_NETWORK = Signal(0)
"""What `network_signal` gives for an address of no listed network."""

Table = dict[int, list[tuple[int, dict[int, Signal]]]]
"""Bytes of an address -> for each length of network, longest first: bits to drop, what the rest means."""


@dataclass(frozen=True, slots=True)
class Network:
    """A row of networks.csv. `certain`: no person browses from there. `probable`: few do."""

    network: IPv4Network | IPv6Network
    owner: str
    certainty: str
    source: str
    checked_on: str


def read_networks() -> list[Network]:
    """The rows of networks.csv. Raises ValueError for a network or a certainty that is none."""
    text = files(__package__).joinpath("networks.csv").read_text()
    return [_network(row) for row in csv.DictReader(text.splitlines())]


@lru_cache(maxsize=65536)
def network_signal(address: str) -> Signal:
    """What the network of an address (as text) says; NO_NETWORK for most, and for what is no address."""
    try:
        packed = inet_pton(AF_INET6 if ":" in address else AF_INET, address)
    except (OSError, ValueError):
        return NO_NETWORK
    number = int.from_bytes(packed.removeprefix(_MAPPED))
    for shift, known in _table()[4 if packed.startswith(_MAPPED) else len(packed)]:
        found = known.get(number >> shift)
        if found is not None:
            return found
    return NO_NETWORK


@cache
def _table() -> Table:
    return build_table(read_networks())


def build_table(networks: Iterable[Network]) -> Table:
    """Networks so that an address is found by a few look-ups, the narrowest network first."""
    by_length: dict[int, dict[int, dict[int, Signal]]] = {4: {}, 16: {}}
    for row in networks:
        size, network = row.network.max_prefixlen // 8, row.network
        shift = network.max_prefixlen - network.prefixlen
        known = by_length[size].setdefault(shift, {})
        known[int(network.network_address) >> shift] = _SIGNALS[row.certainty]
    return {size: sorted(shifts.items()) for size, shifts in by_length.items()}


def _network(row: Mapping[str, str]) -> Network:
    if row["certainty"] not in _SIGNALS:
        raise ValueError(f"networks.csv: {row['certainty']!r} is no certainty")
    return Network(
        ip_network(row["network"]), row["owner"], row["certainty"], row["source"], row["checked_on"]
    )
