"""Publishes the directory for the edges: accounts, links changed after sending, opt-outs, merge tags, and the
hosts of dynamic links."""

import hashlib

import sqlalchemy as sa
from redis import Redis
from redis.client import Pipeline

from salepixel.accounts.erased import all_erased
from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.store import list_accounts
from salepixel.campaigns.contacts import all_opted_out
from salepixel.campaigns.store import changed_links, contact_tags
from salepixel.mailers.tags import is_merge_tag
from salepixel.reading.references import normal_reference
from salepixel.storage.database import Database
from salepixel.wire.directory import DIRECTORY_KEY, DIRECTORY_VERSION_KEY, Directory, contact_digest


def read_directory(connection: sa.Connection) -> Directory:
    """The present directory, from the database."""
    rows = list_accounts(connection, INSTALLATION)
    return Directory(
        accounts={row.emp_id: (row.tracking_host, row.pixel_secret) for row in rows},
        require_signature=frozenset(row.emp_id for row in rows if row.pixel_signed),
        links=changed_links(connection),
        opted_out=_opted_out(connection),
        currencies={row.emp_id: row.currency for row in rows},
        tags=_tags(connection),
        erased=all_erased(connection),
        link_hosts={row.emp_id: frozenset(row.leads_to) for row in rows},
    )


def _opted_out(connection: sa.Connection) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for emp_id, ref in all_opted_out(connection):
        found.setdefault(emp_id, set()).add(contact_digest(ref.encode()))
    return {emp_id: frozenset(digests) for emp_id, digests in found.items()}


def _tags(connection: sa.Connection) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for emp_id, tag in contact_tags(connection):
        if not is_merge_tag(tag):
            found.setdefault(emp_id, set()).add(normal_reference(tag))
    return {emp_id: frozenset(tags - {""}) for emp_id, tags in found.items()}


def publish_directory(database: Database, redis: Redis) -> None:
    """Publish the directory in Redis. Raises RedisError.

    Several processes publish. An older directory must not replace a newer one: so if another process has
    published meanwhile, the database is read again.
    """

    def write(pipeline: Pipeline) -> None:
        with database.read() as connection:
            directory = read_directory(connection)
        text = directory.to_json()
        version = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        pipeline.multi()
        pipeline.mset({DIRECTORY_KEY: text, DIRECTORY_VERSION_KEY: version})

    redis.transaction(write, DIRECTORY_KEY)
