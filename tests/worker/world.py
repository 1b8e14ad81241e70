"""An account with a campaign and everything that can happen to it, for tests of the results."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.attribution import policies
from salepixel.attribution.reconcile import reconcile_order
from salepixel.campaigns import contacts, coupons
from salepixel.campaigns import store as campaigns
from salepixel.clicks import store as clicks
from salepixel.clicks.records import HitRecord
from salepixel.clicks.tokens import Click, ClickSealer, Signal
from salepixel.orders import store as orders
from salepixel.orders.order import Order
from salepixel.orders.queue import due_orders
from salepixel.report import sales
from salepixel.shops import store as shops
from salepixel.shops.pixel_hits import store_pixel_hit
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel_worker.sweep import reconcile_due
from tests.make import CAMPAIGN, LINK, NOON, OTHER_LINK, click_at, order, seal_token

HOUR = timedelta(hours=1)
NO_SIGNAL = Signal(0)
Row = tuple[str, str, str, str, str, str]


class World:
    """An account with a campaign, and everything that can happen to it."""

    def __init__(self, database: Database, sealer: ClickSealer, **account: Any) -> None:
        self.database, self.sealer = database, sealer
        with database.write() as connection:
            currency = account.pop("currency", "EUR")
            accounts.add_account(connection, accounts.Account(1, "Shoes", currency, NOON, **account))
            campaigns.add_campaign(
                connection,
                campaigns.Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON - 9 * HOUR),
                [
                    campaigns.CampaignLink(LINK, "https://shop.test/", "Hero", True),
                    campaigns.CampaignLink(OTHER_LINK, "https://shop.test/about", "About", False),
                ],
            )

    def connect(self, at: Any = NOON - 9 * HOUR) -> None:
        with self.database.write() as connection:
            shop = shops.add_shop(connection, 1, "saleor", "https://shop.test/graphql/", NOON)
            shops.connect_shop(connection, shop, "app", seal_token(self.sealer.keys, shop.id), "{}", at)

    def click(self, click: Click, signals: Signal = NO_SIGNAL) -> None:
        with self.database.write() as connection:
            clicks.store_clicks(connection, [(click, signals)])

    def contact(self, ref: str, email_hash: str | None, **more: Any) -> None:
        with self.database.write() as connection:
            contacts.store_contacts(connection, 1, [contacts.Contact(ref, email_hash, **more)], NOON)

    def coupon(self, code: str, contact: str = "") -> None:
        with self.database.write() as connection:
            assert coupons.store_coupons(connection, 1, [coupons.Coupon(code, CAMPAIGN, contact)], NOON) == []

    def policy(self, **changes: Any) -> None:
        with self.database.write() as connection:
            policies.apply_policy(connection, 1, changes, NOON)

    def close(self, before: datetime) -> None:
        """Close the months before a time, once their orders are decided."""
        self.reconcile()
        with self.database.write() as connection:
            assert policies.close_months(connection, 1, before) == 0

    def closed_before(self) -> datetime | None:
        with self.database.read() as connection:
            account = accounts.get_account(connection, 1)
            return account.closed_before if account else None

    def amounts(self) -> dict[str, dict[str, int]]:
        """Reconcile due orders; gives cents by campaign of every order with sales."""
        self.reconcile()
        found: dict[str, dict[str, int]] = {}
        with self.database.read() as connection:
            for row in connection.execute(sa.select(schema.sales)):
                theirs = found.setdefault(row.order_id, {})
                theirs[row.campaign_id] = theirs.get(row.campaign_id, 0) + row.amount
        return found

    def order(self, bought: Order, healed_at: datetime | None = None) -> None:
        with self.database.write() as connection:
            shop = shops.find_shop(connection, "https://shop.test/graphql/")
            assert shop is not None
            orders.store_order(connection, shop.id, 1, bought, "", healed_at=healed_at)

    def clicks_and_orders(self, pairs: Iterable[tuple[Click, Order]]) -> None:
        """Many clicks, each with the order after it, in one transaction."""
        clicked, bought = zip(*pairs, strict=True)
        with self.database.write() as connection:
            clicks.store_clicks(connection, [(click, NO_SIGNAL) for click in clicked])
            shop = shops.find_shop(connection, "https://shop.test/graphql/")
            assert shop is not None
            for one in bought:
                orders.store_order(connection, shop.id, 1, one, "")

    def hit(self, query: str, click: Click | None, serial: int = 0, ignored: str = "") -> None:
        token = self.sealer.seal(click) if click else ""
        record = HitRecord(click_at(NOON, serial=serial).id, 1, f"empId=1&{query}", token, ignored, False)
        with self.database.write() as connection:
            store_pixel_hit(connection, self.sealer, record)

    def due(self) -> list[tuple[str, str]]:
        with self.database.read() as connection:
            return due_orders(connection, 100)

    def decide(self, connection: sa.Connection, shop_id: str, order_id: str) -> None:
        """Reconcile one order in an open transaction."""
        reconcile_order(connection, self.sealer, shop_id, order_id)

    def reconcile(self) -> None:
        while reconcile_due(self.database, self.sealer, 100):
            pass

    def report(self) -> list[Row]:
        """Reconcile due orders; gives (order, item, contact, evidence, amount, status) of every row."""
        self.reconcile()
        with self.database.read() as connection:
            return sorted(
                (s.order, s.item, s.contact, str(s.evidence), str(s.amount), str(s.status))
                for s in (row.sale for row in sales.all_sales(connection, CAMPAIGN))
            )

    def reasons(self) -> dict[str, str]:
        self.report()
        with self.database.read() as connection:
            rows = connection.execute(sa.select(schema.decisions.c.order_id, schema.decisions.c.reason))
            return {row.order_id: row.reason for row in rows}


def story(world: World) -> list[Callable[[], None]]:
    """Things that happen, in any order and several times over."""
    ana, bo = click_at(NOON - HOUR, "ana"), click_at(NOON - 2 * HOUR, "bo", serial=1)
    scanner = [click_at(NOON - HOUR, "cy", link=f"{n:012x}", serial=10 + n) for n in range(4)]
    base = order(id="O1", number="1", paid=False, click_token=world.sealer.seal(ana))
    paid = replace(base, paid=True, updated_at=NOON + HOUR)
    refunded = replace(paid, refunded=paid.total, updated_at=NOON + 2 * HOUR)
    by_email = order(id="O2", number="2", email_hash="hash-of-bo")
    scanned = order(id="O3", number="3", email_hash="hash-of-cy")
    at_pixel = order(id="O4", number="4")
    return [
        lambda: world.click(ana),
        lambda: world.click(bo),
        *(lambda click=click: world.click(click) for click in scanner),
        lambda: world.contact("bo", "hash-of-bo"),
        lambda: world.contact("cy", "hash-of-cy"),
        *(
            lambda bought=bought: world.order(bought)
            for bought in (base, paid, refunded, by_email, scanned, at_pixel)
        ),
        lambda: world.hit("order=4&IMPORTE=1", bo, 50),
        lambda: world.hit("order=4&IMPORTE=1", bo, 51),
        lambda: world.reconcile(),
    ]
