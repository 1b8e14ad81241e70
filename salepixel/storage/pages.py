"""Pages of a list by its key, the greatest key first, in both directions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa


def read_page(
    connection: sa.Connection,
    query: sa.Select[Any],
    key: Sequence[sa.ColumnElement[Any]],
    limit: int,
    older_than: tuple[Any, ...] | None = None,
    newer_than: tuple[Any, ...] | None = None,
) -> Sequence[sa.Row[Any]]:
    """The first rows, those after `older_than`, or the last ones before `newer_than`; greatest key first."""
    if newer_than is not None:
        query = query.where(sa.tuple_(*key) > newer_than).order_by(*key)
        return connection.execute(query.limit(limit)).all()[::-1]
    if older_than is not None:
        query = query.where(sa.tuple_(*key) < older_than)
    return connection.execute(query.order_by(*(column.desc() for column in key)).limit(limit)).all()
