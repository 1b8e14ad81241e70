"""The outbox: sales to be forwarded, each retried until it is accepted or given up."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.scope import Scope, in_scope
from salepixel.storage.pages import read_page
from salepixel.storage.schema import orders, outbox
from salepixel.storage.upsert import insert


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to send. `id`: its idempotency key, the same in every attempt."""

    id: str
    emp_id: int
    url: str
    attempts: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A failed forward, with the last answer, or the reason why it was not sent."""

    id: str
    emp_id: int
    shop_id: str
    order_id: str
    order_number: str
    url: str
    attempts: int
    answer: str
    given_up_at: datetime

    @property
    def place(self) -> tuple[datetime, str]:
        """The `before` of the next page."""
        return self.given_up_at, self.id


def announce_order(
    connection: sa.Connection, emp_id: int, shop_id: str, order_id: str, urls: Mapping[str, str], at: datetime
) -> None:
    """Put an order's sales into the outbox: by line, or under "" for the whole order.

    Each is sent once, whatever happens to the sale later. A waiting request gets the current values of the
    sale, or is deleted with the sale, because its URL may name a contact who has opted out since.
    """
    keys = {_key(emp_id, shop_id, order_id, part): url for part, url in urls.items()}
    unsent = outbox.c.shop_id == shop_id, outbox.c.order_id == order_id, outbox.c.state != "sent"
    connection.execute(sa.delete(outbox).where(*unsent, outbox.c.id.not_in(keys)))
    for key, url in keys.items():
        values = {
            "id": key,
            "emp_id": emp_id,
            "shop_id": shop_id,
            "order_id": order_id,
            "url": url,
            "state": "waiting",
            "attempts": 0,
            "next_at": at,
            "answer": "",
        }
        statement = insert(connection, outbox).values(values)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["id"], set_={"url": url}, where=outbox.c.state != "sent"
            )
        )


def rewrite_order(
    connection: sa.Connection, emp_id: int, shop_id: str, order_id: str, urls: Mapping[str, str]
) -> int:
    """Replace the URLs in an order's outbox, and add no entries. Returns how many entries changed.

    Sent entries lose their URL. Entries that were not sent are deleted if they have no URL in `urls`.
    """
    its = outbox.c.shop_id == shop_id, outbox.c.order_id == order_id
    is_sent = outbox.c.state == "sent"
    found = connection.execute(
        sa.update(outbox).where(*its, is_sent, outbox.c.url != "").values(url="")
    ).rowcount
    keys = {_key(emp_id, shop_id, order_id, part): url for part, url in urls.items()}
    found += connection.execute(sa.delete(outbox).where(*its, ~is_sent, outbox.c.id.not_in(keys))).rowcount
    for key, url in keys.items():
        this = outbox.c.id == key, ~is_sent
        found += connection.execute(sa.update(outbox).where(*this).values(url=url)).rowcount
    return found


def _key(emp_id: int, shop_id: str, order_id: str, part: str) -> str:
    return hashlib.sha256(f"{emp_id}\n{shop_id}\n{order_id}\n{part}".encode()).hexdigest()[:32]


def claim_outgoing(
    connection: sa.Connection,
    now: datetime,
    until: datetime,
    limit: int,
    host: str = "",
    hosts: Collection[str] = (),
) -> list[Outgoing]:
    """Claim the due requests to a host, the longest waiting first, so that no other process sends them.

    Host "": the requests to other hosts than `hosts`. If a process dies after claiming a row, the row is sent
    again at `until`, with the same idempotency key.
    """
    query = (
        sa.select(outbox.c.id, outbox.c.emp_id, outbox.c.url, outbox.c.attempts, outbox.c.next_at)
        .where(outbox.c.state == "waiting", outbox.c.next_at <= now)
        .where(_goes_to(host) if host else ~sa.or_(sa.false(), *map(_goes_to, hosts)))
        .order_by(outbox.c.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = [Outgoing(*row) for row in connection.execute(query)]
    ids = [outgoing.id for outgoing in claimed]
    connection.execute(sa.update(outbox).where(outbox.c.id.in_(ids)).values(next_at=until))
    return claimed


def _goes_to(host: str) -> sa.ColumnElement[bool]:
    # Ignores letter case only. Hosts in other spellings belong to host ""; the sender checks the host itself.
    url = sa.func.lower(outbox.c.url)
    starts = [f"{scheme}://{host}{end}" for scheme in ("http", "https") for end in "/:?#"]
    return sa.or_(*(url.startswith(start, autoescape=True) for start in starts))


def release_outgoing(connection: sa.Connection, claimed: Sequence[Outgoing]) -> None:
    """Release claimed rows that were not sent; they keep their place."""
    for outgoing in claimed:
        of_row = outbox.c.id == outgoing.id
        connection.execute(sa.update(outbox).where(of_row).values(next_at=outgoing.due_at))


def has_due(connection: sa.Connection, now: datetime) -> bool:
    """True if a request is due."""
    due = sa.select(outbox.c.id).where(outbox.c.state == "waiting", outbox.c.next_at <= now)
    return connection.scalar(due.limit(1)) is not None


def record_attempt(
    connection: sa.Connection, outgoing: Outgoing, *, state: str, answer: str, next_at: datetime
) -> None:
    """Store the result of an attempt: waiting (until next_at), or sent or dead (since next_at)."""
    connection.execute(
        sa.update(outbox)
        .where(outbox.c.id == outgoing.id)
        .values(state=state, attempts=outgoing.attempts + 1, answer=answer[:500], next_at=next_at)
    )


def list_dead(
    connection: sa.Connection,
    scope: Scope,
    limit: int,
    before: tuple[datetime, str] | None,
    after: tuple[datetime, str] | None = None,
) -> list[DeadLetter]:
    """Failed forwards of one account or of all, newest first.

    `before`, `after`: time and id of the forward that the page ends after or begins before.
    """
    key = outbox.c.next_at, outbox.c.id
    return [DeadLetter(*list(row)) for row in read_page(connection, _dead(scope), key, limit, before, after)]


def count_dead(connection: sa.Connection, scope: Scope) -> int:
    """The number of failed forwards of one account or of all."""
    query = sa.select(sa.func.count()).where(*_given_up(scope))
    return connection.scalar(query) or 0


def retry_forwards(connection: sa.Connection, scope: Scope, at: datetime, only: str | None = None) -> int:
    """Retry failed forwards; each gets all its attempts again, with the same idempotency key.

    All of one account or of all accounts, or the one with the id `only`; returns how many. Sent and waiting
    requests do not change.
    """
    which = _given_up(scope, only)
    again = sa.update(outbox).where(*which).values(state="waiting", attempts=0, next_at=at)
    return connection.execute(again).rowcount


def dead_by_account(connection: sa.Connection, scope: Scope, only: str | None = None) -> dict[int, int]:
    """The failed forwards that `retry_forwards` would retry, by account."""
    query = sa.select(outbox.c.emp_id, sa.func.count()).where(*_given_up(scope, only))
    return {row[0]: row[1] for row in connection.execute(query.group_by(outbox.c.emp_id))}


def _dead(scope: Scope) -> sa.Select[Any]:
    of_order = sa.and_(orders.c.shop_id == outbox.c.shop_id, orders.c.id == outbox.c.order_id)
    query = sa.select(
        outbox.c.id,
        outbox.c.emp_id,
        outbox.c.shop_id,
        outbox.c.order_id,
        sa.func.coalesce(orders.c.number, outbox.c.order_id),
        outbox.c.url,
        outbox.c.attempts,
        outbox.c.answer,
        outbox.c.next_at,
    )
    return query.select_from(outbox.outerjoin(orders, of_order)).where(*_given_up(scope))


def _given_up(scope: Scope, only: str | None = None) -> list[sa.ColumnElement[bool]]:
    its = [outbox.c.state == "dead", in_scope(outbox.c.emp_id, scope)]
    return its if only is None else [*its, outbox.c.id == only]


def count_outgoing(connection: sa.Connection) -> dict[str, int]:
    """The number of rows in each state."""
    query = sa.select(outbox.c.state, sa.func.count()).group_by(outbox.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}
