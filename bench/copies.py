"""Copies a world row by row until it has millions of sales. The product would need days to decide them.

A copy has its own contacts, clicks and orders, in the same campaigns and within the same milliseconds.
Every fifth copy belongs to a second account with its own shop and campaigns. `rebuild --verify` confirms
that the copies are what the product would have written. They have no deliveries, as after retention.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bench.world import API_URL, DAYS, EMP, World
from salepixel.accounts.store import Account, add_account, get_account
from salepixel.attribution.compare import compare_orders
from salepixel.clicks.tokens import Click
from salepixel.keys import token_place
from salepixel.money.rates import SHIPPED
from salepixel.orders.store import orders_from
from salepixel.shops.store import add_shop, connect_shop, list_shops
from salepixel.storage.bulk import insert_all
from salepixel.storage.database import Database
from salepixel.storage.schema import (
    bought,
    buyers,
    campaigns,
    candidates,
    clickers,
    clicks,
    contacts,
    coupons,
    decisions,
    hits,
    links,
    orders,
    recipients,
    refunds,
    sale_refunds,
    sales,
)
from salepixel.sums.check import SUMS
from salepixel.sums.kept import Key, add_cells

OTHER = 2
"""The second account, which has every fifth copy."""

MOST = 1000
"""The limit of copies: those of an order are a microsecond apart, within the millisecond of its click."""

SAMPLE = 50
"""The orders in each sample: as many as `rebuild --verify` compares at once."""

_COPIED = (
    *(contacts, recipients, coupons, clicks, bought, hits, orders, refunds, decisions, candidates),
    *(sales, sale_refunds, clickers, buyers),
)
_LISTED = ("listed", "held_out")
_ID = re.compile("[0-9a-f]{12}")
_CONTACT = re.compile(r"([cC])(\d{8})")

Row = Sequence[Any]
Change = Callable[[Any], Any]


def copy_world(world: World, times: int) -> None:
    """Copy a world until it has `times` its rows. Then multiply its kept sums."""
    if not 1 <= times < MOST:
        raise ValueError(f"{times} copies are not from 1 to {MOST - 1}")
    database = world.database
    others = [number for number in range(1, times) if number % 5 == 4]
    other_shop = _add_other(world, len(others)) if others else ""
    rows = {table: _rows(database, table) for table in _COPIED}
    tokens = dict(_tokens(world, rows))
    indexes = [index for table in _COPIED for index in table.indexes]
    with database.write() as connection:
        for index in indexes:  # created again below, which is faster than adding each row to them
            index.drop(connection)
    for number in range(1, times):
        account = OTHER if number in others else EMP
        copy = _Copy(world, number, account, other_shop if account == OTHER else world.shop.id, tokens)
        with database.write() as connection:
            for table in _COPIED:
                if some := [copy.of(table, row) for row in rows[table]]:
                    insert_all(connection, table, some)
    ours = times - len(others)
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        for index in indexes:
            index.create(connection)
        listed = {name: campaigns.c[name] * ours for name in _LISTED}
        connection.execute(sa.update(campaigns).where(campaigns.c.emp_id == EMP).values(listed))
        for kept in SUMS:
            if kept.table not in _COPIED:
                _multiply(connection, kept.table, ours, len(others), other_shop)


def differing(world: World) -> list[str]:
    """What `rebuild --verify` reports about samples of both accounts' orders; empty if all are right."""
    found: list[str] = []
    for emp_id, day in ((emp_id, day) for emp_id in (EMP, OTHER) for day in range(1, DAYS, 60)):
        after = world.now - timedelta(days=day), "", ""
        with world.database.read() as connection:
            account = get_account(connection, emp_id)
            its_shops = {shop.id: shop for shop in list_shops(connection, emp_id)}
            some = orders_from(connection, emp_id, None, SAMPLE, after)
            if account and some:
                for one in compare_orders(
                    connection, world.sealer, account, its_shops, some, SHIPPED
                ).values():
                    found += one.differences
    return found


def _multiply(connection: sa.Connection, table: sa.Table, ours: int, others: int, other_shop: str) -> None:
    """Multiply a kept sum, whose cells are still those of the original, by the number of copies."""
    names = table.c.keys()
    key = [column.name for column in table.primary_key]
    change = _changes_of_account(OTHER, other_shop)
    cells: dict[Key, list[int]] = {}
    for row in connection.exec_driver_sql(f"SELECT {', '.join(names)} FROM {table.name}"):  # noqa: S608
        its = dict(zip(names, row, strict=True))
        measures = [value for name, value in its.items() if name not in key]
        changed = tuple(change.get(name, _same)(its[name]) for name in key if name != "slot")
        so_far = cells.get(changed, [0] * len(measures))
        cells[changed] = [a + b * others for a, b in zip(so_far, measures, strict=True)]
    more = {name: table.c[name] * ours for name in names if name not in key}
    connection.execute(sa.update(table).values(more))
    if others:
        add_cells(connection, table, cells)


def _same(value: Any) -> Any:
    return value


