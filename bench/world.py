"""A shop's year in a database, written by the product's own functions: contacts, clicks, orders, hits."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice
from math import exp

from kit.saleor_orders import Line, Orders
from salepixel.accounts.store import Account, add_account
from salepixel.campaigns.contacts import Contact, store_contacts
from salepixel.campaigns.coupons import Coupon, store_coupons
from salepixel.campaigns.recipients import assign_recipients
from salepixel.campaigns.store import Campaign, CampaignLink, add_campaign
from salepixel.clicks.records import HitRecord
from salepixel.clicks.store import settle_clicks, store_clicks
from salepixel.clicks.tokens import Click, ClickSealer, Signal, new_click_id
from salepixel.keys import Keys, token_place
from salepixel.orders.deliveries import delivery_digest, store_delivery
from salepixel.orders.store import store_order
from salepixel.shops.contract import Delivery
from salepixel.shops.pixel_hits import store_pixel_hit
from salepixel.shops.saleor.connector import read_orders
from salepixel.shops.shop import Shop
from salepixel.shops.store import add_shop, connect_shop
from salepixel.storage.database import Database
from salepixel_worker.sweep import reconcile_due

EMP = 1
LINKS = 8
BIG = "0000000000b0"
"""The campaign that has a tenth of all clicks, and a tenth of the contacts as recipients."""

DAYS = 365
BIG_WEIGHT = 11  # of 100 campaigns: 11 / (99 + 11)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
API_URL = "http://127.0.0.1:1/graphql/"
ITEMS = ("Red running shoes", "Laces, two pairs", "Wool socks, grey", "Rain jacket", "Trail backpack 20 l")
SIGNALS = (
    *(6 * [Signal.CHROMIUM | Signal.GATEWAY]),
    *(4 * [Signal.CHROMIUM | Signal.KNOWN_AGENT]),
    *(90 * [Signal.CHROMIUM]),
)
"""Ten of a hundred clicks are bot clicks."""

_HEADERS = {
    "content-type": "application/json",
    "user-agent": "Saleor/3.23",
    "saleor-domain": "127.0.0.1:1",
    "saleor-api-url": API_URL,
    "saleor-signature": "x" * 490,  # as long as one of a 2048-bit key with its header
}


@dataclass(frozen=True, slots=True)
class Purchase:
    """A future order: the human click that it follows, and when it is placed (ms since 1970)."""

    click: Click
    placed_ms: int


class World:
    """One account with a connected shop. `campaigns` of them are spread over the year before `now`.

    One of `clicks_per_order` clicks leads to an order of `lines` lines or one more. `crowd`: one contact's
    share of all clicks.
    """

    def __init__(
        self,
        database: Database,
        keys: Keys,
        *,
        campaigns: int = 100,
        clicks_per_order: int = 50,
        crowd: float = 0.0,
        lines: int = 2,
        now: datetime | None = None,
    ) -> None:
        self.database, self.keys, self.sealer = database, keys, ClickSealer(keys)
        self.now = now or datetime.now(UTC)
        self.contacts = self.orders = 0
        self._per_order, self._crowd, self._lines = clicks_per_order, crowd, lines
        self._chance = random.Random(7)  # noqa: S311  # the same world each time
        now_ms, apart = int(self.now.timestamp() * 1000), DAYS * DAY_MS // campaigns
        self._sent = [now_ms - DAY_MS // 2 - (campaigns - 1 - k) * apart for k in range(campaigns)]
        self.ids = [BIG if k == campaigns * 7 // 10 else f"{0xC0000 + k:012x}" for k in range(campaigns)]
        self.shop = self._set_up()

    def _set_up(self) -> Shop:
        long_ago = self.now - timedelta(days=DAYS + 30)
        with self.database.write() as connection:
            add_account(connection, Account(EMP, "Shoes", "EUR", long_ago))
            shop = add_shop(connection, EMP, "saleor", API_URL, long_ago)
            token = self.keys.seal(token_place(shop.id), "token")
            connect_shop(connection, shop, "QXBwOjE=", token, "{}", long_ago)
            for campaign, sent_ms in zip(self.ids, self._sent, strict=True):
                sent_at = datetime.fromtimestamp(sent_ms / 1000, UTC)
                percent = 10 if campaign == BIG else 0
                links = [
                    CampaignLink(link_id(campaign, n), f"https://shop.test/p/{n}", f"Link {n}", True)
                    for n in range(LINKS)
                ]
                row = Campaign(
                    campaign, EMP, f"Mail of {sent_at:%d %B}", "plain", sent_at, holdout_percent=percent
                )
                add_campaign(connection, row, links)
        return shop

    def add(self, clicks: int) -> None:
        """Add so many clicks by a quarter as many new contacts, and their orders; decide the orders."""
        for _ in self.stages(clicks):
            pass

    def stages(self, clicks: int) -> Iterator[str]:
        """The same; yields the name of each part when it is done: contacts, clicks, orders."""
        first = self.contacts
        self._add_contacts(max(100, clicks // 4))
        yield "contacts"
        purchases: list[Purchase] = []
        made = self._make_clicks(clicks, range(first, self.contacts), purchases)
        while batch := list(islice(made, 4800)):
            with self.database.write() as connection:
                store_clicks(connection, batch)
        self.settle()
        yield "clicks"
        # Sorted by the times of the first deliveries, as a shop sends them.
        purchases.sort(key=lambda purchase: purchase.placed_ms)
        todo = iter(purchases)
        while some := list(islice(todo, 200)):
            self._add_orders(some)
        self.reconcile()
        yield "orders"

    def settle(self) -> None:
        """Make all verdicts final that are old enough."""
        while True:
            with self.database.write() as connection:
                if not settle_clicks(connection, self.now, 2000):
                    return

    def reconcile(self) -> None:
        """Decide all orders that are due."""
        while reconcile_due(self.database, self.sealer, 1000):
            pass

    def _add_contacts(self, count: int) -> None:
        first, at = self.contacts, self.now - timedelta(days=DAYS + 1)
        self.contacts += count
        for start in range(first, self.contacts, 1000):
            refs = [contact_ref(n) for n in range(start, min(start + 1000, self.contacts))]
            people = []
            for ref in refs:
                email, alias = self.keys.hash_address(EMP, email_of(ref))
                people.append(Contact(ref, email, alias_hash=alias))
            with self.database.write() as connection:
                store_contacts(connection, EMP, people, at)
                store_coupons(connection, EMP, [Coupon(f"ONLY-{ref}", BIG, ref) for ref in refs[::100]], at)
                recipients = {ref: n % 10 * 1000 for n, ref in enumerate(refs[::10])}
                assign_recipients(connection, BIG, recipients)

    def _make_clicks(
        self, count: int, contacts: range, purchases: list[Purchase]
    ) -> Iterator[tuple[Click, Signal]]:
        """Clicks of these contacts in the sequence of their times, most of them soon after a campaign."""
        chance, people = self._chance, 0
        now_ms = int(self.now.timestamp() * 1000)
        hours = [(hour, *self._active_at(hour)) for hour in range(self._sent[0], now_ms - HOUR_MS, HOUR_MS)]
        whole = sum(sum(weights) for _, _, weights in hours)
        done, made = 0.0, 0
        for hour, active, weights in hours:
            done += count * sum(weights) / whole
            here = round(done) - made
            made += here
            for n, k in enumerate(chance.choices(active, weights, k=here) if here else ()):
                at_ms = hour + n * HOUR_MS // here
                signals = chance.choice(SIGNALS)
                contact = 0 if chance.random() < self._crowd else chance.choice(contacts)
                campaign, link = self.ids[k], chance.randrange(LINKS)
                ref = "" if chance.random() < 0.02 else contact_ref(contact)
                click = Click(
                    new_click_id(at_ms, chance.randbytes), EMP, campaign, link_id(campaign, link), ref
                )
                if contact and ref and signals == Signal.CHROMIUM:
                    people += 1
                    if people % self._per_order == 0:
                        latest = min(at_ms + 36 * HOUR_MS, now_ms - 120_000)
                        purchases.append(Purchase(click, chance.randrange(at_ms + 1, latest)))
                yield click, signals

    def _active_at(self, hour: int) -> tuple[list[int], list[float]]:
        """The campaigns of the week before, and how often each is clicked."""
        active = [k for k, sent in enumerate(self._sent) if sent <= hour < sent + 7 * DAY_MS]
        large = {k for k in active if self.ids[k] == BIG}
        weights = [(BIG_WEIGHT if k in large else 1) * exp((self._sent[k] - hour) / DAY_MS) for k in active]
        return active, weights

    def _add_orders(self, purchases: list[Purchase]) -> None:
        """Store orders with two deliveries each, and pixel hits of two thirds of the orders."""
        with self.database.write() as connection:
            hits = []
            for purchase in purchases:
                order, cookie = self._order(purchase)
                for event, paid in (("order_created", False), ("order_fully_paid", True)):
                    delivery = self._deliver(event, order(paid))
                    digest = delivery_digest(API_URL, event, delivery.body)
                    store_delivery(
                        connection,
                        digest=digest,
                        shop_id=self.shop.id,
                        event=event,
                        headers=_HEADERS,
                        body=delivery.body,
                        at=datetime.fromtimestamp(purchase.placed_ms / 1000, UTC),
                    )
                    for read in read_orders(delivery, partial(self.keys.hash_address, EMP)).orders:
                        store_order(connection, self.shop.id, EMP, read, digest)
                if cookie is not None:
                    query = f"empId={EMP}&order={number_of(self.orders)}&IMPORTE=39.80"
                    hit_id = new_click_id(purchase.placed_ms + 20_000, self._chance.randbytes)
                    hits.append(HitRecord(hit_id, EMP, query, cookie, "", signed=False))
                self.orders += 1
            for hit in hits:
                store_pixel_hit(connection, self.sealer, hit)

    def _deliver(self, event: str, order: Mapping[str, object]) -> Delivery:
        envelope = {
            "__typename": "".join(word.capitalize() for word in event.split("_")),
            "issuedAt": order["updatedAt"],
            "version": "3.23.28",
            "recipient": {"id": "QXBwOjE="},
            "order": order,
        }
        return Delivery(API_URL, event, _HEADERS, json.dumps(envelope).encode())

    def _order(self, purchase: Purchase) -> tuple[Callable[[bool], Mapping[str, object]], str | None]:
        """An order as the shop shows it, unpaid or paid, and the cookie at its pixel; None: it had no hit."""
        number, kind, click = self.orders, self.orders % 20, purchase.click
        chance = random.Random(number)  # noqa: S311
        token = self.sealer.seal(click)
        placed = datetime.fromtimestamp(purchase.placed_ms / 1000, UTC)
        lines = [
            Line(
                ITEMS[(number + n) % 5],
                1 + n,
                Decimal(chance.randrange(500, 9000)) / 100,
                f"SKU-{number % 500}",
            )
            for n in range(self._lines + number % 2)
        ]
        write = partial(
            (_IN_DOLLARS if kind == 7 else _IN_EUROS).order,
            number_of(number),
            lines,
            email=email_of(click.contact) if kind < 16 else f"nobody-{number}@shop.test",
            token=token if kind < 10 else None,
            created=placed,
            customer=f"u-{click.contact}" if number % 2 else None,
            voucher=f"ONLY-{click.contact}" if kind == 14 else None,
            payment="card",
        )

        def shown(paid: bool) -> Mapping[str, object]:
            if not paid:
                return write(paid=False)
            refunded = lines[0].amount if kind == 3 else Decimal(0)
            return write(updated=placed + timedelta(seconds=30), refunded=refunded)

        if kind < 8 or 10 <= kind < 13:
            return shown, token
        return shown, "" if kind >= 18 else None


_IN_EUROS, _IN_DOLLARS = Orders("default-channel", "EUR"), Orders("us", "USD")


def link_id(campaign: str, number: int) -> str:
    """The id of a link of a campaign."""
    return f"{int(campaign, 16) * 16 + number:012x}"


def contact_ref(number: int) -> str:
    """The reference of a contact."""
    return f"c{number:08}"


def email_of(ref: str) -> str:
    """The address of a contact."""
    return f"{ref}@shop.test"


def number_of(order: int) -> str:
    """The number of an order, as the shop writes it."""
    return str(100_000 + order)
