"""Stored e-mails of campaigns."""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.mails.mail import Kind
from salepixel.mails.proposals import Use
from salepixel.mails.rewrite import Place
from salepixel.storage.schema import mail_links, mails


@dataclass(frozen=True, slots=True)
class StoredMail:
    """An uploaded e-mail. It is a draft while it has no `campaign_id`.

    `merged`: links with the same destination and use are one link in the report.
    """

    id: str
    emp_id: int
    name: str
    mailer: str
    contact_tag: str
    kind: Kind
    body: bytes
    created_at: datetime
    changed_at: datetime
    merged: bool = True
    campaign_id: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen use of a link. `link_id`: the id of its tracked link, None if it has none."""

    use: Use
    label: str
    link_id: str | None = None


@dataclass(frozen=True, slots=True)
class ListedMail:
    """A draft in a list."""

    id: str
    emp_id: int
    name: str
    changed_at: datetime


def add_mail(connection: sa.Connection, mail: StoredMail, choices: Mapping[Place, Choice]) -> None:
    """Store a new mail and the use of its links."""
    values = {name: getattr(mail, name) for name in StoredMail.__slots__}
    connection.execute(sa.insert(mails).values(values | {"body": zlib.compress(mail.body)}))
    rows = [
        {"mail_id": mail.id, "part": part, "start": start, "usage": one.use, "label": one.label}
        for (part, start), one in choices.items()
    ]
    if rows:
        connection.execute(sa.insert(mail_links), rows)


def get_mail(connection: sa.Connection, mail_id: str, *, lock: bool = False) -> StoredMail | None:
    """The mail, or None. `lock`: no other transaction can change it until this one ends."""
    query = sa.select(*(mails.c[name] for name in StoredMail.__slots__)).where(mails.c.id == mail_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        return None
    body = zlib.decompress(row.body)
    return StoredMail(**{**row._mapping, "body": body, "kind": Kind(row.kind)})


def choices_of(connection: sa.Connection, mail_id: str) -> dict[Place, Choice]:
    """The use of each link of a mail."""
    query = sa.select(mail_links).where(mail_links.c.mail_id == mail_id)
    return {
        (row.part, row.start): Choice(Use(row.usage), row.label, row.link_id)
        for row in connection.execute(query)
    }


def list_drafts(connection: sa.Connection, emp_id: int | None, limit: int) -> list[ListedMail]:
    """The drafts of one account or of all, newest first."""
    query = sa.select(*(mails.c[name] for name in ListedMail.__slots__)).where(mails.c.campaign_id.is_(None))
    if emp_id is not None:
        query = query.where(mails.c.emp_id == emp_id)
    newest = query.order_by(mails.c.created_at.desc(), mails.c.id).limit(limit)
    return [ListedMail(**row._mapping) for row in connection.execute(newest)]


def change_mail(connection: sa.Connection, mail_id: str, values: Mapping[str, Any]) -> None:
    """Change fields of a mail."""
    connection.execute(sa.update(mails).where(mails.c.id == mail_id).values(dict(values)))


def change_links(
    connection: sa.Connection, mail_id: str, changes: Iterable[tuple[Place, Mapping[str, Any]]]
) -> None:
    """Change `usage`, `label` or `link_id` of links."""
    for (part, start), values in changes:
        this = sa.and_(
            mail_links.c.mail_id == mail_id, mail_links.c.part == part, mail_links.c.start == start
        )
        connection.execute(sa.update(mail_links).where(this).values(dict(values)))


def delete_mail(connection: sa.Connection, mail_id: str) -> None:
    """Delete a mail with its links. Its campaign stays."""
    connection.execute(sa.delete(mail_links).where(mail_links.c.mail_id == mail_id))
    connection.execute(sa.delete(mails).where(mails.c.id == mail_id))
