"""Alerts, their addresses and messages, and canaries, as stored."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.principal import CANARY
from salepixel.keys import Keys, Place, Sealed
from salepixel.storage.ids import new_id
from salepixel.storage.schema import (
    accounts,
    alert_addresses,
    alert_messages,
    alerts,
    campaigns,
    canaries,
    looks,
)
from salepixel.storage.upsert import insert, took_effect
from salepixel.watch.rules import was_away

MAX_ADDRESSES = 20

LOOK_EVERY = timedelta(minutes=1)
UNREAD_EVERY = timedelta(minutes=15)
"""For accounts without an address: only their pages show what is found."""

SET_UP = timedelta(hours=1)
"""An account without an address is watched so long after its first campaign. Until then it is being set up,
and First steps examines it."""

EMAIL = "email"
"""The service of a plain e-mail address."""


@dataclass(frozen=True, slots=True)
class Address:
    """A person or service that receives alerts. `service`: EMAIL, or the scheme of its address.

    `answer`: of the last message: empty, `sent`, or why it was not sent.
    """

    id: str
    emp_id: int
    name: str
    service: str
    language: str
    created_at: datetime
    answer: str
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert of an account. `ended_at` is None while it lasts."""

    emp_id: int
    kind: str
    detail: str
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is due, with its address, encrypted."""

    id: str
    emp_id: int
    address_id: str
    kind: str
    phase: str
    detail: str
    at: datetime
    attempts: int
    language: str
    service: str
    account_name: str
    address: Sealed = field(repr=False)


@dataclass(frozen=True, slots=True)
class Look:
    """The last look at an account. `since`: it has been looked at regularly since then."""

    emp_id: int
    looked_at: datetime
    since: datetime
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Canary:
    """The canary of an account. `phase`: idle, clicked or ordered. `result`: of the last run; empty: well."""

    emp_id: int
    campaign_id: str
    link_id: str
    phase: str
    token: str = field(repr=False)
    begun_at: datetime | None
    result: str
    ended_at: datetime | None
    next_at: datetime


def address_place(address_id: str) -> Place:
    """The place of an address, which is a secret: it contains passwords and tokens."""
    return Place("alert_addresses", address_id, "address")


def add_address(
    connection: sa.Connection, keys: Keys, emp_id: int, name: str, address: str, language: str, at: datetime
) -> Address:
    """Store an address, encrypted: of a person's e-mail, or of apprise."""
    scheme, is_service, _ = address.partition("://")
    service = scheme.lower() if is_service else EMAIL
    made = Address(new_id(), emp_id, name, service, language, at, "", None)
    values = {item: getattr(made, item) for item in Address.__slots__}
    sealed = keys.seal(address_place(made.id), address)
    connection.execute(sa.insert(alert_addresses).values(**values, address=sealed))
    return made


def list_addresses(connection: sa.Connection, emp_id: int) -> list[Address]:
    """The addresses of an account, oldest first."""
    query = sa.select(*(alert_addresses.c[name] for name in Address.__slots__))
    its = query.where(alert_addresses.c.emp_id == emp_id)
    rows = connection.execute(its.order_by(alert_addresses.c.created_at, alert_addresses.c.id))
    return [Address(*row) for row in rows]


def get_address(connection: sa.Connection, address_id: str) -> Address | None:
    """The address, or None."""
    query = sa.select(*(alert_addresses.c[name] for name in Address.__slots__))
    row = connection.execute(query.where(alert_addresses.c.id == address_id)).first()
    return None if row is None else Address(*row)


def remove_address(connection: sa.Connection, address_id: str) -> None:
    """Delete an address and its messages."""
    connection.execute(sa.delete(alert_messages).where(alert_messages.c.address_id == address_id))
    connection.execute(sa.delete(alert_addresses).where(alert_addresses.c.id == address_id))


def due_accounts(connection: sa.Connection, now: datetime, *, canaries_run: bool) -> list[int]:
    """The accounts with something to do now, those that wait longest first.

    Watched are those with an address, and those that have had a campaign for SET_UP.
    """
    has_address = sa.exists().where(alert_addresses.c.emp_id == accounts.c.emp_id)
    is_used = sa.exists().where(
        campaigns.c.emp_id == accounts.c.emp_id, campaigns.c.created_at <= now - SET_UP
    )
    is_due = [looks.c.emp_id.is_(None), looks.c.next_at <= now]
    if canaries_run:
        is_due += [canaries.c.emp_id.is_(None), canaries.c.next_at <= now]
    query = (
        sa.select(accounts.c.emp_id)
        .outerjoin(looks, looks.c.emp_id == accounts.c.emp_id)
        .outerjoin(canaries, canaries.c.emp_id == accounts.c.emp_id)
        .where(accounts.c.emp_id != CANARY, sa.or_(*is_due), sa.or_(has_address, is_used))
        .order_by(looks.c.next_at.asc().nulls_first(), accounts.c.emp_id)
    )
    return list(connection.scalars(query))


