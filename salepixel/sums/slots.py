"""Slots: each concurrent writer adds to its own rows, so that no writer waits for another at one row."""

import sqlalchemy as sa

SLOTS = 64

_CLASS = 0x5A1F  # any number that no other program on this PostgreSQL uses for a lock
_SLOT = "salepixel_slot"
_FIRST_FREE = sa.text(
    f"SELECT slot FROM generate_series(0, {SLOTS - 1}) slot "  # noqa: S608  # our own numbers
    f"WHERE pg_try_advisory_xact_lock({_CLASS}, slot) LIMIT 1"
)


def slot(connection: sa.Connection) -> int:
    """The slot of this transaction: always 0 on SQLite, which has one writer at a time.

    On PostgreSQL it is the first number that no other transaction has. Sums are exact with any slot: two
    transactions with the same one (after a rolled-back savepoint, or if all are taken) only wait for each
    other.
    """
    if connection.dialect.name != "postgresql":
        return 0
    transaction, known = connection.info.get(_SLOT, (None, 0))
    if transaction is None or transaction is not connection.get_transaction():
        transaction, known = connection.get_transaction(), connection.scalar(_FIRST_FREE) or 0
        connection.info[_SLOT] = transaction, known
    return int(known)
