"""Rate limits for requests without a key: the login form, a manifest, a registration.

Webhooks have no rate limit: many shops of a hosted Saleor share an address, and Saleor does not send again
after a 4xx.
"""

import time
from collections.abc import Callable

from salepixel_plugin.windows import Windows, network_of

WINDOW_SECONDS = 60
MOST = 120
"""The most requests of one address at one door within the window. Sixty people behind one router may sign in,
with two requests each. A hosted Saleor installs the apps of all its shops from few addresses."""

DOORS = ("login", "saleor_manifest", "saleor_register")


class Strangers:
    """The recent requests of each address at each door."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._asked = {door: Windows(WINDOW_SECONDS, clock) for door in DOORS}

    def pause(self, door: str, address: str) -> int:
        """Count a request; gives the seconds for which the door refuses this address, 0 if it does not."""
        network = network_of(address)
        if self._asked[door].count(network) <= MOST:
            return 0
        return self._asked[door].seconds_left(network, MOST) or 1
