"""A cache of shops by their last delivery, so that the next delivery need not read its shop.

The cache decides nothing. The transaction that stores a delivery compares keys, app, pause and removal with
the stored shop (`shops.store.read_if_unchanged`). A delivery that does not verify is checked again with
the stored shop. So a rotated key, a pause, a removal or another installation applies from its commit on,
whichever process made it.
"""

from threading import Lock

from salepixel.shops.shop import Shop

MAX_SHOPS = 1000
"""About 2 kB each, most of it the key set. Only shops with a verified delivery are remembered."""


class Senders:
    """The remembered shops of this process; one instance per application.

    `named` is the shop's id in the address that it sends to, if any.
    """

    def __init__(self) -> None:
        self._shops: dict[tuple[str | None, str], Shop] = {}
        self._lock = Lock()

    def get(self, named: str | None, api_url: str) -> Shop | None:
        """The shop as of its last delivery, or None."""
        return self._shops.get((named, api_url))

    def put(self, named: str | None, api_url: str, shop: Shop) -> None:
        """Remember the shop of a delivery that was stored."""
        with self._lock:
            if len(self._shops) >= MAX_SHOPS:
                self._shops.clear()
            self._shops[named, api_url] = shop

    def remove(self, named: str | None, api_url: str) -> None:
        """Forget a shop that has changed."""
        with self._lock:
            self._shops.pop((named, api_url), None)
