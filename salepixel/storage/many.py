"""Queries for thousands of values or rows with a single parameter.

An IN has one parameter per value: it is built and compiled again for each number of values, and databases
limit the number of parameters. Frequent queries are built once: `among` and `table_of` take the name of a
parameter, `as_values` and `as_rows` make its value.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

POSTGRESQL = "postgresql"


def is_one_of(
    connection: sa.Connection, column: sa.Column[str], values: Collection[str]
) -> sa.ColumnElement[bool]:
    """The condition that a text column has one of these values."""
    if connection.dialect.name == POSTGRESQL:
        texts = sa.bindparam(None, list(values), postgresql.ARRAY(sa.Text))
        return column == sa.any_(texts)
    each = sa.func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(sa.select(each.c.value))


def among(dialect: str, column: sa.Column[Any], name: str) -> sa.ColumnElement[bool]:
    """The condition that a column has one of the texts, bytes or integers in the parameter `name`."""
    is_binary = isinstance(column.type, sa.LargeBinary)
    if dialect == POSTGRESQL:
        return column == sa.any_(sa.bindparam(name, type_=postgresql.ARRAY(column.type)))
    each = sa.func.json_each(sa.bindparam(name, type_=sa.Text)).table_valued("value")
    return column.in_(sa.select(sa.func.unhex(each.c.value) if is_binary else each.c.value))


def as_values(dialect: str, values: Iterable[str] | Iterable[bytes] | Iterable[int]) -> Any:
    """The value of a parameter of `among`."""
    if dialect == POSTGRESQL:
        return list(values)
    return json.dumps([value.hex() if isinstance(value, bytes) else value for value in values])


def table_of(dialect: str, parameter: str, **columns: type[sa.types.TypeEngine[Any]]) -> sa.FromClause:
    """The rows in a parameter as a table with these columns; bytes are hex."""
    given = sa.bindparam(parameter, type_=sa.Text)
    typed = [sa.column(column, kind) for column, kind in columns.items()]
    if dialect == POSTGRESQL:
        rows = sa.func.json_to_recordset(sa.cast(given, postgresql.JSON(none_as_null=True)))
        return rows.table_valued(*typed, name=parameter).render_derived(with_types=True)
    each = sa.func.json_each(given).table_valued("value", name=f"each_of_{parameter}")
    values = (sa.type_coerce(each.c.value.op("->>")(one.name), one.type).label(one.name) for one in typed)
    return sa.select(*values).subquery(parameter)


def as_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """The value of a parameter of `table_of`; each row has texts, integers and None by column."""
    return json.dumps(list(rows))


def as_bytes(dialect: str, column: sa.ColumnElement[str]) -> sa.ColumnElement[bytes]:
    """The bytes of a hex column of `table_of`."""
    if dialect == POSTGRESQL:
        return sa.func.decode(column, "hex", type_=sa.LargeBinary)
    return sa.func.unhex(column, type_=sa.LargeBinary)
