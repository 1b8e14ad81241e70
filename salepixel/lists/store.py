"""Uploaded lists, in sealed pieces: they contain e-mail addresses, which are stored nowhere else in clear."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from salepixel.keys import Keys, Place
from salepixel.storage.schema import list_pieces, lists

KEPT = timedelta(days=1)
"""How long a list is kept after its upload or import."""

PIECES_AT_ONCE = 50
"""The pieces that are deleted together: about 1 MB."""


@dataclass(frozen=True, slots=True)
class ContactList:
    """An uploaded list; times are UTC. `campaign_id`: of its recipients; None for a list of contacts.

    `size` in bytes. `import_id`: the computation that imports it, or None.
    """

    id: str
    emp_id: int
    campaign_id: str | None
    name: str
    encoding: str
    size: int
    lines: int
    pieces: int
    created_at: datetime
    ends_at: datetime
    import_id: str | None = None


_SHOWN = [lists.c[name] for name in ContactList.__slots__]


def add_list(connection: sa.Connection, new: ContactList) -> None:
    """Store a list without its pieces."""
    values = {name: getattr(new, name) for name in ContactList.__slots__}
    connection.execute(sa.insert(lists).values(values))


def add_pieces(
    connection: sa.Connection, keys: Keys, list_id: str, first: int, pieces: Sequence[bytes]
) -> bool:
    """Store further pieces, from number `first` on; False if the list was deleted."""
    this = sa.select(lists.c.id).where(lists.c.id == list_id)
    if connection.scalar(this.with_for_update()) is None:
        return False
    rows = []
    for number, raw in enumerate(pieces, first):
        content = keys.seal_bytes(_place(list_id, number), zlib.compress(raw, 1))
        rows.append({"list_id": list_id, "number": number, "content": content})
    connection.execute(sa.insert(list_pieces), rows)
    return True


def complete_list(connection: sa.Connection, whole: ContactList) -> None:
    """Store what is known of a list when it has arrived: from now on it can be seen."""
    names = ("encoding", "size", "lines", "pieces")
    change_list(connection, whole.id, **{name: getattr(whole, name) for name in names})


def change_list(connection: sa.Connection, list_id: str, **values: Any) -> None:
    """Change columns of a list."""
    connection.execute(sa.update(lists).where(lists.c.id == list_id).values(values))


def get_list(connection: sa.Connection, list_id: str, *, lock: bool = False) -> ContactList | None:
    """A list that has arrived completely, or None."""
    query = sa.select(*_SHOWN).where(lists.c.id == list_id, lists.c.pieces > 0)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else ContactList(*row)


def lists_of_campaign(connection: sa.Connection, campaign_id: str, limit: int) -> list[ContactList]:
    """The newest lists of a campaign's recipients."""
    query = sa.select(*_SHOWN).where(lists.c.campaign_id == campaign_id, lists.c.pieces > 0)
    rows = connection.execute(query.order_by(lists.c.created_at.desc(), lists.c.id).limit(limit))
    return [ContactList(*row) for row in rows]


def read_piece(connection: sa.Connection, keys: Keys, list_id: str, number: int) -> bytes:
    """A piece of a list. Raises LookupError if it was deleted, and BadSeal."""
    this = list_pieces.c.list_id == list_id, list_pieces.c.number == number
    content = connection.scalar(sa.select(list_pieces.c.content).where(*this))
    if content is None:
        raise LookupError("the list was deleted meanwhile")
    return zlib.decompress(keys.open_bytes(_place(list_id, number), content))


def has_pieces(connection: sa.Connection, list_id: str) -> bool:
    """Whether the file of a list is still there."""
    its = sa.select(list_pieces.c.number).where(list_pieces.c.list_id == list_id)
    return connection.scalar(its.limit(1)) is not None


def delete_ended(connection: sa.Connection, now: datetime) -> int:
    """Delete some pieces of ended lists, or a list that ended before KEPT; returns the number of rows."""
    ended = sa.select(lists.c.id).where(lists.c.ends_at < now).order_by(lists.c.ends_at)
    holding = ended.where(sa.exists().where(list_pieces.c.list_id == lists.c.id))
    found = connection.scalar(holding.limit(1))
    if found is not None:
        return _delete_pieces(connection, found)
    old = connection.scalar(ended.where(lists.c.ends_at < now - KEPT).limit(1))
    return 0 if old is None else _delete_list(connection, old)


def delete_some(connection: sa.Connection, emp_id: int) -> int:
    """Delete some pieces of an account's lists, or one list without pieces; returns the number of rows."""
    found = connection.scalar(sa.select(lists.c.id).where(lists.c.emp_id == emp_id).limit(1))
    if found is None:
        return 0
    return _delete_pieces(connection, found) or _delete_list(connection, found)


def is_any_ended(connection: sa.Connection, now: datetime) -> bool:
    """Whether a list is to be deleted, or its pieces."""
    pieces = sa.exists().where(list_pieces.c.list_id == lists.c.id)
    which = lists.c.ends_at < now, sa.or_(pieces, lists.c.ends_at < now - KEPT)
    return connection.scalar(sa.select(lists.c.id).where(*which).limit(1)) is not None


def _delete_pieces(connection: sa.Connection, list_id: str) -> int:
    its = list_pieces.c.list_id == list_id
    numbers = connection.scalars(sa.select(list_pieces.c.number).where(its).limit(PIECES_AT_ONCE)).all()
    these = its, list_pieces.c.number.in_(numbers)
    return connection.execute(sa.delete(list_pieces).where(*these)).rowcount if numbers else 0


def _delete_list(connection: sa.Connection, list_id: str) -> int:
    return connection.execute(sa.delete(lists).where(lists.c.id == list_id)).rowcount


def _place(list_id: str, number: int) -> Place:
    return Place("list_pieces", f"{list_id} {number}", "content")
