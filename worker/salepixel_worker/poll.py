"""Polling: ask each shop itself for what changed, and so find what its webhooks did not bring.

A shop gives up a delivery after five minutes of our being away (Saleor: 310 s), and may lose one. What is
younger than that is left to the webhook, so what a poll finds was missed.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import sqlalchemy as sa
import structlog

from salepixel import jobs
from salepixel.connectors import CONNECTORS
from salepixel.connectors.contract import HashAddress, Page, ShopAway, TokenRefused
from salepixel.keys import Keys
from salepixel.orders import Order
from salepixel.storage import polls
from salepixel.storage.database import Database
from salepixel.storage.deliveries import count_rejection
from salepixel.storage.orders import open_orders, store_order
from salepixel.storage.polls import Poll

EVERY = timedelta(minutes=5)
"""Between two polls of a shop; with LEAVE_TO_WEBHOOKS the longest that a missed order is missing."""

LEAVE_TO_WEBHOOKS = timedelta(minutes=6)

OVERLAP = timedelta(minutes=10)
"""Asked for again: a shop's clock may be behind ours, and a change is seen only when it is committed."""

AT_ONCE = timedelta(days=1)
"""The longest time that one poll asks for: after a long absence each day is kept before the next one."""

OPEN_FOR = timedelta(days=60)
OPEN_ORDERS = 100
COUNTED_DAYS = 3
"""A shop is asked how many orders it has of today and the days before: later ones rarely get older."""

LOOK_SECONDS = 5.0

_CLAIM = timedelta(minutes=3)  # longer than a page may take
_DOOR = "poll"

log = structlog.get_logger()


class Poller(threading.Thread):
    """Polls what is due, on a thread of its own: orders must not wait for a shop's slowness."""

    def __init__(self, database: Database, keys: Keys, bell: jobs.Bell) -> None:
        super().__init__(name="poller", daemon=True)
        self._database, self._keys, self._bell = database, keys, bell

    def run(self) -> None:
        """Look for what is due, for as long as the process lives; the database may come and go."""
        while True:
            try:
                while poll_due(self._database, self._keys, self._bell, datetime.now(UTC)):
                    pass
            except Exception:
                log.exception("not_polled")
            time.sleep(LOOK_SECONDS)


def poll_due(database: Database, keys: Keys, bell: jobs.Bell, now: datetime) -> bool:
    """Poll the shop that has waited longest; False when none is due."""
    with database.write() as connection:
        poll = polls.claim_poll(connection, now, now + _CLAIM)
    if poll is None:
        return False
    until = min(now - LEAVE_TO_WEBHOOKS, poll.mark + AT_ONCE)
    try:
        healed = _poll_shop(database, keys, poll, until, now)
    except (ShopAway, TokenRefused) as error:
        problem = str(error) if isinstance(error, ShopAway) else "token_refused"
        log.warning("shop_not_polled", shop=poll.shop.id, problem=problem)
        with database.write() as connection:
            count_rejection(connection, _DOOR, error.reason if isinstance(error, ShopAway) else problem)
            polls.fail_poll(connection, poll, problem, now, now + EVERY)
        return True
    is_behind = until < now - LEAVE_TO_WEBHOOKS
    with database.write() as connection:
        polls.end_poll(connection, poll.shop.id, max(until, poll.mark), now if is_behind else now + EVERY)
    if healed:
        log.info("orders_healed", shop=poll.shop.id, orders=healed)
        bell.ring(jobs.SWEEP)
    return True


def _poll_shop(database: Database, keys: Keys, poll: Poll, until: datetime, now: datetime) -> int:
    """Ask for all that may be missing; gives how many orders were. Raises ShopAway, TokenRefused."""
    shop, connector = poll.shop, CONNECTORS[poll.shop.platform]
    hash_address = partial(keys.hash_address, shop.emp_id)
    healed = 0
    if until > poll.mark:
        pages = connector.changed_orders(shop, poll.mark - OVERLAP, until, hash_address)
        healed += sum(_keep(database, poll, page, now) for page in pages)
    healed += sum(_keep(database, poll, page, now) for page in _ended(database, poll, hash_address, now))
    counts = connector.count_orders(shop, _days_to_count(poll, now))
    with database.write() as connection:
        polls.store_counts(connection, shop.id, counts, now)
    return healed


def _days_to_count(poll: Poll, now: datetime) -> list[date]:
    days = [now.date() - timedelta(days=n) for n in range(COUNTED_DAYS)]
    begun = poll.shop.connected_at
    return [day for day in days if begun is None or day >= begun.date()]


def _ended(database: Database, poll: Poll, hash_address: HashAddress, now: datetime) -> Iterator[Page]:
    """Of the orders that are open for us, those that are not any more: an order may expire unchanged."""
    with database.read() as connection:
        known = open_orders(connection, poll.shop.id, now - OPEN_FOR, OPEN_ORDERS)
    if not known:
        return
    for page in CONNECTORS[poll.shop.platform].named_orders(poll.shop, list(known), now, hash_address):
        yield replace(page, orders=tuple(order for order in page.orders if _has_ended(order, known)))


def _has_ended(order: Order, known: dict[str, Order]) -> bool:
    # One that changed is left to its webhook, and to the poll that asks for changes.
    before = known.get(order.id)
    return before is not None and not order.is_open and order.updated_at == before.updated_at


def _keep(database: Database, poll: Poll, page: Page, now: datetime) -> int:
    shop = poll.shop
    with database.write() as connection:
        polls.keep_claim(connection, shop.id, datetime.now(UTC) + _CLAIM)
        for reason in page.unread:
            count_rejection(connection, _DOOR, reason)
        return sum(_store(connection, shop.id, shop.emp_id, order, now) for order in page.orders)


def _store(connection: sa.Connection, shop_id: str, emp_id: int, order: Order, now: datetime) -> bool:
    return store_order(connection, shop_id, emp_id, order, "", healed_at=now)
