"""references of contacts in the normal form in which all input is read since then"""

import time

import sqlalchemy as sa
from alembic import op

from salepixel.reading.references import normal_reference

revision = "0018"
down_revision = "0017"

_BYTES = {"sqlite": "length(CAST({0} AS BLOB))", "postgresql": "octet_length({0})"}
_ENDS = ", ".join(f"'{end}'" for end in ' .,;:!?>")]}')


def upgrade() -> None:
    connection = op.get_bind()
    renamed = {
        table: _renamed(connection, table, column, owner)
        for table, column, owner in (
            ("contacts", "ref", "emp_id"),
            ("coupons", "contact", "emp_id"),
            ("clicks", "contact", "emp_id"),
            ("recipients", "contact", "campaign_id"),
            ("decision_contacts", "contact", "emp_id"),
        )
    }
    for emp_id, old, new in renamed["contacts"]:
        _join_contacts(connection, emp_id, old, new)
    for emp_id, old, new in renamed["coupons"]:
        _rename(connection, "coupons", "emp_id", emp_id, old, new)
    for emp_id, old, new in renamed["clicks"]:
        _rename(connection, "clicks", "emp_id", emp_id, old, new)
    for campaign_id, old, new in renamed["recipients"]:
        _join_recipients(connection, campaign_id, old, new)
    for emp_id, old, _ in renamed["decision_contacts"]:
        _decide_again(connection, emp_id, old)


def _renamed(connection: sa.Connection, table: str, column: str, owner: str) -> list[tuple[object, str, str]]:
    """(owner, old, new) of all references that are not normal. SQL excludes most of millions."""
    size = _BYTES[connection.dialect.name].format(column)
    odd = (
        f"{size} <> length({column}) OR {column} LIKE ' %' OR {column} LIKE '%?%=%' OR "
        f"substr({column}, length({column}), 1) IN ({_ENDS}, '''')"
    )
    rows = connection.execute(sa.text(f"SELECT DISTINCT {owner}, {column} FROM {table} WHERE {odd}"))  # noqa: S608
    pairs = [(row[0], str(row[1]), normal_reference(str(row[1]))) for row in rows]
    return [(whose, old, new) for whose, old, new in pairs if new not in ("", old)]


def _rename(connection: sa.Connection, table: str, owner: str, whose: object, old: str, new: str) -> None:
    statement = f"UPDATE {table} SET contact = :new WHERE {owner} = :whose AND contact = :old"  # noqa: S608
    connection.execute(sa.text(statement), {"whose": whose, "old": old, "new": new})


def _join_contacts(connection: sa.Connection, emp_id: object, old: str, new: str) -> None:
    """If both references exist, an opt-out wins, and an address is kept."""
    both = {"emp_id": emp_id, "old": old, "new": new}
    known = "SELECT {0} FROM contacts WHERE emp_id = :emp_id AND ref = :{1}"
    if connection.execute(sa.text(known.format("1", "new")), both).first() is None:
        statement = "UPDATE contacts SET ref = :new WHERE emp_id = :emp_id AND ref = :old"
        connection.execute(sa.text(statement), both)
        return
    row = connection.execute(sa.text(known.format("email_hash, alias_hash, consent", "old")), both).one()
    joined = sa.text(
        "UPDATE contacts SET alias_hash = CASE WHEN email_hash IS NULL THEN :alias ELSE alias_hash END, "
        "email_hash = coalesce(email_hash, :email), consent = (consent AND :consent) "
        "WHERE emp_id = :emp_id AND ref = :new"
    ).bindparams(
        sa.bindparam("consent", type_=sa.Boolean),
        sa.bindparam("alias", type_=sa.Text),
        sa.bindparam("email", type_=sa.Text),
    )
    given = {"alias": row.alias_hash, "email": row.email_hash, "consent": bool(row.consent)}
    connection.execute(joined, {"emp_id": emp_id, "new": new, **given})
    connection.execute(
        sa.text("DELETE FROM contacts WHERE emp_id = :emp_id AND ref = :old"), {"emp_id": emp_id, "old": old}
    )


def _join_recipients(connection: sa.Connection, campaign_id: object, old: str, new: str) -> None:
    """If both references exist, the normal one keeps its group."""
    both = {"campaign": campaign_id, "old": old, "new": new}
    known = sa.text("SELECT 1 FROM recipients WHERE campaign_id = :campaign AND contact = :new")
    if connection.execute(known, both).first() is None:
        _rename(connection, "recipients", "campaign_id", campaign_id, old, new)
    else:
        gone = sa.text("DELETE FROM recipients WHERE campaign_id = :campaign AND contact = :old")
        connection.execute(gone, {"campaign": campaign_id, "old": old})


def _decide_again(connection: sa.Connection, emp_id: object, old: str) -> None:
    """Mark the orders due whose decision names an old reference; deciding them writes the new one."""
    statement = sa.text(
        "UPDATE orders SET due = :due, next_attempt_at = :now, attempts = 0, last_error = '', "
        "failed_at = NULL WHERE EXISTS (SELECT 1 FROM decision_contacts d WHERE d.shop_id = orders.shop_id "
        "AND d.order_id = orders.id AND d.emp_id = :emp_id AND d.contact = :old)"
    ).bindparams(
        sa.bindparam("due", True, sa.Boolean), sa.bindparam("now", time.time_ns() // 1000, sa.BigInteger)
    )
    connection.execute(statement, {"emp_id": emp_id, "old": old})
