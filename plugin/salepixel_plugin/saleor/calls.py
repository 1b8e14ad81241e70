"""Calls to shops while a request waits for them: few at a time, so that a slow shop takes no other's thread.

A shop may take ten seconds for what a registration asks, and the plugin has few threads. So one call of an
account is under way at a time, and half of the threads are never waiting for any shop.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

WINDOW_SECONDS = 60.0
MOST_OF_SHOP = 10
MOST_OF_ADDRESS = 30
"""Registrations within the window that lead to calls. Staff who press Retry come once or twice."""

REMEMBERED = 10_000
"""Shops and addresses of clients, the newest."""


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
    _recent: dict[str, tuple[int, float]] = field(default_factory=dict)  # who -> how many, until when
    _lock: Lock = field(default_factory=Lock)

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
        with self._lock:
            if not self._count(f"shop {shop_id}", MOST_OF_SHOP):
                raise TooMany
            if not self._count(f"address {address}", MOST_OF_ADDRESS):
                raise TooMany

    def _count(self, who: str, most: int) -> bool:
        now = self.clock()
        count, until = self._recent.pop(who, (0, 0.0))
        if until <= now:
            count, until = 0, now + WINDOW_SECONDS
        self._recent[who] = count + 1, until
        if len(self._recent) > REMEMBERED:
            del self._recent[next(iter(self._recent))]
        return count < most
