"""Ana and Bo, with everything that can be kept of them: Ana is to be erased."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote, unquote
from zlib import decompress

import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.campaigns import recipients
from salepixel.campaigns.links import LinkSealer
from salepixel.clicks.tokens import ClickSealer
from salepixel.computations import store as computations
from salepixel.computations.store import Wanted
from salepixel.computations.work import Progress
from salepixel.destinations.announce import reconcile_and_announce
from salepixel.keys import Place
from salepixel.lists import store as lists
from salepixel.lists.store import ContactList
from salepixel.mails.mail import Kind, read_mail
from salepixel.mails.use_cases import add_mail
from salepixel.mails.view import Tracking
from salepixel.orders import store as orders
from salepixel.orders.deliveries import read_delivery, store_delivery
from salepixel.orders.erased import hide_erased
from salepixel.orders.order import Order
from salepixel.orders.packing import unpack
from salepixel.privacy.erase import finish_erasure
from salepixel.privacy.erasures import Erasure
from salepixel.privacy.receivers import TABLES
from salepixel.privacy.use_cases import begin_erasure
from salepixel.shops.reported import ReportedLine, ReportedOrder
from salepixel.shops.use_cases import report_orders
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.subscriptions.rules import What
from salepixel.subscriptions.use_cases import subscribe
from salepixel.watch import use_cases as watch
from tests.make import CAMPAIGN, NOON, click_at, order
from tests.worker.world import HOUR, World

REF, ADDRESS, CUSTOMER, CODE = "ref-of-ana-4711", "Ana.Canary@shop.test", "customer-of-ana", "ANA-ONLY-10"
WRITTEN = ADDRESS.lower()
_COMPRESSED = {"place", "result", "content"}
FORWARD = "https://other.test/?c={contact}&order={order}"


def mail_texts(raw: bytes, kind: Kind) -> dict[str, Any]:
    """A stored e-mail, and its decoded parts."""
    return {"body": raw, "parts": [unquote(part.text) for part in read_mail(raw, kind).parts]}


class Village(World):
    """Ana and Bo, with everything that can be kept of them; Ana is to be erased."""

    def __init__(self, database: Database, sealer: ClickSealer) -> None:
        super().__init__(database, sealer, forward_url=FORWARD)
        self.connect()
        self.keys = sealer.keys
        self.hashes = self.keys.hash_address(1, ADDRESS)
        email_hash, alias_hash = self.hashes
        self.contact(REF, email_hash, alias_hash=alias_hash)
        self.contact("bo", self.keys.hash_email(1, "bo@shop.test"))
        self.clicks = [click_at(NOON - n * HOUR, REF, serial=n) for n in range(1, 4)]
        for click in self.clicks:
            self.click(click)
        self.click(click_at(NOON - HOUR, "bo", serial=50))
        self.coupon(CODE, REF)
        with database.write() as connection:
            recipients.assign_recipients(connection, CAMPAIGN, {REF: 1000, "bo": 1000})
        self.bought = order(
            id="O-ana",
            number="1",
            email_hash=email_hash,
            alias_hash=alias_hash,
            customer=CUSTOMER,
            voucher=CODE,
            click_token=sealer.seal(self.clicks[0]),
        )
        self.later = order(id="O-ana-2", number="2", customer=CUSTOMER, placed_at=NOON + HOUR)
        self.unpaid = replace(self.bought, id="O-unpaid", number="3", paid=False)
        of_bo = self.keys.hash_email(1, "bo@shop.test")
        self.of_bo = order(id="O-bo", number="4", email_hash=of_bo, click_token=sealer.seal(self.clicks[1]))
        for bought in (self.bought, self.later, self.unpaid, self.of_bo):
            self.order(bought)
        self.hit("order=1&IMPORTE=5", self.clicks[0], 60)
        self.hit("order=77&IMPORTE=5", self.clicks[2], 61)
        self.deliver("order_created", self.bought)
        self.sales_api()
        self.announce()
        self.compute()
        self.receive()
        self.keep_mail()

    def keep_mail(self) -> None:
        """A newsletter that Ana received, as it was uploaded: in its header, text, HTML and a link."""
        sent = EmailMessage()
        sent["From"], sent["To"], sent["Date"] = "news@shop.test", f"Ana <{ADDRESS}>", "today"
        link = f"https://shop.test/?e={quote(ADDRESS)}"
        sent.set_content(f"To {ADDRESS} and bo@shop.test: é\n{link}", cte="quoted-printable")
        html = f'<p>{ADDRESS}</p><a href="{link}">For {ADDRESS}</a>'
        sent.add_alternative(html, subtype="html", cte="base64")
        mail = read_mail(sent.as_bytes())
        tracking = Tracking(LinkSealer(self.keys), "https://track.shop.test", "spx")
        given = 1, f"Like {ADDRESS}", "plain", None, mail, NOON
        with self.database.write() as connection:
            view = add_mail(connection, INSTALLATION, tracking, *given)
        assert len(view.links) == 2

    def receive(self) -> None:
        """Ana and Bo receive alerts and reports."""
        with self.database.write() as connection:
            apprise = f"mailtos://bo:password@smtp.shop.test?to={quote(ADDRESS)}"
            for name, address in ((ADDRESS, ADDRESS), (ADDRESS, apprise), ("Bo", "bo@shop.test")):
                watch.add_address(connection, INSTALLATION, self.keys, 1, name, address, "en", NOON)
            for address in (ADDRESS, "bo@shop.test"):
                for what in (What.CAMPAIGNS, What.MONTHS):
                    subscribe(connection, INSTALLATION, self.keys, 1, what, "", address, "en", NOON)

    def shop_id(self) -> str:
        with self.database.read() as connection:
            found: str = connection.scalars(
                sa.select(schema.shops.c.id).where(schema.shops.c.platform == "saleor")
            ).one()
            return found

    def deliver(self, event: str, bought: Order) -> None:
        sent = {"id": bought.id, "lines": [], "userEmail": ADDRESS, "billingAddress": {"firstName": "Ana"}}
        with self.database.write() as connection:
            store_delivery(
                connection,
                digest=event,
                shop_id=self.shop_id(),
                event=event,
                headers={},
                body=json.dumps({"order": sent}).encode(),
                at=NOON,
            )

    def sales_api(self) -> None:
        lines = [ReportedLine("Shoes", Decimal(1), Decimal("10.00"))]
        both = [
            ReportedOrder("A-ana", "EUR", NOON, lines, email=ADDRESS),
            ReportedOrder("A-bo", "EUR", NOON, lines, email="bo@shop.test"),
        ]
        sent = [
            {"id": "A-ana", "lines": [], "email": ADDRESS},
            {"id": "A-bo", "lines": [], "email": "bo@shop.test"},
        ]
        body = json.dumps({"empId": 1, "orders": sent}).encode()
        with self.database.write() as connection:
            report_orders(
                connection, INSTALLATION, self.keys, 1, list(enumerate(both)), body, "application/json", NOON
            )

    def announce(self) -> None:
        for place in self.due():
            with self.database.write() as connection:
                reconcile_and_announce(connection, self.sealer, [place], NOON)

    def compute(self) -> None:
        """A computation that names her and is under way, one that is done, and an uploaded list with her."""
        with self.database.write() as connection:
            new = ContactList("l1", 1, None, f"{REF}.csv", "UTF-8", 9, 1, 1, NOON, NOON + HOUR)
            lists.add_list(connection, new)
            piece = {"list_id": "l1", "number": 0, "content": computations.compress(f"{REF},{ADDRESS}")}
            connection.execute(sa.insert(schema.list_pieces).values(piece))
            for place in ({"after": REF}, None):
                wanted = Wanted(1, "sales", {"contact": REF, "is_last": place is None})
                its_id = computations.request(connection, wanted, NOON).id
                found = Progress(place, 1, 2, computations.compress(f"{REF},Shoes"), {"of": REF})
                assert computations.keep_step(connection, its_id, 0, found, NOON)

    def report_again(self, bought: Order) -> None:
        """As every door stores an order."""
        with self.database.write() as connection:
            shop_id = self.shop_id()
            for known in hide_erased(connection, self.keys, shop_id, 1, [bought]):
                orders.store_order(connection, shop_id, 1, known, "")

    def erase(self, who: str = REF) -> Erasure:
        with self.database.write() as connection:
            begun = begin_erasure(connection, INSTALLATION, self.keys, 1, who, NOON + 5 * HOUR)
        done = finish_erasure(self.database, self.sealer, begun, 60)
        assert done.ended_at is not None
        return done

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(sa.select(table)).mappings()]

    def content(self, digest: str) -> dict[str, Any]:
        """What a delivery says, unpacked."""
        with self.database.read() as connection:
            delivery = read_delivery(connection, digest)
        assert delivery is not None
        return {"headers": str(delivery.headers), "body": delivery.body}

    def money(self) -> dict[tuple[str, str], tuple[int, int]]:
        return {
            (row["order_id"], row["line_id"]): (row["amount"], row["refunded"])
            for row in self.rows(schema.sales)
        }

    def found(self) -> Iterator[str]:
        """Where something of Ana still is."""
        traces = {REF, ADDRESS, WRITTEN, CUSTOMER, CODE, CODE.casefold(), *self.hashes}
        tokens = [self.sealer.seal(click) for click in self.clicks]
        for table in schema.metadata.sorted_tables:
            for row in self.rows(table):
                if table in TABLES:
                    row["address"] = self.keys.open(Place(table.name, row["id"], "address"), row["address"])
                if table is schema.deliveries:
                    row |= {"stored": unpack(row["body"])} | self.content(row["digest"])
                row |= {name: decompress(row[name]) for name in _COMPRESSED & row.keys() if row[name]}
                if table is schema.mails:
                    row |= mail_texts(decompress(row["body"]), Kind(row["kind"]))
                for column, value in row.items():
                    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
                    if any(trace in text for trace in traces):
                        yield f"{table.name}.{column}: {text}"
                    if any(token in text for token in tokens):
                        yield f"{table.name}.{column}: token"
