"""Pixel hits as stored. They are evidence for orders; in an account without a shop, they make the orders."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.store import Account
from salepixel.clicks.hits import Hit
from salepixel.clicks.tokens import Click, id_after
from salepixel.money.amounts import round_money
from salepixel.orders.order import Order, OrderLine
from salepixel.reading.order_numbers import order_key
from salepixel.storage.many import among, as_values
from salepixel.storage.schema import hits
from salepixel.storage.upsert import insert_into, took_effect


@dataclass(frozen=True, slots=True)
class StoredHit:
    """A pixel hit with its click token. `ignored`: why it does not count, or empty.

    `id` has the form of a click id and begins with the time. `order_id` is the order that the hit makes in an
    account with only its pixel, or empty.
    """

    id: bytes
    hit: Hit
    click_token: str
    signed: bool
    ignored: str
    order_id: str = ""

    @property
    def problem(self) -> str:
        """Why the hit is ignored, or which part of a counted hit could not be read; or empty."""
        return self.ignored or self.hit.problem

    @property
    def hit_at(self) -> datetime:
        """The time of the hit in UTC, to the millisecond."""
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int.from_bytes(self.id[:6]))


def store_hit(connection: sa.Connection, stored: StoredHit) -> bool:
    """Store a hit; False if it was stored before."""
    hit = stored.hit
    values = {
        "id": stored.id,
        "emp_id": hit.emp_id,
        "order_ref": hit.order,
        "order_key": order_key(hit.order),
        "order_id": stored.order_id,
        "click_token": stored.click_token,
        "product": hit.product,
        "quantity": hit.quantity,
        "amount": "" if hit.amount is None else str(hit.amount),
        "currency": hit.currency,
        "signed": stored.signed,
        "ignored": stored.ignored,
        "problem": stored.problem,
    }
    return took_effect(connection, _insert_hit(connection.dialect.name), values)


@cache
def _insert_hit(dialect: str) -> Any:
    return insert_into(dialect, hits).on_conflict_do_nothing()


def end_hits(
    connection: sa.Connection, emp_id: int, since: bytes, until: bytes, limit: int, *, only_ignored: bool
) -> tuple[int, bytes]:
    """Delete the oldest hits of an account with ids from `since` to before `until`, at most `limit`.

    Returns how many, and the least id that was not deleted.
    """
    old = hits.c.emp_id == emp_id, hits.c.id >= since, hits.c.id < until
    # The condition on `problem` is that of the index. A hit that counts in spite of a problem is evidence.
    ignored = (hits.c.problem != sa.text("''"), hits.c.ignored != "") if only_ignored else ()
    ids = list(
        connection.scalars(sa.select(hits.c.id).where(*old, *ignored).order_by(hits.c.id).limit(limit))
    )
    connection.execute(sa.delete(hits).where(hits.c.id.in_(ids)))
    return len(ids), id_after(ids[-1]) if ids else since


Name = tuple[str, str]
"""The id and the number of an order; a hit may contain either."""


def hits_naming(
    connection: sa.Connection, emp_id: int, names: Collection[Name]
) -> dict[Name, list[StoredHit]]:
    """The counted hits of each order, oldest first, found by its id or by its number in any spelling."""
    by_ref: dict[str, list[StoredHit]] = {}
    by_key: dict[str, list[StoredHit]] = {}
    keys = {number: order_key(number) for _, number in names}
    asked = {"refs": {order_id for order_id, _ in names}, "keys": set(keys.values())}
    for hit in _read(connection, _naming(connection.dialect.name), emp_id, asked):
        by_ref.setdefault(hit.hit.order, []).append(hit)
        by_key.setdefault(order_key(hit.hit.order), []).append(hit)
    found = {}
    for name in names:
        its = {hit.id: hit for hit in (*by_ref.get(name[0], ()), *by_key.get(keys[name[1]], ()))}
        found[name] = [its[hit_id] for hit_id in sorted(its)]
    return found


def hits_making(
    connection: sa.Connection, emp_id: int, order_ids: Collection[str]
) -> dict[str, list[StoredHit]]:
    """The hits that make each of these pixel-only orders, oldest first."""
    found: dict[str, list[StoredHit]] = {order_id: [] for order_id in order_ids}
    asked = {"orders": order_ids}
    for hit in _read(connection, _making(connection.dialect.name), emp_id, asked):
        found[hit.order_id].append(hit)
    return found


def pixel_order_id(connection: sa.Connection, account: Account, hit: Hit, click: Click | None) -> str:
    """The id of the order that a hit makes in an account with only its pixel; empty if it makes none.

    An order that is stored under an id from before 2026-11-28 keeps that id.
    """
    names = order_names(hit, account.currency, click)
    if len(names) < 2:
        return names[0] if names else ""
    ours = sa.and_(hits.c.emp_id == account.emp_id, hits.c.order_id.in_(names))
    known = set(connection.scalars(sa.select(hits.c.order_id).where(ours)))
    return next((name for name in names[1:] if name in known), names[0])


def order_names(hit: Hit, account_currency: str, click: Click | None) -> list[str]:
    """The id of the order that a hit makes, then its ids by the rules before 2026-11-28.

    Empty if it makes no order. The id is the shop's order number, if sent. Otherwise hits with the same
    click, item, quantity and amount are one order: a reload counts once. Without a click, no campaign could
    get the credit. Values are compared, not spellings: "175", "175.0000" and "175 EUR" are one amount in an
    account in EUR.
    """
    currency = hit.currency or account_currency
    if hit.order:
        is_foreign = currency != account_currency
        names = [f"{order_key(hit.order)} {currency}" if is_foreign else order_key(hit.order)]
        names += [f"{hit.order} {currency}"] if is_foreign else [hit.order, f"{hit.order} {currency}"]
        return list(dict.fromkeys(names))
    if click is None:
        return []
    amount = "" if hit.amount is None else str(round_money(hit.amount, currency))
    spellings = [(amount, currency), (str(hit.amount), hit.currency)]
    sales = [
        f"{click.id.hex()}\n{hit.product}\n{hit.quantity}\n{amount}\n{code}" for amount, code in spellings
    ]
    return ["pixel-" + hashlib.blake2b(sale.encode(), digest_size=8).hexdigest() for sale in sales]


def order_from_hits(account: Account, order_id: str, its_hits: Sequence[StoredHit]) -> Order:
    """The order that these hits (at least one) make; their sequence and repetitions do not matter."""
    ordered = sorted(its_hits, key=lambda stored: stored.id)
    first, last = ordered[0], ordered[-1]
    currency = first.hit.currency or account.currency
    lines: dict[str, OrderLine] = {}
    for stored in ordered:
        hit = stored.hit
        amount = round_money(hit.amount or Decimal(0), currency)
        key = hashlib.blake2b(f"{hit.product}\n{hit.quantity}\n{amount}".encode(), digest_size=8).hexdigest()
        lines.setdefault(key, OrderLine(key, hit.product, hit.quantity, amount))
    by_line = tuple(lines.values())
    if account.pixel_amount == "order":
        by_line = (_one_line(by_line),)
    return Order(
        id=order_id,
        number=first.hit.order or order_id,
        currency=currency,
        placed_at=first.hit_at,
        updated_at=last.hit_at,
        issued_at=last.hit_at,
        total=sum((line.amount for line in by_line), Decimal(0)),
        refunded=Decimal(0),
        paid=True,
        cancelled=False,
        lines=by_line,
    )


def _one_line(lines: Sequence[OrderLine]) -> OrderLine:
    """The single line of an order whose hits each carry the amount of the whole order."""
    return OrderLine(
        id="order",
        item=", ".join(line.item for line in lines if line.item),
        quantity=sum((line.quantity for line in lines), Decimal(0)),
        amount=max(line.amount for line in lines),
    )


_COUNT = hits.c.emp_id == sa.bindparam("emp_id"), hits.c.ignored == ""


@cache
def _naming(dialect: str) -> Any:
    # One query per index, because an OR may use none.
    by_ref = sa.select(hits).where(*_COUNT, hits.c.order_ref != "", among(dialect, hits.c.order_ref, "refs"))
    by_key = sa.select(hits).where(*_COUNT, hits.c.order_ref != "", among(dialect, hits.c.order_key, "keys"))
    return sa.union_all(by_ref, by_key)


@cache
def _making(dialect: str) -> Any:
    return sa.select(hits).where(*_COUNT, among(dialect, hits.c.order_id, "orders"))


def _read(
    connection: sa.Connection, query: Any, emp_id: int, asked: Mapping[str, Collection[str]]
) -> list[StoredHit]:
    given = {name: as_values(connection.dialect.name, values) for name, values in asked.items()}
    rows = connection.execute(query, {"emp_id": emp_id, **given}).all()
    return [
        StoredHit(
            id=row.id,
            hit=Hit(
                emp_id=row.emp_id,
                product=row.product,
                quantity=row.quantity,
                amount=Decimal(row.amount) if row.amount else None,
                order=row.order_ref,
                currency=row.currency,
            ),
            click_token=row.click_token,
            signed=row.signed,
            ignored=row.ignored,
            order_id=row.order_id,
        )
        for row in sorted(rows, key=attrgetter("id"))
    ]
