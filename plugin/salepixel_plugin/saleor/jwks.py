"""A shop's signing keys, reloaded if a delivery does not match the known ones.

A shop may change its key at any time without notice. So a delivery that does not verify is checked again with
reloaded keys. One thread reloads the keys of a shop at most once a minute, so that forged deliveries do not
cause a call to the shop each. The other threads do not wait for it, because a shop may be slow and threads
are few: they answer 503, and the shop sends again. Deliveries that match the known keys are accepted
meanwhile.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from salepixel.shops.contract import ShopUnavailable, UnknownKey
from salepixel.shops.saleor.api import fetch_jwks
from salepixel.shops.shop import Shop
from salepixel.shops.signatures import BadKeySet, read_keys
from salepixel.shops.store import get_shop, keep_jwks
from salepixel.storage.database import Database
from salepixel_plugin.saleor.calls import Busy, Calls

RELOAD_SECONDS = 60.0

log = structlog.get_logger()


class KeysUnavailable(Exception):
    """The signature cannot be checked now, so the shop must send again."""


@dataclass
class _Reload:
    tried_at: float = float("-inf")
    done: bool = False
    missing: frozenset[str | None] = frozenset()  # ids of keys that the reloaded set did not have


class KeyReloads:
    """The reloads of this process; one instance per application."""

    def __init__(self, calls: Calls, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls, self._clock = calls, clock
        self._lock = threading.Lock()
        self._reloads: dict[str, _Reload] = {}

    def verify(self, check: Callable[[Shop], None], shop: Shop, database: Database) -> Shop:
        """Run `check` with the shop's keys, and again with reloaded ones if that may help.

        Returns the shop with the keys that verify the delivery.

        Raises what `check` raises, and KeysUnavailable.
        """
        try:
            check(shop)
        except UnknownKey as failure:
            shop = self._with_fresh_keys(shop, failure, database)
            check(shop)
        return shop

    def _with_fresh_keys(self, shop: Shop, failure: UnknownKey, database: Database) -> Shop:
        with self._lock:
            reload = self._reloads.setdefault(shop.id, _Reload())
            is_due = self._clock() - reload.tried_at >= RELOAD_SECONDS
            before = replace(reload)
            if is_due:
                reload.tried_at, reload.done = self._clock(), False
        # After reading `before`, so that the result of a finished reload is seen.
        with database.read() as connection:
            current = get_shop(connection, shop.id) or shop
        if current.jwks != shop.jwks:
            reload.tried_at = before.tried_at if is_due else reload.tried_at
            return current  # reloaded since the delivery's keys were read, or by another process
        if is_due:
            return self._reload(reload, shop, failure, database)
        # A key that the reloaded set did not have is forged or outdated. Any other key may be newer than the
        # set. A 401 would lose its deliveries, because Saleor sends again only after a 5xx.
        may_be_newer = failure.reason == "unknown_key" and failure.kid not in before.missing
        if not before.done or may_be_newer:
            raise KeysUnavailable
        raise failure

    def _reload(self, reload: _Reload, shop: Shop, failure: UnknownKey, database: Database) -> Shop:
        try:
            with self._calls.slot(shop.emp_id):
                jwks = fetch_jwks(shop.api_url)
        except Busy as error:
            reload.tried_at = float("-inf")  # not tried
            raise KeysUnavailable from error
        except ShopUnavailable as error:
            log.warning("jwks_not_reloaded", shop=shop.id, error=str(error))
            raise KeysUnavailable from error
        with database.write() as connection:
            keep_jwks(connection, shop.id, jwks, datetime.now(UTC))
        reload.missing = (_names(shop.jwks) | {failure.kid}) - _names(jwks)
        reload.done = True
        log.info("jwks_reloaded", shop=shop.id, changed=jwks != shop.jwks)
        return replace(shop, jwks=jwks)


def _names(jwks: str | None) -> frozenset[str | None]:
    try:
        return frozenset(read_keys(jwks or ""))
    except BadKeySet:
        return frozenset()
