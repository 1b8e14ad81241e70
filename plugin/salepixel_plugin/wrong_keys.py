"""Invalid API keys slow down only the address that they come from."""

import time
from collections.abc import Callable
from threading import Lock

from salepixel_plugin.windows import Windows, network_of

MAX_WRONG_KEYS = 10
WINDOW_SECONDS = 600
"""After MAX_WRONG_KEYS wrong keys within this time, an address can use no new key until the time is over."""

MAX_VALID_KEYS = 10_000
"""Only so many valid keys, the newest, are remembered."""


class WrongKeys:
    """The number of wrong keys by address, and the keys that were valid.

    A key that was valid before is always accepted, so that guesses from behind the same router do not slow
    down a program. While an address is slowed down, other keys are not looked up, so guessing reveals
    nothing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._tries = Windows(WINDOW_SECONDS, clock)
        self._valid: dict[str, None] = {}  # digests
        self._lock = Lock()

    def seconds_left(self, address: str, digest: str) -> int:
        """Seconds for which this address cannot use the key with this digest; 0 if it can."""
        left = self._tries.seconds_left(network_of(address), MAX_WRONG_KEYS)
        with self._lock:
            return left if digest not in self._valid else 0

    def record_invalid(self, address: str) -> bool:
        """Count a wrong key; True if its address is slowed down from now on."""
        return self._tries.count(network_of(address)) == MAX_WRONG_KEYS

    def record_valid(self, digest: str) -> None:
        """Remember a valid key."""
        with self._lock:
            self._valid[digest] = None
            if len(self._valid) > MAX_VALID_KEYS:
                del self._valid[next(iter(self._valid))]
