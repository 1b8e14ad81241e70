"""Decide every order again from clicks, pixel hits and orders, and rebuild the sums; or only compare."""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.store import Account, list_accounts
from salepixel.attribution.compare import compare_orders
from salepixel.clicks.tokens import ClickSealer
from salepixel.destinations.announce import reconcile_and_announce
from salepixel.keys import BadKeys, existing_keys
from salepixel.money.rates import SHIPPED, Rates
from salepixel.orders import store as orders
from salepixel.orders.store import OrderPlace, StoredOrder
from salepixel.settings import BadSettings, WorkerSettings
from salepixel.shops.shop import Shop
from salepixel.shops.store import list_shops
from salepixel.storage.database import (
    Database,
    DatabaseUnavailable,
    UnsafeDatabase,
    is_transient,
    open_database,
    require_current,
)
from salepixel.sums.check import find_wrong_sums, rebuild_sums
from salepixel_worker.attempt import describe, schedule_retry

PAGE = 50
"""Orders that are compared together, as many as the worker decides together."""

SHOWN = 50
"""The most differences that are listed. All are counted."""

PROGRESS_SECONDS = 2.0


@dataclass
class Found:
    """The counts of a run: orders checked, of closed months, due; orders and sums that differ."""

    orders: int = 0
    closed: int = 0
    due: int = 0
    different: list[str] = field(default_factory=list)


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run `salepixel rebuild`: 0 if all is correct, 1 if something differs, 2 if it cannot run.

    Raises SystemExit for bad arguments.
    """
    parser = argparse.ArgumentParser(prog="salepixel rebuild", description=__doc__)
    parser.add_argument(
        "--verify", action="store_true", help="compare with the stored decisions and sales, and write nothing"
    )
    verify = parser.parse_args(arguments).verify
    try:
        settings = WorkerSettings.load(environ)
        database = open_database(settings.database_url, settings.data)
        require_current(database)
        sealer = ClickSealer(existing_keys(settings.keys_file))
    except (BadSettings, BadKeys, DatabaseUnavailable, UnsafeDatabase) as problem:
        print(problem, file=sys.stderr)
        return 2
    rates = Rates(settings.data)
    found = verify_all(database, sealer, rates) if verify else rebuild_all(database, sealer, rates)
    for line in found.different[:SHOWN]:
        print(line)
    if len(found.different) > SHOWN:
        print(f"... and {len(found.different) - SHOWN} more")
    done = "compared" if verify else "decided again"
    print(
        f"{found.orders} orders {done}, {found.closed} of closed months unchanged except for later refunds, "
        f"{found.due} wait for the worker, {len(found.different)} differ."
    )
    return 1 if found.different else 0


def verify_all(database: Database, sealer: ClickSealer, rates: Rates = SHIPPED) -> Found:
    """Judge every order and compare with the stored decisions, then compare the sums.

    A due order is only counted, because its stored decision is not up to date yet.
    """
    found = Found()
    for account, shops, page in _pages(database, found):
        with database.read() as connection:
            compared = compare_orders(connection, sealer, account, shops, page, rates)
        found.due += len(page) - len(compared)
        found.closed += sum(one.is_closed for one in compared.values())
        found.orders += sum(not one.is_closed for one in compared.values())
        for stored in page:
            if its := compared.get(stored.key):
                name = f"order {stored.order.number} ({stored.order.id})"
                found.different += [f"{name}: {what}" for what in its.differences]
    with database.read() as connection:
        found.different += find_wrong_sums(connection)
    return found


def rebuild_all(database: Database, sealer: ClickSealer, rates: Rates = SHIPPED) -> Found:
    """Reconcile every order again, each in its own transaction. Failed orders are retried later.

    Then compute all kept sums again.
    """
    found = Found()
    now = datetime.now(UTC)
    for _, _, page in _pages(database, found):
        for stored in page:
            try:
                with database.write() as connection:
                    decided = reconcile_and_announce(connection, sealer, [stored.key], now, rates)
            except Exception as error:
                if is_transient(error):
                    raise
                schedule_retry(database, stored.shop_id, stored.order.id, error)
                what = f"order {stored.order.number} ({stored.order.id}): cannot be decided"
                found.different.append(f"{what}: {describe(error)}")
                continue
            found.orders += bool(decided)
            found.closed += not decided
    rebuild_sums(database)
    return found


def _pages(database: Database, found: Found) -> Iterator[tuple[Account, dict[str, Shop], list[StoredOrder]]]:
    """Pages of orders, account by account, with progress on the terminal."""
    printed_at = time.monotonic()
    with database.read() as connection:
        accounts = list_accounts(connection, INSTALLATION)
    for account in accounts:
        after: OrderPlace | None = None
        while True:
            with database.read() as connection:
                shops = {shop.id: shop for shop in list_shops(connection, account.emp_id)}
                page = orders.orders_from(connection, account.emp_id, None, PAGE, after)
            if not page:
                break
            after = page[-1].place
            yield account, shops, page
            if time.monotonic() - printed_at > PROGRESS_SECONDS:
                printed_at = time.monotonic()
                print(f"... {found.orders} orders, account {account.emp_id}", file=sys.stderr, flush=True)