def _add_other(world: World, times: int) -> str:
    """Add the second account with its campaigns; returns the id of its shop."""
    address, long_ago = API_URL.replace("127.0.0.1:1/", "127.0.0.1:3/"), world.shop.created_at
    with world.database.write() as connection:
        add_account(connection, Account(OTHER, "Hats", "EUR", long_ago))
        shop = add_shop(connection, OTHER, "saleor", address, long_ago)
        token = world.keys.seal(token_place(shop.id), "token")
        connect_shop(connection, shop, "QXBwOjE=", token, "{}", long_ago)
    change: dict[str, Change] = {**_changes_of_account(OTHER, shop.id), "id": _other_id}
    with world.database.write() as connection:
        for table in (campaigns, links):
            some = []
            for row in _rows(world.database, table):
                its = dict(zip(table.c.keys(), row, strict=True))
                its |= {name: change[name](value) for name, value in its.items() if name in change}
                its |= {name: its[name] * times for name in _LISTED if name in its}
                some.append(list(its.values()))
            insert_all(connection, table, some)
    return shop.id


def _rows(database: Database, table: sa.Table) -> list[Row]:
    """All rows as stored, in the order of the table's columns."""
    names = ", ".join(table.c.keys())
    with database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(f"SELECT {names} FROM {table.name}")]  # noqa: S608


def _tokens(world: World, rows: Mapping[sa.Table, Sequence[Row]]) -> Iterator[tuple[str, Click]]:
    texts = [row[orders.c.keys().index("snapshot")] for row in rows[orders]]
    found = {match[1] for text in texts if (match := re.search(r'"click_token":"([^"]+)"', text))}
    found |= {row[hits.c.keys().index("click_token")] for row in rows[hits]}
    return ((token, world.sealer.open(token)) for token in found - {""})


def _other_id(campaign_or_link: str) -> str:
    return campaign_or_link and f"{OTHER}{campaign_or_link[1:]}"


def _changes_of_account(account: int, shop_id: str) -> dict[str, Change]:
    """Column -> how its values change in a copy that belongs to this account."""
    changes: dict[str, Change] = {"emp_id": lambda _: account, "shop_id": lambda _: shop_id}
    if account == OTHER:
        changes |= dict.fromkeys(("campaign_id", "link_id"), _other_id)
        changes["name"] = lambda text: _other_id(text) if _ID.fullmatch(text) else text  # of `part_sums`
        changes["links"] = lambda text: re.sub('"0', f'"{OTHER}', text)
    return changes


class _Copy:
    """Makes one copy of all rows: changes the original's value in each column that differs."""

    def __init__(
        self, world: World, number: int, account: int, shop_id: str, tokens: Mapping[str, Click]
    ) -> None:
        self._number, self._contacts, self._orders = number, number * world.contacts, number * world.orders
        self._ids: dict[str, str] = {}
        its = _changes_of_account(account, shop_id)
        campaign = its.get("campaign_id", _same)
        self._tokens = {
            token: world.sealer.seal(
                Click(
                    self._click(click.id),
                    account,
                    campaign(click.campaign),
                    campaign(click.link),
                    self._person(click.contact),
                )
            )
            for token, click in tokens.items()
        } | {"": ""}
        changes: dict[str, Change] = {
            **its,
            **dict.fromkeys(("contact", "ref", "buyer", "voucher", "code"), self._person),
            **dict.fromkeys(("email_hash", "alias_hash"), self._hash),
            **dict.fromkeys(("number", "number_key", "order_number", "order_ref", "order_key"), self._count),
            **dict.fromkeys(("placed_at", "purchased_at"), lambda at: at + number),
            "click_id": self._click,
            "order_id": self._order,
            "customer": lambda name: name and f"{name}.{number}",
            "click_token": self._tokens.__getitem__,
            "delivery": lambda _: "",
            "snapshot": self._snapshot,
        }
        named = ("number", "email_hash", "alias_hash", "customer", "voucher", "click_token")
        self._of_snapshot: dict[str, Change] = {name: changes[name] for name in named}
        self._of_snapshot |= {"id": self._order, "placed_at": self._later}
        own_id = {clicks: self._click, hits: self._click, orders: self._order}
        self._changes = {
            table: [
                (place, change)
                for place, name in enumerate(table.c.keys())
                if (change := own_id.get(table) if name == "id" else changes.get(name))
            ]
            for table in _COPIED
        }

    def of(self, table: sa.Table, row: Row) -> Row:
        """The copy of a row."""
        values = list(row)
        for place, change in self._changes[table]:
            values[place] = change(values[place])
        return values

    def _person(self, text: Any) -> Any:
        return text and _CONTACT.sub(lambda found: f"{found[1]}{int(found[2]) + self._contacts:08}", text)

    def _hash(self, text: Any) -> Any:
        return text and f"{text[:4]}{self._number:04x}{text[8:]}"

    def _count(self, text: str) -> str:
        return text and str(int(text) + self._orders)

    def _click(self, click_id: Any) -> Any:
        return click_id and click_id[:12] + (int.from_bytes(click_id[12:]) ^ self._number).to_bytes(4)

    def _order(self, order_id: str) -> str:
        if not order_id:
            return ""
        if order_id not in self._ids:
            head, _, number = base64.b64decode(order_id).decode().rpartition("-")
            self._ids[order_id] = base64.b64encode(f"{head}-{self._count(number)}".encode()).decode()
        return self._ids[order_id]

    def _later(self, at: str) -> str:
        later = datetime.fromisoformat(at) + timedelta(microseconds=self._number)
        return later.isoformat().replace("+00:00", "Z")

    def _snapshot(self, text: str) -> str:
        """The snapshot, with the same changes as the columns."""
        order = json.loads(text)
        for name in order.keys() & self._of_snapshot.keys():
            order[name] = order[name] and self._of_snapshot[name](order[name])
        return json.dumps(order, ensure_ascii=False, separators=(",", ":"))
