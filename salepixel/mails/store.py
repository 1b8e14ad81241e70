"""Stored e-mails of campaigns."""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.scope import Scope, in_scope
from salepixel.mails.mail import Kind
from salepixel.mails.proposals import Use
from salepixel.mails.rewrite import Place
from salepixel.storage.schema import mail_links, mails


@dataclass(frozen=True, slots=True)
class StoredMail:
    """An uploaded e-mail. It is a draft while it has no `campaign_id`.

    `merged`: links with the same destination and use are one link in the report. `utm`: the UTM parameters of
    its links as text of `utm.Utm`; None: those of the account when its campaign is created.
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
    utm: str | None = None


_CHANGING = ("emp_id", "name", "merged", "changed_at", "campaign_id", "utm")


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


def get_mail(connection: sa.Connection, mail_id: str) -> StoredMail | None:
    """The mail, or None."""
    query = sa.select(*(mails.c[name] for name in StoredMail.__slots__)).where(mails.c.id == mail_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    body = zlib.decompress(row.body)
    return StoredMail(**{**row._mapping, "body": body, "kind": Kind(row.kind)})


def lock_mail(connection: sa.Connection, mail_id: str) -> Mapping[str, Any] | None:
    """The fields of a mail that can change, with its account, or None.

    No other transaction can change them until this one ends.
    """
    query = sa.select(*(mails.c[name] for name in _CHANGING)).where(mails.c.id == mail_id).with_for_update()
    row = connection.execute(query).first()
    return None if row is None else dict(row._mapping)


def mail_of(connection: sa.Connection, campaign_id: str) -> str | None:
    """The id of a campaign's mail, or None if it was made without one."""
    return connection.scalar(sa.select(mails.c.id).where(mails.c.campaign_id == campaign_id).limit(1))


def copy_mail(connection: sa.Connection, mail_id: str, copy: str, name: str, at: datetime) -> None:
    """Store a copy of a mail as a draft, with the same use of its links."""
    changed = {"id": copy, "name": name, "created_at": at, "changed_at": at, "campaign_id": None}
    _copy_rows(connection, mails, mails.c.id == mail_id, changed)
    _copy_rows(connection, mail_links, mail_links.c.mail_id == mail_id, {"mail_id": copy, "link_id": None})


def _copy_rows(
    connection: sa.Connection, table: sa.Table, rows: sa.ColumnElement[bool], changed: Mapping[str, Any]
) -> None:
    columns = [
        sa.literal(changed[column.name], column.type) if column.name in changed else column
        for column in table.c
    ]
    connection.execute(sa.insert(table).from_select(list(table.c), sa.select(*columns).where(rows)))


def choices_of(connection: sa.Connection, mail_id: str) -> dict[Place, Choice]:
    """The use of each link of a mail."""
    query = sa.select(mail_links).where(mail_links.c.mail_id == mail_id)
    return {
        (row.part, row.start): Choice(Use(row.usage), row.label, row.link_id)
        for row in connection.execute(query)
    }


def list_drafts(connection: sa.Connection, scope: Scope, limit: int) -> list[ListedMail]:
    """The drafts of one account or of all, newest first."""
    drafts = mails.c.campaign_id.is_(None), in_scope(mails.c.emp_id, scope)
    query = sa.select(*(mails.c[name] for name in ListedMail.__slots__)).where(*drafts)
    newest = query.order_by(mails.c.created_at.desc(), mails.c.id).limit(limit)
    return [ListedMail(**row._mapping) for row in connection.execute(newest)]


def change_mail(connection: sa.Connection, mail: StoredMail, values: Mapping[str, Any]) -> StoredMail:
    """Change fields of a mail; returns the changed mail."""
    connection.execute(sa.update(mails).where(mails.c.id == mail.id).values(dict(values)))
    return replace(mail, **values)


def change_links(
    connection: sa.Connection, mail_id: str, changes: Iterable[tuple[Place, Mapping[str, Any]]]
) -> None:
    """Change `usage`, `label` or `link_id` of links, the same fields of each."""
    rows = [{"its_part": part, "its_start": start, **values} for (part, start), values in changes]
    if rows:
        names = rows[0].keys() - {"its_part", "its_start"}
        this = (
            mail_links.c.mail_id == mail_id,
            mail_links.c.part == sa.bindparam("its_part"),
            mail_links.c.start == sa.bindparam("its_start"),
        )
        change = sa.update(mail_links).where(*this).values({name: sa.bindparam(name) for name in names})
        connection.execute(change, rows)


def delete_mail(connection: sa.Connection, mail_id: str) -> None:
    """Delete a mail with its links. Its campaign stays."""
    connection.execute(sa.delete(mail_links).where(mail_links.c.mail_id == mail_id))
    connection.execute(sa.delete(mails).where(mails.c.id == mail_id))
