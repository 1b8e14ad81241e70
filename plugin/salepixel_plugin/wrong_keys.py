"""Wrong API keys slow down the address that they come from, and nobody else."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from threading import Lock

MOST = 10
WINDOW_SECONDS = 600
"""After MOST wrong keys from one address within this time it may try no other key until the time is over."""

ADDRESSES = 10_000
KEYS = 10_000
"""So many are remembered, the newest. One row is about 200 bytes."""


@dataclass
class WrongKeys:
    """How many wrong keys came from where, and which keys were right.

    A key that was right before is let through from any address: a program behind the same router as somebody
    who guesses is not slowed. A key that was not is not even looked up while its address is slowed, so
    nothing is learned by trying on.
    """

    clock: Callable[[], float] = time.monotonic
    _tries: dict[str, tuple[int, float]] = field(default_factory=dict)  # network -> wrong keys, until when
    _right: dict[str, None] = field(default_factory=dict)  # digests
    _lock: Lock = field(default_factory=Lock)

    def pause(self, address: str, digest: str) -> int:
        """For how many seconds the key of this digest may not be tried from this address; 0: it may."""
        with self._lock:
            count, until = self._tries.get(_network(address), (0, 0.0))
            left = until - self.clock()
            return int(left) + 1 if count >= MOST and left > 0 and digest not in self._right else 0

    def note_wrong(self, address: str) -> bool:
        """A key was wrong; True when its address is slowed from now on."""
        network, now = _network(address), self.clock()
        with self._lock:
            count, until = self._tries.get(network, (0, 0.0))
            if until <= now:
                count, until = 0, now + WINDOW_SECONDS
                self._tries.pop(network, None)  # to the end: the newest
            self._tries[network] = count + 1, until
            _forget_oldest(self._tries, ADDRESSES)
            return count + 1 == MOST

    def note_right(self, digest: str) -> None:
        """A key was right."""
        with self._lock:
            self._right[digest] = None
            _forget_oldest(self._right, KEYS)


def _forget_oldest(table: dict[str, tuple[int, float]] | dict[str, None], most: int) -> None:
    if len(table) > most:
        del table[next(iter(table))]


def _network(address: str) -> str:
    """The address, or the network of an IPv6 address that one customer of a provider has (RFC 6177)."""
    try:
        read = ip_address(address)
    except ValueError:
        return ""
    if isinstance(read, IPv6Address):
        return str(read.ipv4_mapped or int(read) >> 64)
    return str(read)
