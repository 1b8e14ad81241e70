"""Wrong API keys slow down the address that they come from, and nobody else."""

import time
from collections.abc import Callable
from threading import Lock

from salepixel_plugin.windows import Windows, network_of

MOST = 10
WINDOW_SECONDS = 600
"""After MOST wrong keys from one address within this time it may try no other key until the time is over."""

KEYS = 10_000
"""So many right keys are remembered, the newest."""


class WrongKeys:
    """How many wrong keys came from where, and which keys were right.

    A key that was right before is let through from any address: a program behind the same router as somebody
    who guesses is not slowed. A key that was not is not even looked up while its address is slowed, so
    nothing is learned by trying on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._tries = Windows(WINDOW_SECONDS, clock)
        self._right: dict[str, None] = {}  # digests
        self._lock = Lock()

    def pause(self, address: str, digest: str) -> int:
        """For how many seconds the key of this digest may not be tried from this address; 0: it may."""
        left = self._tries.seconds_left(network_of(address), MOST)
        with self._lock:
            return left if digest not in self._right else 0

    def note_wrong(self, address: str) -> bool:
        """A key was wrong; True when its address is slowed from now on."""
        return self._tries.count(network_of(address)) == MOST

    def note_right(self, digest: str) -> None:
        """A key was right."""
        with self._lock:
            self._right[digest] = None
            if len(self._right) > KEYS:
                del self._right[next(iter(self._right))]
