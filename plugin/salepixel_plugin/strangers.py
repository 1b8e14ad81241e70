"""How often an address may ask for what needs no key: the login form, a manifest, a registration.

Not in the list: a shop's webhook. Many shops of one Saleor come from one address, and Saleor does not send
again what is refused with a 4xx.
"""

import time
from collections.abc import Callable

from salepixel_plugin.windows import Windows, network_of

WINDOW_SECONDS = 60
MOST = 120
"""Requests of one address at one door within the window: sixty people behind one router may sign in, which is
two requests each. A hosted Saleor installs the apps of all its shops from few addresses."""

DOORS = ("login", "saleor_manifest", "saleor_register")


class Strangers:
    """How often each address asked at each door lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._asked = {door: Windows(WINDOW_SECONDS, clock) for door in DOORS}

    def pause(self, door: str, address: str) -> int:
        """Count a request; gives for how many seconds this address is refused at the door, 0: it is not."""
        network = network_of(address)
        if self._asked[door].count(network) <= MOST:
            return 0
        return self._asked[door].seconds_left(network, MOST) or 1
