"""Polling: asks each shop for changed orders, to find those that its webhooks did not deliver.

A shop stops retrying a delivery after about five minutes (Saleor: 310 s), and may lose one. Younger changes
are left to the webhook, so every order that a poll finds was missed.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import sqlalchemy as sa
import structlog

from salepixel.keys import Keys
from salepixel.orders import unread
from salepixel.orders.deliveries import count_rejection
from salepixel.orders.erased import hide_erased
from salepixel.orders.order import Order
from salepixel.orders.store import open_orders, store_order
from salepixel.orders.unread import UnreadOrder
from salepixel.shops import polls
from salepixel.shops.contract import (
    Access,
    HashAddress,
    Page,
    ShopUnavailable,
    TokenRefused,
    open_access,
)
from salepixel.shops.platforms import CONNECTORS
from salepixel.shops.polls import Poll
from salepixel.storage.database import Database
from salepixel.wire import jobs

EVERY = timedelta(minutes=5)
"""The time between two polls of a shop. A missed order is found within this plus LEAVE_TO_WEBHOOKS."""

LEAVE_TO_WEBHOOKS = timedelta(minutes=6)

OVERLAP = timedelta(minutes=10)
"""Each poll starts this long before the last one ended: the shop's clock may be behind ours, and a change
is visible only after its commit."""

AT_ONCE = timedelta(days=1)
"""The longest period of one poll. After a long outage, each day is stored before the next one is read."""

OPEN_FOR = timedelta(days=60)
OPEN_ORDERS = 100
COUNTED_DAYS = 3
"""Today and the days before it, whose orders are counted in the shop. Older days rarely change."""

RECOUNTED_DAYS = 10

UNREAD_ORDERS = 20
ASK_AGAIN = timedelta(hours=1)
"""A poll asks again for at most this many unreadable orders, each once an hour: three calls per order."""

AT_A_TIME = 4
"""Shops that are polled at the same time, each of a different account."""

TURN_SECONDS = 60.0
SHORTEST = timedelta(minutes=10)
"""If a poll takes longer than TURN_SECONDS, the next one asks for half the period, but not for less than
this."""

LOOK_SECONDS = 5.0

_CLAIM = timedelta(minutes=3)  # longer than a page may take
_SOURCE = "poll"

log = structlog.get_logger()


class Poller:
    """Polls the shops that are due, on its own threads, so that a slow shop does not delay orders.

    Only one shop of an account is polled at a time, so a slow shop delays only other shops of its account.
    """

    def __init__(self, database: Database, keys: Keys, job_queue: jobs.JobQueue) -> None:
        self._database, self._keys, self._queue = database, keys, job_queue
        self._accounts: set[int] = set()  # whose shops are being polled
        self._spans: dict[str, timedelta] = {}  # shorter periods of slow shops
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the threads; they poll until the process ends."""
        for number in range(AT_A_TIME):
            threading.Thread(target=self._run, name=f"poller {number}", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                while self.poll_next(datetime.now(UTC)):
                    pass
            except Exception:
                log.exception("poll_failed")  # for example, the database is down: try again
            time.sleep(LOOK_SECONDS)

    def poll_next(self, now: datetime) -> bool:
        """Poll the shop that has waited longest, but no second shop of an account; False if none is due."""
        with self._lock:
            with self._database.write() as connection:
                poll = polls.claim_poll(connection, now, now + _CLAIM, self._accounts)
            if poll is None:
                return False
            self._accounts.add(poll.shop.emp_id)
            span = self._spans.get(poll.shop.id, AT_ONCE)
        try:
            in_time = poll_claimed(self._database, self._keys, self._queue, poll, now, span)
        finally:
            with self._lock:
                self._accounts.remove(poll.shop.emp_id)
        with self._lock:
            self._spans[poll.shop.id] = min(AT_ONCE, span * 2) if in_time else max(SHORTEST, span / 2)
        return True


def poll_due(database: Database, keys: Keys, job_queue: jobs.JobQueue, now: datetime) -> bool:
    """Poll the shop that has waited longest; False if none is due."""
    return Poller(database, keys, job_queue).poll_next(now)


def poll_claimed(
    database: Database, keys: Keys, job_queue: jobs.JobQueue, poll: Poll, now: datetime, span: timedelta
) -> bool:
    """Ask a shop for orders changed since its mark, for at most this period; False if it took too long."""
    until = min(now - LEAVE_TO_WEBHOOKS, poll.mark + span)
    try:
        healed = _poll_shop(database, keys, poll, until, now)
    except (ShopUnavailable, TokenRefused) as error:
        reason, problem = _problem(keys, poll, error)
        log.warning("shop_not_polled", shop=poll.shop.id, problem=problem)
        with database.write() as connection:
            count_rejection(connection, _SOURCE, reason)
            polls.fail_poll(connection, poll, problem, now, now + EVERY)
        return getattr(error, "reason", "") != "shop_too_slow"
    is_behind = until < now - LEAVE_TO_WEBHOOKS
    with database.write() as connection:
        polls.end_poll(connection, poll.shop.id, max(until, poll.mark), now if is_behind else now + EVERY)
    if healed:
        log.info("missed_orders_found", shop=poll.shop.id, orders=healed)
        job_queue.enqueue_once(jobs.DRAIN)
    return True


def _problem(keys: Keys, poll: Poll, error: ShopUnavailable | TokenRefused) -> tuple[str, str]:
    """Why a poll failed: the name that is counted, and the text that the shop's page shows."""
    if isinstance(error, TokenRefused):
        try:
            reason = CONNECTORS[poll.shop.platform].token_problem(open_access(keys, poll.shop))
        except TokenRefused:
            return "token_refused", "token_refused"  # we have no token
        except ShopUnavailable as unavailable:
            error = unavailable
        else:
            return reason, reason
    return error.reason, str(error)


def _poll_shop(database: Database, keys: Keys, poll: Poll, until: datetime, now: datetime) -> int:
    """Ask for everything that may be missing; returns the number of missed orders.

    Raises ShopUnavailable or TokenRefused.
    """
    shop, connector = poll.shop, CONNECTORS[poll.shop.platform]
    access = open_access(keys, shop)
    hash_address = partial(keys.hash_address, shop.emp_id)
    healed = 0
    if until > poll.mark:
        pages = _in_time(connector.changed_orders(access, poll.mark - OVERLAP, until, hash_address))
        healed += sum(_keep(database, keys, poll, page, now) for page in pages)
    ended = _ended(database, access, hash_address, now)
    healed += sum(_keep(database, keys, poll, page, now) for page in ended)
    healed += _ask_for_unread(database, keys, poll, access, hash_address, now)
    with database.read() as connection:
        days = _days_to_count(connection, poll, now)
    counts = connector.count_orders(access, days)
    with database.write() as connection:
        polls.store_counts(connection, shop, counts, now)
    return healed


def _in_time(pages: Iterator[Page]) -> Iterator[Page]:
    """The pages that arrive within TURN_SECONDS. Raises ShopUnavailable after that."""
    end = time.monotonic() + TURN_SECONDS
    for page in pages:
        yield page
        if time.monotonic() > end:
            raise ShopUnavailable("its orders did not come in time", "shop_too_slow")


def _days_to_count(connection: sa.Connection, poll: Poll, now: datetime) -> list[date]:
    """The last days since the shop was connected, and earlier days with orders that are still missing."""
    days = {now.date() - timedelta(days=n) for n in range(COUNTED_DAYS)}
    days |= {*polls.days_with_missing(connection, poll.shop.id, (now - OPEN_FOR).date(), RECOUNTED_DAYS)}
    begun = poll.shop.connected_at
    return sorted(day for day in days if begun is None or day >= begun.date())


def _ask_for_unread(
    database: Database, keys: Keys, poll: Poll, access: Access, hash_address: HashAddress, now: datetime
) -> int:
    """Ask again for orders that could not be read; returns how many are readable now."""
    shop = poll.shop
    with database.read() as connection:
        ids = unread.unread_due(connection, shop.id, now, UNREAD_ORDERS)
    if not ids:
        return 0
    pages = list(CONNECTORS[shop.platform].named_orders(access, ids, now, hash_address))
    healed = sum(_keep(database, keys, poll, page, now) for page in pages)
    answered = {order.id for page in pages for order in page.orders}
    answered |= {order.id for page in pages for order in page.unread}
    with database.write() as connection:
        unread.forget_unread(connection, shop.id, set(ids) - answered)
    return healed


def _ended(database: Database, access: Access, hash_address: HashAddress, now: datetime) -> Iterator[Page]:
    """Orders stored as open but closed in the shop: Saleor's `updatedAt` stays when an order expires."""
    with database.read() as connection:
        known = open_orders(connection, access.shop.id, now - OPEN_FOR, OPEN_ORDERS)
    if not known:
        return
    for page in CONNECTORS[access.shop.platform].named_orders(access, list(known), now, hash_address):
        yield replace(page, orders=tuple(order for order in page.orders if _has_ended(order, known)))


def _has_ended(order: Order, known: dict[str, Order]) -> bool:
    # A changed order arrives by its webhook, or by the poll for changes.
    before = known.get(order.id)
    return before is not None and not order.is_open and order.updated_at == before.updated_at


def _keep(database: Database, keys: Keys, poll: Poll, page: Page, now: datetime) -> int:
    shop = poll.shop
    with database.write() as connection:
        polls.keep_claim(connection, shop.id, datetime.now(UTC) + _CLAIM)
        for one in page.unread:
            order = UnreadOrder(shop.id, one.id, one.number, one.reason, one.detail, now)
            if not one.id or unread.keep_unread(connection, order, now + ASK_AGAIN):
                count_rejection(connection, _SOURCE, one.reason)
        unread.forget_unread(connection, shop.id, [order.id for order in page.orders])
        known = hide_erased(connection, keys, shop.id, shop.emp_id, page.orders)
        return sum(_store(connection, shop.id, shop.emp_id, order, now) for order in known)


def _store(connection: sa.Connection, shop_id: str, emp_id: int, order: Order, now: datetime) -> bool:
    return store_order(connection, shop_id, emp_id, order, "", healed_at=now)
