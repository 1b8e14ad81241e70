"""Everything that is stored about a person, as JSON: rows by table, with the names of its columns."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.attribution.gather import open_token
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.orders.deliveries import read_delivery
from salepixel.orders.packing import Damaged
from salepixel.privacy.person import Person, Place, orders_naming, own_orders
from salepixel.privacy.receivers import TABLES, receivers_of
from salepixel.privacy.reports import Reported
from salepixel.reading.times import rfc3339
from salepixel.storage import schema
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import EPOCH, as_micros

Rows = list[dict[str, Any]]

_EVERYTHING = 2**31


def tables_of(connection: sa.Connection, keys: Keys, person: Person) -> dict[str, Rows]:
    """The rows that an index finds, by table. They contain no order of another person that names this one."""
    own = own_orders(connection, person, _EVERYTHING)
    places = list(dict.fromkeys([*own, *orders_naming(connection, person, _EVERYTHING)]))
    found: dict[str, Rows] = {}
    for table, column in _BY_CONTACT:
        ours = table.c.emp_id == person.emp_id, is_one_of(connection, column, person.names)
        found[table.name] = _rows(connection, sa.select(table).where(*ours))
    for table in (schema.recipients, schema.clickers, schema.buyers):
        found[table.name] = _rows(
            connection, sa.select(table).where(_in_campaigns(connection, table, person))
        )
    for table in _OF_ORDERS:
        found[table.name] = list(_of_orders(connection, table, own))
    for table in (schema.decisions, schema.candidates, schema.sales):
        found[table.name] = [
            row
            for row in _of_orders(connection, table, places)
            if (row["shop_id"], row["order_id"]) in own or row["contact"] in person.names
        ]
    for table in TABLES:
        found[table.name] = []
    for one in receivers_of(connection, keys, person):
        (row,) = _rows(connection, sa.select(one.table).where(one.table.c.id == one.id))
        found[one.table.name].append(row | {"address": one.email})
    for row in found["orders"]:
        row["snapshot"] = json.loads(row["snapshot"])
    return found


def count_rows(connection: sa.Connection, person: Person) -> dict[str, int]:
    """The number of the person's contacts, clicks, coupons, recipients and orders, and of orders that name
    them.

    Hits and deliveries are not counted, because no index finds a person in them.
    """
    counts = {}
    for table, column in _BY_CONTACT:
        ours = table.c.emp_id == person.emp_id, is_one_of(connection, column, person.names)
        counts[table.name] = (
            connection.scalar(sa.select(sa.func.count()).select_from(table).where(*ours)) or 0
        )
    sent = _in_campaigns(connection, schema.recipients, person)
    query = sa.select(sa.func.count()).select_from(schema.recipients).where(sent)
    counts["recipients"] = connection.scalar(query) or 0
    own = own_orders(connection, person, _EVERYTHING)
    counts["orders"] = len({*own, *orders_naming(connection, person, _EVERYTHING)})
    return counts


def _in_campaigns(connection: sa.Connection, table: sa.Table, person: Person) -> sa.ColumnElement[bool]:
    """The person's rows of a table whose key is a campaign and a contact."""
    ours = sa.select(schema.campaigns.c.id).where(schema.campaigns.c.emp_id == person.emp_id)
    named = is_one_of(connection, table.c.contact, person.names)
    return sa.and_(table.c.campaign_id.in_(ours), named)


_BY_CONTACT = (
    (schema.contacts, schema.contacts.c.ref),
    (schema.clicks, schema.clicks.c.contact),
    (schema.coupons, schema.coupons.c.contact),
)

_OF_ORDERS = (
    schema.orders,
    schema.refunds,
    schema.sale_refunds,
    schema.outbox,
    schema.unread_orders,
)


def _of_orders(
    connection: sa.Connection, table: sa.Table, places: Sequence[Place]
) -> Iterator[dict[str, Any]]:
    order_id = table.c.id if table is schema.orders else table.c.order_id
    for place in places:
        yield from _rows(
            connection, sa.select(table).where(table.c.shop_id == place[0], order_id == place[1])
        )


def hits_page(
    connection: sa.Connection, sealer: ClickSealer, person: Person, after: str, limit: int
) -> tuple[Rows, str | None, int]:
    """The person's hits in the next page, where the page after it begins, and how many hits were read."""
    hits = schema.hits
    query = sa.select(hits).where(hits.c.id > bytes.fromhex(after)).order_by(hits.c.id).limit(limit)
    rows = connection.execute(query).mappings().all()
    found = []
    for row in rows:
        click = open_token(sealer, row["click_token"]) if row["emp_id"] == person.emp_id else None
        if click and click.emp_id == person.emp_id and click.contact in person.names:
            found.append(_as_json(row))
    return found, rows[-1]["id"].hex() if len(rows) == limit else None, len(rows)


def deliveries_page(
    connection: sa.Connection, sealer: ClickSealer, person: Person, after: str, limit: int
) -> tuple[Rows, str | None, int]:
    """The same for deliveries, shop by shop, with only the person's own orders in them.

    A call of the sales API may also contain orders of other people.
    """
    table, shops = schema.deliveries, schema.shops
    shop_id, received_at, digest = json.loads(after) if after else ("", 0, "")
    theirs = sa.select(sa.func.min(shops.c.id)).where(shops.c.emp_id == person.emp_id)
    if not digest:
        shop_id = connection.scalar(theirs.where(shops.c.id > shop_id))
        if shop_id is None:
            return [], None, 0
    key = table.c.received_at, table.c.digest
    query = sa.select(*key).where(table.c.shop_id == shop_id)
    if digest:
        at = sa.literal(EPOCH + timedelta(microseconds=received_at), table.c.received_at.type)
        query = query.where(sa.tuple_(*key) > sa.tuple_(at, sa.literal(digest)))
    rows = connection.execute(query.order_by(*key).limit(limit)).all()
    own = [order_id for shop, order_id in own_orders(connection, person, _EVERYTHING) if shop == shop_id]
    look, found = Reported(sealer.keys, person, shop_id, own), []
    for row in rows:
        with suppress(Damaged):
            delivery = read_delivery(connection, row.digest)
            if delivery and (orders := look.orders_in(delivery.body)):
                found.append(_as_json(asdict(delivery)) | {"body": orders})
    last = (as_micros(rows[-1].received_at), rows[-1].digest) if len(rows) == limit else (0, "")
    return found, json.dumps([shop_id, *last]), len(rows)


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> Rows:
    return [_as_json(row) for row in connection.execute(query).mappings()]


def _as_json(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(value) if isinstance(value, Decimal) else value
