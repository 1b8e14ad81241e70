"""Counts events by client within a time window, in a table of bounded size."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from threading import Lock

from salepixel.reading.addresses import without_port

REMEMBERED = 10_000
"""Only so many names, the newest, are remembered. One entry takes about 200 bytes."""


@dataclass
class Windows:
    """Counts by name. A name's window of `seconds` begins with its first event."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    remembered: int = REMEMBERED
    _counts: dict[str, tuple[int, float]] = field(default_factory=dict)  # name -> count, end of the window
    _lock: Lock = field(default_factory=Lock)

    def count(self, name: str) -> int:
        """Count an event; returns the number in the current window, this one included."""
        with self._lock:
            now = self.clock()
            count, until = self._counts.get(name, (0, 0.0))
            if until <= now:
                count, until = 0, now + self.seconds
                self._counts.pop(name, None)  # to the end: the newest
            self._counts[name] = count + 1, until
            if len(self._counts) > self.remembered:
                del self._counts[next(iter(self._counts))]
            return count + 1

    def seconds_left(self, name: str, most: int) -> int:
        """Seconds (at least 1) until a name has fewer than `most` counts; 0 if it has fewer now."""
        with self._lock:
            count, until = self._counts.get(name, (0, 0.0))
            left = until - self.clock()
            return int(left) + 1 if count >= most and left > 0 else 0


def network_of(address: str) -> str:
    """The IPv4 address, or the IPv6 network that one customer of a provider has (RFC 6177).

    Empty if the text is not an address.
    """
    try:
        read = ip_address(without_port(address))
    except ValueError:
        return ""
    if isinstance(read, IPv6Address):
        return str(read.ipv4_mapped or int(read) >> 64)
    return str(read)
