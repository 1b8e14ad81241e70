"""Rate limits for requests without a key (the login form, a manifest, a registration), and for e-mails that
somebody waits for.

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

MAIL_SECONDS = 3600
MAX_MAILS = 30
"""The most e-mails of an account, tests and invitations, that somebody sends by a form within the window. An
editor chooses their address, so without a limit an account could fill mailboxes of strangers."""

SOURCES = ("login", "saleor_manifest", "saleor_register")


class RateLimits:
    """The recent requests of each address at each source, and the recent e-mails of each account."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._requests = {source: Windows(WINDOW_SECONDS, clock) for source in SOURCES}
        self._mails = Windows(MAIL_SECONDS, clock)

    def count(self, source: str, address: str) -> int:
        """Count a request; returns the seconds for which the source refuses this address, or 0."""
        network = network_of(address)
        if self._requests[source].count(network) <= MAX_REQUESTS:
            return 0
        return self._requests[source].seconds_left(network, MAX_REQUESTS) or 1

    def count_mail(self, emp_id: int) -> int:
        """Count an e-mail of an account; returns the seconds for which it may send no other, or 0."""
        if self._mails.count(str(emp_id)) <= MAX_MAILS:
            return 0
        return self._mails.seconds_left(str(emp_id), MAX_MAILS) or 1
