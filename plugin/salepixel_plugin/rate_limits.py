"""Rate limits for requests without a key: the login form, a manifest, a registration.

Webhooks have no rate limit: many shops of a hosted Saleor share an address, and Saleor does not retry after
a 4xx.
"""

import time
from collections.abc import Callable

from salepixel_plugin.windows import Windows, network_of

WINDOW_SECONDS = 60
MAX_REQUESTS = 120
"""The most requests of one address to one source within the window. Sixty people behind one router may sign
in, with two requests each. A hosted Saleor installs the apps of all its shops from few addresses."""

SOURCES = ("login", "saleor_manifest", "saleor_register")


class RateLimits:
    """The recent requests of each address at each source."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._requests = {source: Windows(WINDOW_SECONDS, clock) for source in SOURCES}

    def count(self, source: str, address: str) -> int:
        """Count a request; returns the seconds for which the source refuses this address, or 0."""
        network = network_of(address)
        if self._requests[source].count(network) <= MAX_REQUESTS:
            return 0
        return self._requests[source].seconds_left(network, MAX_REQUESTS) or 1
