"""The watermark: verdicts are final up to this click id, so the rows of `clicks` need no update for it.

A click above the watermark is judged again when the watermark passes it. The table `unsettled_clicks` lists
the clicks below it that are still to be judged again: those that an edge shipped late, and those of a
campaign whose sending time changed. Judging locks the watermark exclusively, and storing clicks shares that
lock. So judging waits for clicks that are being stored, and it sees both of two clicks that were stored at
the same time.

Lock order: watermark, then account, orders, clicks.
"""

from collections.abc import Collection

import sqlalchemy as sa

from salepixel.storage.schema import clicks, unsettled_clicks, watermarks
from salepixel.storage.upsert import insert

_VERDICTS = "verdicts"
_THIS = watermarks.c.name == _VERDICTS


def lock_watermark(connection: sa.Connection, *, exclusive: bool = False) -> bytes:
    """Lock the watermark until the transaction ends; returns its click id."""
    query = sa.select(watermarks.c.click_id).where(_THIS).with_for_update(read=not exclusive)
    found: bytes | None = connection.scalar(query)
    if found is None:
        first = insert(connection, watermarks).values(name=_VERDICTS, click_id=bytes(16))
        connection.execute(first.on_conflict_do_nothing())
        found = connection.execute(query).scalar_one()
    return found


def move_watermark(connection: sa.Connection, click_id: bytes) -> None:
    """Make verdicts final up to this click, inclusive."""
    connection.execute(sa.update(watermarks).where(_THIS).values(click_id=click_id))


def is_final() -> sa.ColumnElement[bool]:
    """Whether the verdict of a row of `clicks` is final."""
    settled = sa.select(watermarks.c.click_id).where(_THIS).scalar_subquery()
    # A subquery of one value: for NOT IN and NOT EXISTS PostgreSQL reads all marks, a million of them after
    # the sending time of a large campaign changed.
    its_mark = sa.select(unsettled_clicks.c.click_id).where(unsettled_clicks.c.click_id == clicks.c.id)
    return sa.and_(clicks.c.id <= settled, its_mark.scalar_subquery().is_(None))


def remember_unsettled(connection: sa.Connection, ids: Collection[bytes]) -> None:
    """Mark these clicks to be judged again, wherever the watermark is."""
    if ids:
        rows = [{"click_id": click_id} for click_id in ids]
        connection.execute(insert(connection, unsettled_clicks).on_conflict_do_nothing(), rows)


def remember_unsettled_where(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> None:
    """Mark the stored clicks that match all conditions to be judged again, wherever the watermark is."""
    ids = sa.select(clicks.c.id).where(*conditions)
    rows = insert(connection, unsettled_clicks).from_select(["click_id"], ids)
    connection.execute(rows.on_conflict_do_nothing())


def oldest_unsettled(connection: sa.Connection, below: bytes, limit: int) -> list[bytes]:
    """The oldest marked clicks with an id below `below`."""
    query = sa.select(unsettled_clicks.c.click_id).where(unsettled_clicks.c.click_id < below)
    return list(connection.scalars(query.order_by(unsettled_clicks.c.click_id).limit(limit)))


def forget_unsettled(connection: sa.Connection, ids: Collection[bytes]) -> None:
    """Remove these marks. Call it before reading the clicks to judge, so that a mark set meanwhile stays."""
    connection.execute(sa.delete(unsettled_clicks).where(unsettled_clicks.c.click_id.in_(ids)))