def accounts_with_messages(connection: sa.Connection, now: datetime) -> list[int]:
    """The accounts with a message that is due, those that wait longest first."""
    first = sa.func.min(alert_messages.c.next_at)
    query = sa.select(alert_messages.c.emp_id).where(alert_messages.c.next_at <= now)
    return list(connection.scalars(query.group_by(alert_messages.c.emp_id).order_by(first)))


def get_look(connection: sa.Connection, emp_id: int) -> Look | None:
    """The last look at an account, or None."""
    query = sa.select(*(looks.c[name] for name in Look.__slots__)).where(looks.c.emp_id == emp_id)
    row = connection.execute(query).first()
    return None if row is None else Look(*row)


def claim_look(connection: sa.Connection, emp_id: int, now: datetime, *, at_once: bool) -> Look | None:
    """Claim the look at an account if it is due, or `at_once`; None if another process has it.

    `since` of the look begins anew if nobody has looked for a while.
    """
    known = get_look(connection, emp_id)
    if known is not None and known.next_at > now and not at_once:
        return None
    has_address = sa.select(alert_addresses.c.id).where(alert_addresses.c.emp_id == emp_id).limit(1)
    every = LOOK_EVERY if connection.scalar(has_address) is not None else UNREAD_EVERY
    goes_on = known is not None and not was_away(known.next_at, now)
    look = Look(emp_id, now, known.since if known is not None and goes_on else now, now + every)
    values = {name: getattr(look, name) for name in Look.__slots__}
    if known is None:
        statement: Any = insert(connection, looks).values(values).on_conflict_do_nothing()
    else:
        this = looks.c.emp_id == emp_id, looks.c.next_at == known.next_at
        statement = sa.update(looks).where(*this).values(values)
    return look if took_effect(connection, statement) else None


def look_soon(connection: sa.Connection, emp_id: int, at: datetime) -> None:
    """Let the next look at an account come now."""
    this = looks.c.emp_id == emp_id, looks.c.next_at > at
    connection.execute(sa.update(looks).where(*this).values(next_at=at))


def list_alerts(connection: sa.Connection, emp_id: int) -> list[Alert]:
    """The last alert of each kind of an account, newest first."""
    query = sa.select(*(alerts.c[name] for name in Alert.__slots__)).where(alerts.c.emp_id == emp_id)
    return [
        Alert(*row) for row in connection.execute(query.order_by(alerts.c.began_at.desc(), alerts.c.kind))
    ]


def begin_alert(connection: sa.Connection, emp_id: int, kind: str, detail: str, at: datetime) -> None:
    """Store that an alert begins, with its messages. An open alert of this kind does not change."""
    values = {"detail": detail, "began_at": at, "ended_at": None}
    statement = insert(connection, alerts).values(emp_id=emp_id, kind=kind, **values)
    done = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["emp_id", "kind"], set_=values, where=alerts.c.ended_at.is_not(None)
        ).returning(alerts.c.kind)
    )
    if done.first() is not None:
        _add_messages(connection, emp_id, kind, "begin", detail, at)


def end_alert(connection: sa.Connection, emp_id: int, kind: str, at: datetime) -> None:
    """Store that an alert is over, with its messages.

    A message about its begin that is still waiting is deleted, because it would arrive after this one.
    """
    this = alerts.c.emp_id == emp_id, alerts.c.kind == kind, alerts.c.ended_at.is_(None)
    ended = connection.execute(
        sa.update(alerts).where(*this).values(ended_at=at).returning(alerts.c.began_at)
    ).first()
    if ended is not None:
        waiting = alert_messages.c.emp_id == emp_id, alert_messages.c.kind == kind
        connection.execute(sa.delete(alert_messages).where(*waiting, alert_messages.c.phase == "begin"))
        _add_messages(connection, emp_id, kind, "end", f"{ended.began_at:%Y-%m-%d %H:%M}", at)


def add_open_alerts(connection: sa.Connection, address: Address, at: datetime) -> None:
    """Put the alerts that last into the queue for a new address, which will get the end of them, too."""
    for alert in list_alerts(connection, address.emp_id):
        if alert.ended_at is None:
            _add_message(connection, address.emp_id, address.id, alert.kind, "begin", alert.detail, at)


def add_test(connection: sa.Connection, address: Address, at: datetime) -> None:
    """Put a test message for an address into the queue, unless one is waiting there."""
    its = alert_messages.c.address_id == address.id, alert_messages.c.phase == "test"
    waiting = sa.select(alert_messages.c.id).where(*its, alert_messages.c.next_at.is_not(None))
    if connection.scalar(waiting.limit(1)) is not None:
        return
    _add_message(connection, address.emp_id, address.id, "", "test", "", at)


