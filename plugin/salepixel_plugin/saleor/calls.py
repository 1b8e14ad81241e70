"""Calls to shops while a request waits for them: few at a time, so that a slow shop takes no other's thread.

A shop may take ten seconds for what a registration asks, and the plugin has few threads. So one call of an
account is under way at a time, and half of the threads are never waiting for any shop.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from salepixel_plugin.windows import Windows, network_of

WINDOW_SECONDS = 60.0
MOST_OF_SHOP = 10
MOST_OF_ADDRESS = 30
"""Registrations within the window that lead to calls. Staff who press Retry come once or twice."""


class Busy(Exception):
    """As many calls as may be are under way, or one of this account."""


class TooMany(Exception):
    """Too many registrations of this shop, or from this address, lately."""


@dataclass
class Calls:
    """The calls of this process; `at_once` may be under way."""

    at_once: int
    clock: Callable[[], float] = time.monotonic
    _under_way: set[int] = field(default_factory=set)  # accounts
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._shops, self._addresses = (Windows(WINDOW_SECONDS, self.clock) for _ in range(2))

    @contextmanager
    def one(self, emp_id: int) -> Iterator[None]:
        """Around a call for an account. Raises Busy at once when it may not be made now."""
        with self._lock:
            if emp_id in self._under_way or len(self._under_way) >= self.at_once:
                raise Busy
            self._under_way.add(emp_id)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.remove(emp_id)

    def count_registration(self, shop_id: str, address: str) -> None:
        """Count one that leads to calls. Raises TooMany."""
        if self._shops.count(shop_id) > MOST_OF_SHOP:
            raise TooMany
        if self._addresses.count(network_of(address)) > MOST_OF_ADDRESS:
            raise TooMany
