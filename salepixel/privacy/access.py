"""Computes everything that is stored about a person, in steps of some hits and deliveries."""

from typing import Any

import sqlalchemy as sa

from salepixel.computations.work import Json, Progress, Task, Tools
from salepixel.keys import Keys, Place, Sealed
from salepixel.privacy.export import deliveries_page, hits_page, tables_of
from salepixel.privacy.person import Person, find_person
from salepixel.reading.times import rfc3339
from salepixel.storage import schema
from salepixel.sums.decisions import count_outcomes

KIND = "person"

HITS_AT_ONCE = 1000
DELIVERIES_AT_ONCE = 100
"""How many one step reads, in 20 to 50 ms."""

SMALL_DELIVERIES = 200
"""Up to so many deliveries of the account, and hits of all accounts, a search needs no steps."""


def parameters_of(keys: Keys, emp_id: int, who: str) -> dict[str, Any]:
    """The person to look for. Sealed, because it may be an e-mail address; equal texts are sealed alike."""
    return {"who": keys.seal(_place(emp_id), who)}


def is_small(connection: sa.Connection, emp_id: int) -> bool:
    """Whether the data is so small that a person is searched at once, without steps."""
    deliveries, shops, hits = schema.deliveries, schema.shops, schema.hits
    theirs = connection.scalars(sa.select(shops.c.id).where(shops.c.emp_id == emp_id)).all()
    # Shop by shop and sorted, or SQLite may read the whole table.
    of_shop = sa.select(deliveries.c.digest).order_by(deliveries.c.received_at)
    found = sum(_count(connection, of_shop.where(deliveries.c.shop_id == shop_id)) for shop_id in theirs)
    if found > SMALL_DELIVERIES:
        return False
    return _count(connection, sa.select(hits.c.id).order_by(hits.c.id)) <= SMALL_DELIVERIES


def _count(connection: sa.Connection, query: sa.Select[Any]) -> int:
    some = query.limit(SMALL_DELIVERIES + 1).subquery()
    return connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def step(connection: sa.Connection, tools: Tools, task: Task, place: Json) -> Progress:
    """One step: what an index finds, then some hits, then some deliveries."""
    if not place:
        who = tools.sealer.keys.open(_place(task.emp_id), Sealed(task.parameters["who"]))
        person = find_person(connection, tools.sealer.keys, task.emp_id, who)
        tables = {**tables_of(connection, tools.sealer.keys, person), "hits": [], "deliveries": []}
        # An order usually has two deliveries and a hit.
        total = 3 * sum(count_outcomes(connection, task.emp_id).values())
        place = {
            "person": person.as_json(),
            "tables": tables,
            "part": 0,
            "after": "",
            "done": 0,
            "total": total,
        }
        return Progress(place, 0, total)
    person, part = Person.from_json(place["person"]), place["part"]
    name, read, at_once = _PARTS[part]
    rows, after, looked_at = read(connection, tools.sealer, person, place["after"], at_once)
    tables, done = place["tables"], place["done"] + looked_at
    tables = {**tables, name: [*tables[name], *rows]}
    if after is None and part + 1 == len(_PARTS):
        return Progress(None, done, done, result=_result(task, person, tables))
    place |= {"tables": tables, "part": part + (after is None), "after": after or "", "done": done}
    return Progress(place, done, max(place["total"], done + 1))


_PARTS = (("hits", hits_page, HITS_AT_ONCE), ("deliveries", deliveries_page, DELIVERIES_AT_ONCE))


def _result(task: Task, person: Person, tables: Json) -> Json:
    at = rfc3339(task.as_of)
    return {"empId": task.emp_id, "exported_at": at, "references": sorted(person.refs), "tables": tables}


def _place(emp_id: int) -> Place:
    return Place("computations", emp_id, "parameters")
