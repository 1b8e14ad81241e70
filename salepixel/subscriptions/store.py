"""Subscriptions and the queue of their reports, as stored."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.keys import Keys, Place, Sealed
from salepixel.storage.ids import new_id
from salepixel.storage.schema import accounts, campaigns, report_mails, subscriptions
from salepixel.storage.upsert import insert
from salepixel.subscriptions.rules import AFTER, LATE, Due, What, due_after_sending, due_when_closed


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who gets which reports. `campaign_id`: of What.CAMPAIGN; otherwise empty."""

    id: str
    emp_id: int
    what: What
    campaign_id: str
    language: str
    created_at: datetime
    email_hash: str
    closed_at_start: datetime | None
    address: Sealed = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReportMail:
    """A report to a person. `next_at`: of the next attempt; None: sent, or given up. `answer`: see schema."""

    id: str
    emp_id: int
    subscription_id: str
    kind: str
    about: str
    written_at: datetime
    attempts: int
    next_at: datetime | None
    answer: str
    answered_at: datetime | None


def address_place(subscription_id: str) -> Place:
    """The place of an address."""
    return Place("subscriptions", subscription_id, "address")


def add_subscription(
    connection: sa.Connection,
    keys: Keys,
    emp_id: int,
    what: What,
    campaign_id: str,
    address: str,
    language: str,
    at: datetime,
) -> Subscription:
    """Store a subscription; the existing one, if this person has it, with its language changed."""
    its_id, email_hash = new_id(), keys.hash_email(emp_id, address)
    closed = connection.scalar(sa.select(accounts.c.closed_before).where(accounts.c.emp_id == emp_id))
    sealed = keys.seal(address_place(its_id), address)
    new = Subscription(its_id, emp_id, what, campaign_id, language, at, email_hash, closed, sealed)
    values = {name: getattr(new, name) for name in Subscription.__slots__}
    key = ("emp_id", "email_hash", "what", "campaign_id")
    statement = insert(connection, subscriptions).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_={"language": language}))
    (found,) = _read(connection, *(subscriptions.c[name] == values[name] for name in key))
    return found


def list_subscriptions(connection: sa.Connection, emp_id: int) -> list[Subscription]:
    """The subscriptions of an account, oldest first."""
    return list(_read(connection, subscriptions.c.emp_id == emp_id))


def get_subscription(connection: sa.Connection, subscription_id: str) -> Subscription | None:
    """The subscription, or None."""
    return next(_read(connection, subscriptions.c.id == subscription_id), None)


