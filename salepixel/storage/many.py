"""Looking for thousands of values at once: one parameter, not thousands."""

import json
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


def is_one_of(
    connection: sa.Connection, column: sa.Column[str], values: Collection[str]
) -> sa.ColumnElement[bool]:
    """True where a text column has one of these values.

    An IN with a parameter each is built, compiled and sent anew for every number of values, and databases
    limit how many parameters there may be.
    """
    if connection.dialect.name == "postgresql":
        texts = sa.bindparam(None, list(values), postgresql.ARRAY(sa.Text))
        return column == sa.any_(texts)
    each = sa.func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(sa.select(each.c.value))
