"""Finds a person among those who receive an account's alerts and reports.

Their addresses are encrypted, so each one is decrypted and compared. An account has few of them.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

import sqlalchemy as sa

from salepixel.keys import BadSeal, Keys, Place
from salepixel.privacy.person import Person
from salepixel.storage import schema

TABLES = (schema.alert_addresses, schema.subscriptions)
"""Tables with `id`, `emp_id` and an encrypted `address`."""

MESSAGES = {
    schema.alert_addresses.name: schema.alert_messages.c.address_id,
    schema.subscriptions.name: schema.report_mails.c.subscription_id,
}
"""Table -> the column of its messages that has the id of the receiver."""

_PARTS = re.compile(r"[^\s/?&=:;,<>\"]+")
_USER = re.compile(r"\w+://([^:/@?]+)(?::[^@/?]*)?@([^:/?]+)")
"""User and host in an address of apprise: `mailto://ana:password@shop.test` sends to ana@shop.test."""


class Receiver(NamedTuple):
    """A row that belongs to a person. `email`: its address, or empty if it is one of apprise."""

    table: sa.Table
    id: str
    email: str


def receivers_of(connection: sa.Connection, keys: Keys, person: Person) -> Iterator[Receiver]:
    """The rows with an address of the person. Rows that cannot be decrypted are left out."""
    if not person.addresses and not person.mailboxes:
        return
    for table in TABLES:
        query = sa.select(table.c.id, table.c.address).where(table.c.emp_id == person.emp_id)
        for row in connection.execute(query.order_by(table.c.id)).all():
            try:
                address = keys.open(Place(table.name, row.id, "address"), row.address)
            except BadSeal:
                continue
            if any(_is_theirs(keys, person, email) for email in emails_in(address)):
                yield Receiver(table, row.id, "" if "://" in address else address)


def emails_in(address: str) -> set[str]:
    """The e-mail addresses in `address`, which is an e-mail address or an address of apprise."""
    found = {part for part in _PARTS.findall(unquote(address)) if "@" in part.strip("@")}
    if user := _USER.match(address):
        found.add(f"{unquote(user[1])}@{user[2]}")
    return found


def _is_theirs(keys: Keys, person: Person, email: str) -> bool:
    address, mailbox = keys.hash_address(person.emp_id, email)
    return address in person.addresses or mailbox in person.mailboxes


def delete_receiver(connection: sa.Connection, found: Receiver) -> None:
    """Delete a row and its messages."""
    messages: Any = MESSAGES[found.table.name]
    connection.execute(sa.delete(messages.table).where(messages == found.id))
    connection.execute(sa.delete(found.table).where(found.table.c.id == found.id))
