"""Retention: how long an account keeps data that no decision needs, and the steps that delete it.

No decision and no sum changes. The row of a delivery stays without its body: its digest identifies a repeated
call of the sales API. The row of a sent forward stays without its URL, or the sale would be forwarded again.
Deleted clicks stay counted in the sums, and the decisions of their time are final.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

import sqlalchemy as sa

from salepixel.accounts.audit_list import end_audit, list_ended
from salepixel.accounts.store import Account, change_account, get_account, lock_account
from salepixel.clicks.ended import end_clicks
from salepixel.clicks.hit_store import end_hits
from salepixel.clicks.tokens import least_id_at
from salepixel.orders.deliveries import empty_deliveries
from salepixel.orders.queue import waits_before
from salepixel.privacy.inactive import end_contacts
from salepixel.storage.database import Database
from salepixel.storage.schema import EPOCH, EVERYWHERE, accounts, campaigns, outbox, retention, shops
from salepixel.storage.upsert import insert


class Kept(StrEnum):
    """The kinds of data that an account may limit. Stored and shown."""

    DELIVERIES = "deliveries"
    FORWARDS = "forwards"
    HITS = "ignored_hits"
    BOT_CLICKS = "bot_clicks"
    CLICKS = "clicks"
    CONTACTS = "contacts"
    AUDIT = "audit"


DEFAULT_DAYS: Mapping[Kept, int] = {
    Kept.DELIVERIES: 400,
    Kept.FORWARDS: 90,
    Kept.HITS: 90,
    Kept.BOT_CLICKS: 90,
    Kept.CLICKS: 760,
    Kept.CONTACTS: 1095,
    Kept.AUDIT: 400,
}
"""The defaults. Deliveries and the audit list are kept for a year, plus the month in which the year is
closed; clicks for the 25 months that the CNIL allows for measuring an audience (cnil.fr, "Cookies : solutions
pour les outils de mesure d'audience"); contacts for the three years without contact of its guideline for
commercial management (cnil.fr, "Référentiel relatif aux traitements de données à caractère personnel mis en
oeuvre aux fins de gestion des activités commerciales")."""

LATE_DAYS = 30
"""How long an edge may be offline. Clicks are kept at least as long as they are evidence, plus this time."""

LEAST_OF_AUDIT = 30
"""Who changes something must not be able to remove the trace of it at once."""

MOST_WAIT = timedelta(days=7)
"""How long an order that waits for its decision keeps the clicks of its account from ending.

An order waits for seconds, or for hours after a change of settings. One that nothing attempts must not keep
the clicks of all other orders for ever.
"""

AT_ONCE = 500
"""The rows of one step, which takes some milliseconds."""

HITS = "hits"
"""Stands in a `place` for all pixel hits of the account."""

CAMPAIGNS_AT_ONCE = 20
"""The campaigns that one step checks. Most of them have no old clicks left."""

YIELD_SECONDS = 0.03
"""The longest pause between two steps: a waiting writer of SQLite retries after 25 ms."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`days`: how long data is kept; None: for ever. `ended_until`: older rows (UTC) were deleted.

    `place`: where the next step continues: a campaign or HITS, and a click id or hit id in hex; of contacts,
    the last reference that was looked at.
    """

    days: int | None
    ended_until: datetime = EPOCH
    place: str = ""


def least_days(account: Account, kind: Kept) -> int:
    """The fewest days for which an account may keep a kind of data."""
    if kind is Kept.AUDIT:
        return LEAST_OF_AUDIT
    is_evidence = kind in MARKS or kind is Kept.CONTACTS
    return account.policy.evidence_window.days + LATE_DAYS if is_evidence else 1


def read_retention(connection: sa.Connection, emp_id: int) -> dict[Kept, Setting]:
    """All settings of an account."""
    rows = connection.execute(sa.select(retention).where(retention.c.emp_id == emp_id))
    chosen = {row.kind: Setting(row.days, row.ended_until, row.place) for row in rows}
    return {kind: chosen.get(kind, Setting(days)) for kind, days in DEFAULT_DAYS.items()}


def keep_setting(connection: sa.Connection, emp_id: int, kind: str, setting: Setting) -> None:
    """Store a setting and its progress."""
    changed = {"days": setting.days, "ended_until": setting.ended_until, "place": setting.place}
    statement = insert(connection, retention).values(emp_id=emp_id, kind=str(kind), **changed)
    connection.execute(statement.on_conflict_do_update(index_elements=["emp_id", "kind"], set_=changed))


def end_old_rows(database: Database, now: datetime, budget_seconds: float) -> int:
    """Delete or empty expired rows of all accounts, for about this long; returns the number of rows.

    Each step is a short transaction with a pause after it, so a fold or a webhook waits for one step at most.
    """
    deadline, ended = time.monotonic() + budget_seconds, 0
    ended += _end_audit_of_installation(database, now)
    with database.read() as connection:
        every = list(connection.scalars(sa.select(accounts.c.emp_id).order_by(accounts.c.emp_id)))
    for emp_id in every:
        for kind in _due_kinds(database, emp_id, now):
            _move_mark(database, emp_id, kind, now)
            may_be_more = True
            while may_be_more:
                done, may_be_more = _end_some(database, emp_id, kind, now)
                ended += done
                if time.monotonic() > deadline:
                    return ended
                if may_be_more:
                    time.sleep(YIELD_SECONDS)
    return ended


def _end_audit_of_installation(database: Database, now: datetime) -> int:
    """Its list is kept for the default time; few things are in it."""
    until = _day_before(now, DEFAULT_DAYS[Kept.AUDIT])
    with database.read() as connection:
        if not list_ended(connection, EVERYWHERE, until, 1):
            return 0
    with database.write() as connection:
        return end_audit(connection, EVERYWHERE, until, AT_ONCE)


def _due_kinds(database: Database, emp_id: int, now: datetime) -> list[Kept]:
    with database.read() as connection:
        account, settings = get_account(connection, emp_id), read_retention(connection, emp_id)
    if account is None:
        return []
    return [
        kind
        for kind, setting in settings.items()
        if _new_mark(account, kind, setting, now) or _until(account, kind, setting, now)
    ]


MARKS: Mapping[Kept, str] = {
    Kept.CLICKS: "clicks_ended_before",
    Kept.BOT_CLICKS: "bot_clicks_ended_before",
    Kept.HITS: "ignored_hits_ended_before",
}
"""The columns of `accounts` with the marks. A mark is written first, then older rows are deleted."""


def _new_mark(account: Account, kind: Kept, setting: Setting, now: datetime) -> datetime | None:
    """The mark that is due now; None if the present one is as late."""
    if kind not in MARKS or setting.days is None:
        return None
    until = _day_before(now, max(setting.days, least_days(account, kind)))
    return until if until > (getattr(account, MARKS[kind]) or account.created_at) else None


def _day_before(now: datetime, days: int) -> datetime:
    """The beginning of the day (UTC) `days` days ago: a whole day, so that a mark moves only once a day."""
    return (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)


def _move_mark(database: Database, emp_id: int, kind: Kept, now: datetime) -> None:
    """Write the mark, if one is due and everything before the present one is deleted."""
    if kind not in MARKS:
        return
    with database.write() as connection:
        # Exclusive: a transaction that read the present mark commits its clicks before this one continues.
        account = lock_account(connection, emp_id, exclusive=True)
        if account is None:
            return
        setting = read_retention(connection, emp_id)[kind]
        new = _new_mark(account, kind, setting, now)
        if new is None or _until(account, kind, setting, now) is not None:
            return
        # An order that is not decided yet still needs its clicks.
        needed_by = new + account.policy.evidence_window
        waiting_since = now - MOST_WAIT
        if kind is not Kept.CLICKS or not waits_before(connection, emp_id, needed_by, waiting_since):
            change_account(connection, emp_id, {MARKS[kind]: new})


def _end_some(database: Database, emp_id: int, kind: Kept, now: datetime) -> tuple[int, bool]:
    """One step; returns the number of rows, and whether more may follow."""
    with database.write() as connection:
        account = lock_account(connection, emp_id)  # its setting may just have changed
        if account is None:
            return 0, False
        setting = read_retention(connection, emp_id)[kind]
        if (until := _until(account, kind, setting, now)) is None:
            return 0, False
        ended, reached = _END[kind](connection, emp_id, setting, until)
        keep_setting(connection, emp_id, kind, reached or Setting(setting.days, until))
    return ended, reached is not None


def _until(account: Account, kind: Kept, setting: Setting, now: datetime) -> datetime | None:
    """Rows before this time (UTC) have expired; None if they are deleted already, or kept for ever."""
    if kind in MARKS:
        until = getattr(account, MARKS[kind])
    else:
        until = None if setting.days is None else _day_before(now, setting.days)
    if kind is Kept.CONTACTS and until is not None:
        until = _month_of_contacts(account, until)
    return None if until is None or setting.ended_until >= until else until


def _month_of_contacts(account: Account, until: datetime) -> datetime | None:
    """The beginning of a month, because each time all contacts are looked at; None: no contacts have expired.

    Never later than clicks have ended: earlier decisions are final, others may need the contact.
    """
    if account.clicks_ended_before is None:
        return None
    month = min(until, account.clicks_ended_before).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return month if month > account.created_at else None


Reached = tuple[int, Setting | None]
"""The number of deleted or emptied rows, and the setting with its progress if more may follow."""


def _end_forwards(connection: sa.Connection, emp_id: int, setting: Setting, until: datetime) -> Reached:
    sent = outbox.c.state == "sent", outbox.c.emp_id == emp_id, outbox.c.url != ""
    in_time = outbox.c.next_at >= setting.ended_until, outbox.c.next_at < until
    query = sa.select(outbox.c.id, outbox.c.next_at).where(*sent, *in_time).order_by(outbox.c.next_at)
    rows = connection.execute(query.limit(AT_ONCE)).all()
    named = outbox.c.id.in_([row.id for row in rows])
    connection.execute(sa.update(outbox).where(named).values(url="", answer=""))
    is_more = len(rows) == AT_ONCE
    return len(rows), replace(setting, ended_until=rows[-1].next_at) if is_more else None


def _end_hits(
    connection: sa.Connection, emp_id: int, setting: Setting, until: datetime, *, only_ignored: bool
) -> Reached:
    _, _, start = setting.place.partition(" ")
    since = bytes.fromhex(start) if start else least_id_at(setting.ended_until)
    ended, since = end_hits(connection, emp_id, since, least_id_at(until), AT_ONCE, only_ignored=only_ignored)
    return ended, replace(setting, place=f"{HITS} {since.hex()}") if ended == AT_ONCE else None


def _end_deliveries(connection: sa.Connection, emp_id: int, setting: Setting, until: datetime) -> Reached:
    """Empty expired deliveries, shop by shop. Each shop has its own progress, so no step reads rows twice."""
    for shop_id in connection.scalars(sa.select(shops.c.id).where(shops.c.emp_id == emp_id)).all():
        place = f"{Kept.DELIVERIES} {shop_id}"
        this = retention.c.emp_id == emp_id, retention.c.kind == place
        after = connection.scalar(sa.select(retention.c.ended_until).where(*this)) or EPOCH
        if after < until:
            ended, reached = empty_deliveries(connection, shop_id, after, until, AT_ONCE)
            keep_setting(connection, emp_id, place, Setting(None, reached or until))
            return ended, setting
    return 0, None


def _end_clicks(
    connection: sa.Connection, emp_id: int, setting: Setting, until: datetime, *, only_bots: bool
) -> Reached:
    """Campaign by campaign, by their ids, then the pixel hits: each step reads its own rows only."""
    at, _, start = setting.place.partition(" ")
    if at == HITS:
        return _end_hits(connection, emp_id, setting, until, only_ignored=False)
    ours = campaigns.c.emp_id == emp_id, campaigns.c.id >= at
    query = sa.select(campaigns.c.id).where(*ours).order_by(campaigns.c.id).limit(CAMPAIGNS_AT_ONCE + 1)
    some, seen, ended = list(connection.scalars(query)), 0, 0
    for campaign_id in some[:CAMPAIGNS_AT_ONCE]:
        since = bytes.fromhex(start) if campaign_id == at and start else least_id_at(setting.ended_until)
        left = AT_ONCE - seen
        looked_at, deleted, since = end_clicks(
            connection, campaign_id, since, least_id_at(until), left, only_bots=only_bots
        )
        seen, ended = seen + looked_at, ended + deleted
        if looked_at == left:
            return ended, replace(setting, place=f"{campaign_id} {since.hex()}")
    if len(some) > CAMPAIGNS_AT_ONCE:
        return ended, replace(setting, place=some[-1])
    return ended, None if only_bots else replace(setting, place=HITS)


def _end_contacts(connection: sa.Connection, emp_id: int, setting: Setting, until: datetime) -> Reached:
    seen, ended, last = end_contacts(connection, emp_id, setting.place, until, AT_ONCE)
    return ended, replace(setting, place=last) if seen == AT_ONCE else None


def _end_audit(connection: sa.Connection, emp_id: int, setting: Setting, until: datetime) -> Reached:
    ended = end_audit(connection, emp_id, until, AT_ONCE)
    return ended, setting if ended == AT_ONCE else None


_END: Mapping[Kept, Callable[[sa.Connection, int, Setting, datetime], Reached]] = {
    Kept.DELIVERIES: _end_deliveries,
    Kept.FORWARDS: _end_forwards,
    Kept.HITS: partial(_end_hits, only_ignored=True),
    Kept.BOT_CLICKS: partial(_end_clicks, only_bots=True),
    Kept.CLICKS: partial(_end_clicks, only_bots=False),
    Kept.CONTACTS: _end_contacts,
    Kept.AUDIT: _end_audit,
}