def _add_messages(
    connection: sa.Connection, emp_id: int, kind: str, phase: str, detail: str, at: datetime
) -> None:
    for address in list_addresses(connection, emp_id):
        _add_message(connection, emp_id, address.id, kind, phase, detail, at)


def _add_message(
    connection: sa.Connection, emp_id: int, address_id: str, kind: str, phase: str, detail: str, at: datetime
) -> None:
    key = hashlib.sha256(f"{address_id}\n{kind}\n{phase}\n{at.isoformat()}".encode()).hexdigest()[:32]
    values = {
        "id": key,
        "emp_id": emp_id,
        "address_id": address_id,
        "kind": kind,
        "phase": phase,
        "detail": detail,
        "at": at,
        "attempts": 0,
        "next_at": at,
    }
    connection.execute(insert(connection, alert_messages).values(values).on_conflict_do_nothing())


def claim_message(connection: sa.Connection, emp_id: int, now: datetime, until: datetime) -> Message | None:
    """Claim the message of an account that is due for the longest time; None if none is due.

    If this process ends before it records it, it is due again at `until`: it may then come twice.
    """
    its = (alert_messages.c[name] for name in ("id", "emp_id", "address_id", "kind", "phase", "detail", "at"))
    rest = (
        alert_messages.c.attempts,
        alert_addresses.c.language,
        alert_addresses.c.service,
        accounts.c.name,
        alert_addresses.c.address,
    )
    query = (
        sa.select(*its, *rest)
        .join(alert_addresses, alert_addresses.c.id == alert_messages.c.address_id)
        .join(accounts, accounts.c.emp_id == alert_messages.c.emp_id)
        .where(alert_messages.c.next_at <= now, alert_messages.c.emp_id == emp_id)
        .order_by(alert_messages.c.next_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=alert_messages)
    )
    row: Any = connection.execute(query).first()
    if row is None:
        return None
    this = alert_messages.c.id == row.id
    connection.execute(sa.update(alert_messages).where(this).values(next_at=until))
    return Message(*row)


def record_message(
    connection: sa.Connection, message: Message, answer: str, now: datetime, next_at: datetime | None
) -> None:
    """Store the answer to an attempt; the message is retried at `next_at`, or deleted if it is None."""
    this = alert_messages.c.id == message.id
    if next_at is None:
        connection.execute(sa.delete(alert_messages).where(this))
    else:
        values: dict[str, Any] = {"attempts": message.attempts + 1, "next_at": next_at, "answer": answer}
        connection.execute(sa.update(alert_messages).where(this).values(values))
    address = alert_addresses.c.id == message.address_id
    connection.execute(sa.update(alert_addresses).where(address).values(answer=answer, answered_at=now))


def get_canary(connection: sa.Connection, emp_id: int) -> Canary | None:
    """The canary of an account, or None."""
    query = sa.select(*(canaries.c[name] for name in Canary.__slots__)).where(canaries.c.emp_id == emp_id)
    row = connection.execute(query).first()
    return None if row is None else Canary(*row)


def add_canary(connection: sa.Connection, emp_id: int, campaign_id: str, link_id: str, at: datetime) -> None:
    """Store a canary that is due now. An existing one does not change."""
    values = {
        "emp_id": emp_id,
        "campaign_id": campaign_id,
        "link_id": link_id,
        "phase": "idle",
        "token": "",
        "result": "",
        "next_at": at,
    }
    connection.execute(insert(connection, canaries).values(values).on_conflict_do_nothing())


def claim_canary(connection: sa.Connection, emp_id: int, now: datetime, until: datetime) -> Canary | None:
    """Claim the canary of an account if it is due, so that no other process runs it before `until`.

    Time in which nobody watched does not count: the run begins later by it, and so does its deadline.
    """
    known = get_canary(connection, emp_id)
    if known is None or known.next_at > now:
        return None
    begun_at = known.begun_at
    if begun_at is not None and was_away(known.next_at, now):
        begun_at += now - known.next_at
    this = canaries.c.emp_id == emp_id, canaries.c.next_at == known.next_at
    changed = sa.update(canaries).where(*this).values(next_at=until, begun_at=begun_at)
    if not connection.execute(changed).rowcount:
        return None
    return replace(known, next_at=until, begun_at=begun_at)


def change_canary(connection: sa.Connection, emp_id: int, values: Mapping[str, Any]) -> None:
    """Change some columns of a canary."""
    connection.execute(sa.update(canaries).where(canaries.c.emp_id == emp_id).values(dict(values)))
