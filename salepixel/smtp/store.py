"""SMTP settings of accounts, as stored."""

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from salepixel.keys import BadSeal, Keys, Place, Sealed
from salepixel.settings import StorageSettings
from salepixel.smtp.server import Encryption, Server
from salepixel.storage.schema import smtp_servers
from salepixel.storage.upsert import insert


@dataclass(frozen=True, slots=True)
class StoredServer:
    """The SMTP settings of an account. `answer`: of the last mail: empty, "sent", or why it was not sent."""

    emp_id: int
    host: str
    port: int
    encryption: Encryption
    user: str
    sender: str
    sender_name: str
    changed_at: datetime
    password: Sealed = field(repr=False)
    answer: str = ""
    answered_at: datetime | None = None


def password_place(emp_id: int) -> Place:
    """The place of a password."""
    return Place("smtp_servers", emp_id, "password")


def get_server(connection: sa.Connection, emp_id: int) -> StoredServer | None:
    """The SMTP settings of an account, or None."""
    query = sa.select(*(smtp_servers.c[name] for name in StoredServer.__slots__))
    row = connection.execute(query.where(smtp_servers.c.emp_id == emp_id)).mappings().first()
    return None if row is None else StoredServer(**{**row, "encryption": Encryption(row["encryption"])})


def keep_server(connection: sa.Connection, server: StoredServer) -> None:
    """Store the SMTP settings of an account in place of earlier ones."""
    values = {name: getattr(server, name) for name in StoredServer.__slots__}
    rest = {name: value for name, value in values.items() if name != "emp_id"}
    statement = insert(connection, smtp_servers).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["emp_id"], set_=rest))


def remove_server(connection: sa.Connection, emp_id: int) -> None:
    """Delete the SMTP settings of an account."""
    connection.execute(sa.delete(smtp_servers).where(smtp_servers.c.emp_id == emp_id))


def keep_answer(connection: sa.Connection, emp_id: int, answer: str, at: datetime) -> None:
    """Store what became of the last mail; nothing if the account has no settings of its own."""
    this = smtp_servers.c.emp_id == emp_id
    connection.execute(sa.update(smtp_servers).where(this).values(answer=answer, answered_at=at))


def open_server(stored: StoredServer, keys: Keys) -> Server:
    """The server with its password. Raises BadSeal."""
    return Server(
        stored.host,
        stored.port,
        stored.encryption,
        stored.user,
        stored.sender,
        stored.sender_name,
        password=keys.open(password_place(stored.emp_id), stored.password),
    )


def server_of(connection: sa.Connection, keys: Keys, emp_id: int, default: Server | None) -> Server | str:
    """The server that sends the mails of an account: its own, or the default; or why there is none."""
    stored = get_server(connection, emp_id)
    if stored is None:
        return default or "no_smtp"
    if stored.user and not stored.password:  # the keys of the installation were lost
        return "password_lost"
    try:
        return open_server(stored, keys)
    except BadSeal:
        return "password_lost"


def default_server(settings: StorageSettings) -> Server | None:
    """The server of the operator's settings, or None."""
    if not settings.smtp_host:
        return None
    return Server(
        settings.smtp_host,
        settings.smtp_port,
        Encryption(settings.smtp_encryption),
        settings.smtp_user,
        settings.smtp_sender,
        settings.smtp_sender_name,
        own=True,
        password=settings.smtp_password,
    )
