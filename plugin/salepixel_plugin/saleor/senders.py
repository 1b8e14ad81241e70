"""The shops whose deliveries came in last, so that the next delivery need not read its shop.

What is remembered is never the last word. A delivery that verifies is stored only if its shop is trusted by
the same keys and the same app as before, and is neither paused nor removed: the transaction that stores it
compares (`shops.store.read_if_trusted_alike`). A delivery that does not verify is judged again with the shop
as it is stored. So a rotated key, a pause, a removal or another installation counts from its commit on,
whichever process made it.
"""

from threading import Lock

from salepixel.shops.shop import Shop

MOST_SHOPS = 1000
"""About 2 kB each, most of it the key set. Only a shop that sent a true delivery is remembered."""


class Senders:
    """The remembered shops of this process; one instance per application.

    `named` is the shop's id in the address that it sends to, if any.
    """

    def __init__(self) -> None:
        self._shops: dict[tuple[str | None, str], Shop] = {}
        self._lock = Lock()

    def recall(self, named: str | None, api_url: str) -> Shop | None:
        """The shop as it was at its last delivery."""
        return self._shops.get((named, api_url))

    def remember(self, named: str | None, api_url: str, shop: Shop) -> None:
        """Remember the shop of a delivery that was stored."""
        with self._lock:
            if len(self._shops) >= MOST_SHOPS:
                self._shops.clear()
            self._shops[named, api_url] = shop

    def forget(self, named: str | None, api_url: str) -> None:
        """The shop is not as it was."""
        with self._lock:
            self._shops.pop((named, api_url), None)
