"""Everything that is stored about a person, as JSON: rows by table, with the names of its columns."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.attribution.gather import open_token
from salepixel.clicks.tokens import ClickSealer
from salepixel.orders.deliveries import read_delivery
from salepixel.orders.packing import Damaged
from salepixel.privacy.person import Person, Place, orders_naming, own_orders
from salepixel.privacy.reports import Reported
from salepixel.reading.times import rfc3339
from salepixel.storage import schema
from salepixel.storage.many import is_one_of

Rows = list[dict[str, Any]]

_EVERYTHING = 2**31
_PAGE = 500


def export_tables(connection: sa.Connection, sealer: ClickSealer, person: Person) -> dict[str, Rows]:
    """The rows about a person, by table. Orders of other buyers that name the person are not included.

    Deliveries contain only the person's own orders, because one call of the sales API has orders of many
    people.
    """
    own = own_orders(connection, person, _EVERYTHING)
    places = list(dict.fromkeys([*own, *orders_naming(connection, person, _EVERYTHING)]))
    found: dict[str, Rows] = {}
    for table, column in _BY_CONTACT:
        ours = table.c.emp_id == person.emp_id, is_one_of(connection, column, person.names)
        found[table.name] = _rows(connection, sa.select(table).where(*ours))
    found["recipients"] = _rows(connection, sa.select(schema.recipients).where(_received(connection, person)))
    for table in _OF_ORDERS:
        found[table.name] = list(_of_orders(connection, table, own))
    for table in (schema.decisions, schema.candidates, schema.sales):
        found[table.name] = [
            row
            for row in _of_orders(connection, table, places)
            if (row["shop_id"], row["order_id"]) in own or row["contact"] in person.names
        ]
    for row in found["orders"]:
        row["snapshot"] = json.loads(row["snapshot"])
    found["hits"] = list(_hits(connection, sealer, person))
    found["deliveries"] = list(_deliveries(connection, sealer, person, own))
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
    sent = sa.select(sa.func.count()).select_from(schema.recipients).where(_received(connection, person))
    counts["recipients"] = connection.scalar(sent) or 0
    own = own_orders(connection, person, _EVERYTHING)
    counts["orders"] = len({*own, *orders_naming(connection, person, _EVERYTHING)})
    return counts


def _received(connection: sa.Connection, person: Person) -> sa.ColumnElement[bool]:
    recipients, campaigns = schema.recipients, schema.campaigns
    ours = sa.select(campaigns.c.id).where(campaigns.c.emp_id == person.emp_id)
    named = is_one_of(connection, recipients.c.contact, person.names)
    return sa.and_(recipients.c.campaign_id.in_(ours), named)


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


def _hits(connection: sa.Connection, sealer: ClickSealer, person: Person) -> Iterator[dict[str, Any]]:
    hits, after = schema.hits, b""
    while True:
        query = sa.select(hits).where(hits.c.id > after).order_by(hits.c.id).limit(_PAGE)
        rows = connection.execute(query).mappings().all()
        if not rows:
            return
        after = rows[-1]["id"]
        for row in rows:
            click = open_token(sealer, row["click_token"]) if row["emp_id"] == person.emp_id else None
            if click and click.emp_id == person.emp_id and click.contact in person.names:
                yield _as_json(row)


def _deliveries(
    connection: sa.Connection, sealer: ClickSealer, person: Person, own: Iterable[Place]
) -> Iterator[dict[str, Any]]:
    table, shops = schema.deliveries, schema.shops
    places = set(own)
    for shop_id in connection.scalars(sa.select(shops.c.id).where(shops.c.emp_id == person.emp_id)).all():
        look = Reported(
            sealer.keys, person, shop_id, [order_id for shop, order_id in places if shop == shop_id]
        )
        query = sa.select(table.c.digest).where(table.c.shop_id == shop_id).order_by(table.c.received_at)
        for digest in connection.scalars(query).all():
            with suppress(Damaged):
                delivery = read_delivery(connection, digest)
                if delivery and (theirs := look.orders_in(delivery.body)):
                    yield _as_json(asdict(delivery)) | {"body": theirs}


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
