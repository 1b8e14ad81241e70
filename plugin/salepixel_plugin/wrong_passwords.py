"""Wrong passwords slow down the address that they come from, and the name that they are tried for.

A name that is tried from everywhere is slowed down for everybody, so that a password cannot be guessed from
many addresses. Only browsers in which the person has signed in before (known_browsers.py) are counted by
themselves: a stranger, also one behind the same router, cannot lock a person out.
"""

import time
from collections.abc import Callable

from salepixel_plugin.windows import Windows, network_of

WINDOW_SECONDS = 600
MAX_OF_NAME = 10
"""Wrong passwords and codes for a name, or from a known browser, within the window. A code has a million
values and three are valid: somebody who has the password guesses for 160 days until the chance is even."""

MAX_OF_NETWORK = 30
"""Wrong passwords from a network: an office behind one router has several people who mistype."""


class WrongPasswords:
    """The number of wrong passwords by network, name and known browser. Unknown names count as known ones."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._networks = Windows(WINDOW_SECONDS, clock)
        self._names = Windows(WINDOW_SECONDS, clock)
        self._browsers = Windows(WINDOW_SECONDS, clock)

    def seconds_left(self, address: str, name: str, mark: str) -> int:
        """Seconds for which this address may not try a password of this name; 0 if it may.

        `mark`: that of a browser known to this name, or empty.
        """
        if mark:
            return self._browsers.seconds_left(mark, MAX_OF_NAME)
        return max(
            self._networks.seconds_left(network_of(address), MAX_OF_NETWORK),
            self._names.seconds_left(name, MAX_OF_NAME),
        )

    def record(self, address: str, name: str, mark: str) -> None:
        """Count a wrong password or code."""
        if mark:
            self._browsers.count(mark)
            return
        self._networks.count(network_of(address))
        self._names.count(name)
