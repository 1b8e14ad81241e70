"""Limits calls to shops during a request, so that slow shops do not occupy all threads.

A call of a registration may take ten seconds, and the plugin has few threads. So each account has at most one
call at a time, and at most half of the threads call shops.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from salepixel_plugin.windows import Windows, network_of

WINDOW_SECONDS = 60.0
MAX_PER_SHOP = 10
MAX_PER_ADDRESS = 30
"""The most registrations with calls within the window. Staff press Retry once or twice."""


class Busy(Exception):
    """The limit of calls is reached, or a call of this account is running."""


class TooManyRegistrations(Exception):
    """There were too many recent registrations of this shop, or from this address."""


@dataclass
class Calls:
    """The calls of this process, at most `at_once` at a time."""

    at_once: int
    clock: Callable[[], float] = time.monotonic
    _under_way: set[int] = field(default_factory=set)  # accounts
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._shops, self._addresses = (Windows(WINDOW_SECONDS, self.clock) for _ in range(2))

    @contextmanager
    def slot(self, emp_id: int) -> Iterator[None]:
        """A context for a call of an account. Raises Busy at once if the call is not allowed now."""
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
        """Count a registration that needs calls. Raises TooManyRegistrations."""
        if self._shops.count(shop_id) > MAX_PER_SHOP:
            raise TooManyRegistrations
        if self._addresses.count(network_of(address)) > MAX_PER_ADDRESS:
            raise TooManyRegistrations