def _read(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> Iterator[Subscription]:
    query = sa.select(*(subscriptions.c[name] for name in Subscription.__slots__)).where(*which)
    for row in connection.execute(query.order_by(subscriptions.c.created_at, subscriptions.c.id)).mappings():
        yield Subscription(**{**row, "what": What(row["what"])})


def remove_subscription(connection: sa.Connection, subscription_id: str) -> None:
    """Delete a subscription. Its sent reports stay, without a person, so that none is sent again."""
    its = report_mails.c.subscription_id == subscription_id
    connection.execute(sa.delete(report_mails).where(its, report_mails.c.next_at.is_not(None)))
    connection.execute(sa.delete(subscriptions).where(subscriptions.c.id == subscription_id))


def write_due(connection: sa.Connection, now: datetime) -> int:
    """Write down the reports that are due; returns how many are new. Idempotent."""
    written = 0
    first = now - max(AFTER.values()) - LATE
    of_account = campaigns.c.emp_id == subscriptions.c.emp_id
    is_wanted = sa.or_(
        subscriptions.c.what == What.CAMPAIGNS,
        sa.and_(subscriptions.c.what == What.CAMPAIGN, subscriptions.c.campaign_id == campaigns.c.id),
    )
    columns = subscriptions.c.id, subscriptions.c.emp_id, subscriptions.c.email_hash
    its = subscriptions.c.created_at, campaigns.c.id.label("about"), campaigns.c.sent_at
    query = sa.select(*columns, *its)
    sent = query.join(campaigns, sa.and_(of_account, is_wanted)).where(
        campaigns.c.sent_at >= first, campaigns.c.sent_at <= now
    )
    row: Any
    for row in connection.execute(sent).all():
        for due in due_after_sending(row.about, row.sent_at, row.created_at, now):
            written += _write(connection, row, due, now)
    closed = sa.select(*columns, subscriptions.c.closed_at_start, accounts.c.closed_before)
    closed = closed.join(accounts, accounts.c.emp_id == subscriptions.c.emp_id).where(
        subscriptions.c.what == What.MONTHS, accounts.c.closed_before.is_not(None)
    )
    for row in connection.execute(closed).all():
        for due in due_when_closed(row.closed_before, row.closed_at_start):
            written += _write(connection, row, due, now)
    return written


def _write(connection: sa.Connection, row: Any, due: Due, now: datetime) -> int:
    key = f"{row.emp_id}\n{due.kind}\n{due.about}\n{row.email_hash}"
    values = {
        "id": hashlib.sha256(key.encode()).hexdigest()[:32],
        "emp_id": row.emp_id,
        "subscription_id": row.id,
        "kind": due.kind,
        "about": due.about,
        "written_at": now,
        "attempts": 0,
        "next_at": now,
        "answer": "",
    }
    statement = insert(connection, report_mails).values(values).on_conflict_do_nothing()
    return connection.execute(statement.returning(report_mails.c.id)).first() is not None


def accounts_with_reports(connection: sa.Connection, now: datetime) -> list[int]:
    """The accounts with a report to send, those that wait longest first."""
    first = sa.func.min(report_mails.c.next_at)
    query = sa.select(report_mails.c.emp_id).where(report_mails.c.next_at <= now)
    return list(connection.scalars(query.group_by(report_mails.c.emp_id).order_by(first)))


def claim_report(connection: sa.Connection, emp_id: int, now: datetime, until: datetime) -> ReportMail | None:
    """Claim the report of an account that is due for the longest time; None if none is due.

    The attempt counts from now. If this process ends before it records it, it is due again at `until`.
    """
    query = (
        sa.select(*(report_mails.c[name] for name in ReportMail.__slots__))
        .where(report_mails.c.emp_id == emp_id, report_mails.c.next_at <= now)
        .order_by(report_mails.c.next_at, report_mails.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    this = report_mails.c.id == row["id"]
    values = {"next_at": until, "attempts": row["attempts"] + 1}
    connection.execute(sa.update(report_mails).where(this).values(values))
    return ReportMail(**{**row, **values})


def record_report(
    connection: sa.Connection, mail: ReportMail, answer: str, now: datetime, next_at: datetime | None
) -> None:
    """Store the answer to an attempt; None: it was the last one."""
    values = {"answer": answer, "answered_at": now, "next_at": next_at}
    connection.execute(sa.update(report_mails).where(report_mails.c.id == mail.id).values(values))


def list_reports(connection: sa.Connection, emp_id: int, limit: int) -> list[ReportMail]:
    """The newest reports of an account."""
    query = sa.select(*(report_mails.c[name] for name in ReportMail.__slots__))
    its = query.where(report_mails.c.emp_id == emp_id)
    rows = connection.execute(its.order_by(report_mails.c.written_at.desc(), report_mails.c.id).limit(limit))
    return [ReportMail(*row) for row in rows]


def retry_reports(connection: sa.Connection, emp_id: int, at: datetime) -> int:
    """Send the reports of an account again that were given up; returns how many."""
    dead = report_mails.c.emp_id == emp_id, report_mails.c.next_at.is_(None), report_mails.c.answer != "sent"
    its = sa.select(subscriptions.c.id).where(subscriptions.c.emp_id == emp_id)
    values = {"next_at": at, "attempts": 0}
    done = connection.execute(
        sa.update(report_mails).where(*dead, report_mails.c.subscription_id.in_(its)).values(values)
    )
    return int(done.rowcount)
