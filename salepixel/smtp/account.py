"""Sends a mail of an account, by its own server or that of the installation."""

from salepixel.keys import Keys
from salepixel.smtp.send import send
from salepixel.smtp.server import Mail, Server
from salepixel.smtp.store import server_of
from salepixel.storage.database import Database


def send_for(database: Database, keys: Keys, default: Server | None, emp_id: int, mail: Mail) -> str:
    """Send a mail of an account; returns "sent", or why not. `default`: the server of the settings."""
    with database.read() as connection:
        server = server_of(connection, keys, emp_id, default)
    return server if isinstance(server, str) else send(server, mail).reason
