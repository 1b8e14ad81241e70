"""A world for use cases: account 7 with one of everything, and account 8 with nothing."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from salepixel.accounts import use_cases as accounts
from salepixel.accounts.principal import FULL, INSTALLATION, Principal, Rights, Role
from salepixel.campaigns import use_cases as campaigns
from salepixel.campaigns.fragment import Bought, BoughtLine
from salepixel.campaigns.links import LinkSealer
from salepixel.campaigns.use_cases import NewCampaign, NewLink
from salepixel.clicks.tokens import ClickSealer
from salepixel.computations import use_cases as computations
from salepixel.computations.store import Computation, Wanted, keep_step
from salepixel.computations.use_cases import Computed
from salepixel.computations.work import Progress
from salepixel.flows import use_cases as flows
from salepixel.keys import NO_SECRET, Keys
from salepixel.lists import layout as list_layout
from salepixel.lists import use_cases as lists
from salepixel.lists.receive import receive_list
from salepixel.mails import use_cases as mails
from salepixel.mails.mail import read_mail
from salepixel.mails.view import MailView, Tracking
from salepixel.money.rates import Rates
from salepixel.orders.store import StoredOrder, get_order
from salepixel.people import store as person_store
from salepixel.people import totp
from salepixel.people.passwords import hash_password
from salepixel.people.person import Person, secret_place
from salepixel.privacy import use_cases as privacy
from salepixel.privacy.erase import NO_KEY
from salepixel.privacy.erasures import keep_error
from salepixel.shops import use_cases as shops
from salepixel.shops.reported import ReportedLine, ReportedOrder
from salepixel.smtp.server import Encryption, Server
from salepixel.storage.database import Database
from salepixel.storage.schema import audit
from salepixel.subscriptions import use_cases as subscriptions
from salepixel.subscriptions.rules import What
from salepixel.subscriptions.store import Subscription
from salepixel.watch import store
from salepixel.watch import use_cases as watch
from salepixel.watch.store import Address

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OWNER, STRANGER = Principal({7: FULL}, "shoes"), Principal({8: FULL}, "hats")
LINE = ReportedLine("Shoes", Decimal(1), Decimal("39.80"))
ORDER = ReportedOrder("o-1", "EUR", NOW - timedelta(hours=1), [LINE])
BOUGHT = Bought("", "o-1", "EUR", [BoughtLine("Shoes", Decimal(1), Decimal("39.80"))])
SERVER = Server("smtp.test", 587, Encryption.STARTTLS, "", "a@shop.test", "Shoes")
WANTED = Wanted(7, "models", {})
CAMPAIGN = NewCampaign(7, "Autumn", "plain", [NewLink("https://shop.test/")], holdout_percent=10)


@dataclass
class World:
    """Account 7 with one of everything, and account 8 with nothing."""

    database: Database
    connection: sa.Connection
    keys: Keys
    folder: Path
    campaign: str = ""
    link: str = ""
    shop: str = ""
    api_shop: str = ""
    key: str = ""
    computation: str = ""
    draft: str = ""
    mail: str = ""
    mailed: str = ""
    flow: str = ""
    list: str = ""

    @property
    def tracking(self) -> Tracking:
        return Tracking(LinkSealer(self.keys), "https://edge.test", "spx")

    @property
    def sealer(self) -> ClickSealer:
        return ClickSealer(self.keys)

    @property
    def rates(self) -> Rates:
        return Rates(self.folder)


@contextmanager
def open_world(database: Database, keys: Keys, folder: Path) -> Iterator[World]:
    ids = json.loads((folder / "world.json").read_text())
    with database.write() as connection:
        yield World(database, connection, keys, folder, **ids)


def fill(database: Database, keys: Keys, folder: Path) -> World:
    with database.write() as connection:
        for emp_id in (7, 8):
            values = {"emp_id": emp_id, "name": "n", "currency": "EUR"}
            accounts.create_account(connection, INSTALLATION, keys, values, NOW - timedelta(days=9))
        world = World(database, connection, keys, folder)
        made, _ = campaigns.create_campaign(connection, OWNER, CAMPAIGN, "spx", NOW)
        world.campaign, world.link = made.campaign.id, made.links[0].id
        world.shop = shops.create_shop(connection, OWNER, 7, "saleor", "https://a.test/graphql/", NOW).id
        world.api_shop = report_orders(world, OWNER).shop_id
        world.key = accounts.add_key(connection, OWNER, 7, "n", NOW).id
        world.computation = computations.request_computation(connection, OWNER, WANTED, NOW).id
        world.flow = flows.create_flow(connection, OWNER, 7, "Welcome", NOW).flow.id
        world.draft, world.mail = (add_mail(world, OWNER).stored.id for _ in range(2))
        mailed = mails.make_campaign(connection, OWNER, world.tracking, see_mail(world, world.mail), NOW)
        world.mailed = str(mailed.stored.campaign_id)
    chunks = [b"reference\nc1\n"]
    world.list = receive_list(database, OWNER, keys, 7, world.campaign, "a.csv", chunks, NOW).id
    return world


def report_orders(world: World, principal: Principal) -> shops.Receipt:
    return shops.report_orders(
        world.connection, principal, world.keys, 7, [(0, ORDER)], b"{}", "application/json", NOW
    )


MAIL = read_mail(b"<a href='https://shop.test/'>Shoes</a>")


def add_mail(world: World, principal: Principal) -> MailView:
    return mails.add_mail(world.connection, principal, world.tracking, 7, "Autumn", "plain", None, MAIL, NOW)


def see_mail(world: World, mail_id: str) -> MailView:
    return mails.see_mail(world.connection, OWNER, world.tracking, mail_id)


def stored_order(world: World) -> StoredOrder:
    stored = get_order(world.connection, world.api_shop, "o-1")
    assert stored is not None
    return stored


def undo_mail(world: World, principal: Principal) -> bytes:
    _, tracked = mails.tracked_mail(world.connection, OWNER, world.tracking, world.mail)
    return mails.undo_mail(world.connection, principal, world.tracking, read_mail(tracked))


def failed_erasure(world: World) -> str:
    begun = privacy.begin_erasure(world.connection, OWNER, world.keys, 7, "bo", NOW)
    keep_error(world.connection, begun.id, NO_KEY, NOW)
    return begun.id


def start_import(world: World, principal: Principal) -> Computation:
    layout = list_layout.Layout(",", True, (list_layout.Role.REFERENCE,))
    return lists.start_import(world.connection, principal, world.list, layout, {}, NOW)


def find_send_list(world: World, principal: Principal) -> Computed[int]:
    started = start_import(world, OWNER)
    keep_step(world.connection, started.id, 0, Progress(None, 1, 1, result={"stored": 1}), NOW)
    return lists.find_send_list(world.connection, principal, world.list, NOW)


def add_address(world: World, principal: Principal) -> Address:
    return watch.add_address(world.connection, principal, world.keys, 7, "Ana", "json://h.test", "en", NOW)


def subscribe(world: World, principal: Principal) -> Subscription:
    what, address = What.CAMPAIGN, "ana@shop.test"
    return subscriptions.subscribe(
        world.connection, principal, world.keys, 7, what, world.campaign, address, "en", NOW
    )


def with_canary(world: World) -> int:
    store.add_canary(world.connection, 7, world.campaign, world.link, NOW)
    return 7


_HIDDEN = Rights(Role.VIEWER, contacts=False)
ROLES = {"owner": FULL, "editor": Rights(Role.EDITOR), "viewer": Rights(Role.VIEWER), "hidden": _HIDDEN}
PERSON, PASSWORD, SECRET = "0000000000aa", "correct horse battery", "31" * 20


hashed = cache(hash_password)


def add_member(world: World) -> str:
    """A second owner of account 7."""
    row = Person(PERSON, "ana@shop.test", "Ana", "en", hashed(PASSWORD), NO_SECRET, 0, NOW, None)
    person_store.add_person(world.connection, row)
    person_store.put_member(world.connection, PERSON, 7, FULL, NOW)
    other = replace(row, id="0000000000ab", email="bo@other.test")
    person_store.add_person(world.connection, other)
    person_store.put_member(world.connection, other.id, 7, FULL, NOW)
    return PERSON


def sealed_secret(world: World) -> str:
    return world.keys.seal(secret_place(PERSON), SECRET)


def present_code() -> str:
    return totp.code_at(SECRET, int(NOW.timestamp()) // totp.STEP_SECONDS)


def listed_changes(world: World) -> Counter[tuple[str, str]]:
    """Action and actor of each row of the audit list."""
    rows = world.connection.execute(sa.select(audit.c.action, audit.c.id, audit.c.actor))
    return Counter((row.action, row.actor) for row in rows)
