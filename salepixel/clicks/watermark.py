"""The watermark: the click up to which verdicts are final, so that no row of `clicks` has to say it.

A click that is stored above the watermark is judged once more when the watermark passes it. A click that
is stored below (its edge could not ship for long), or whose campaign's time of sending changes, is
remembered in `unsettled_clicks` until it was judged once more. Both passes lock the watermark exclusively,
and whoever stores clicks shares that lock. So a pass waits for the clicks that are being stored, and of two
clicks that were stored without seeing each other the later pass sees both.

Lock order: watermark, then account, orders, clicks.
"""

from collections.abc import Collection

import sqlalchemy as sa

from salepixel.storage.schema import clicks, unsettled_clicks, watermarks
from salepixel.storage.upsert import insert

_VERDICTS = "verdicts"
_THIS = watermarks.c.name == _VERDICTS


def lock_watermark(connection: sa.Connection, *, exclusive: bool = False) -> bytes:
    """The id of the last click that was settled in its turn, which stays so until the transaction ends."""
    query = sa.select(watermarks.c.click_id).where(_THIS).with_for_update(read=not exclusive)
    found: bytes | None = connection.scalar(query)
    if found is None:
        first = insert(connection, watermarks).values(name=_VERDICTS, click_id=bytes(16))
        connection.execute(first.on_conflict_do_nothing())
        found = connection.execute(query).scalar_one()
    return found


def move_watermark(connection: sa.Connection, click_id: bytes) -> None:
    """Settled up to and with this click."""
    connection.execute(sa.update(watermarks).where(_THIS).values(click_id=click_id))


def is_final() -> sa.ColumnElement[bool]:
    """Whether the verdict of a row of `clicks` is final."""
    settled = sa.select(watermarks.c.click_id).where(_THIS).scalar_subquery()
    return sa.and_(clicks.c.id <= settled, clicks.c.id.not_in(sa.select(unsettled_clicks.c.click_id)))


def remember_unsettled(connection: sa.Connection, ids: Collection[bytes]) -> None:
    """Have these clicks judged once more, wherever the watermark is."""
    if ids:
        rows = [{"click_id": click_id} for click_id in ids]
        connection.execute(insert(connection, unsettled_clicks).on_conflict_do_nothing(), rows)


def remember_unsettled_where(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> None:
    """Have the stored clicks for which this is true judged once more, wherever the watermark is."""
    ids = sa.select(clicks.c.id).where(*conditions)
    rows = insert(connection, unsettled_clicks).from_select(["click_id"], ids)
    connection.execute(rows.on_conflict_do_nothing())


def oldest_unsettled(connection: sa.Connection, below: bytes, limit: int) -> list[bytes]:
    """The oldest clicks below this id that are remembered."""
    query = sa.select(unsettled_clicks.c.click_id).where(unsettled_clicks.c.click_id < below)
    return list(connection.scalars(query.order_by(unsettled_clicks.c.click_id).limit(limit)))


def forget_unsettled(connection: sa.Connection, ids: Collection[bytes]) -> None:
    """These are judged in this transaction. Call it before they are read: what is remembered later stays."""
    connection.execute(sa.delete(unsettled_clicks).where(unsettled_clicks.c.click_id.in_(ids)))
