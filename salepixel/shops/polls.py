"""The state of polling as stored: up to when each shop was polled, and how many orders it counts per day."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from salepixel.shops.shop import Shop
from salepixel.shops.store import get_shop
from salepixel.storage.schema import orders, polls, shop_days, shops
from salepixel.storage.upsert import insert


@dataclass(frozen=True, slots=True)
class Poll:
    """How far a shop was polled: all its changes until `mark` are stored.

    `problem`: why the last poll failed, or empty; `problem_since`: the first failure in a row.
    """

    shop: Shop
    mark: datetime
    problem: str = ""
    problem_since: datetime | None = None


def claim_poll(
    connection: sa.Connection, now: datetime, until: datetime, apart_from: Collection[int] = ()
) -> Poll | None:
    """Claim until `until` the shop that has waited longest for its poll; None if none is due.

    Shops of the accounts `apart_from` are skipped.

    A shop is polled while we have its token and it is not paused. Its first poll starts at the beginning of
    the day (UTC) of its first registration.
    """
    can_be_asked = (
        shops.c.token.is_not(None),
        shops.c.connected_at.is_not(None),
        shops.c.paused_at.is_(None),
        shops.c.removed_at.is_(None),
    )
    _begin(connection, *can_be_asked)
    row = connection.execute(
        sa.select(polls)
        .join(shops, shops.c.id == polls.c.shop_id)
        .where(*can_be_asked, polls.c.next_at <= now, shops.c.emp_id.not_in(apart_from))
        .order_by(polls.c.next_at)
        .limit(1)
        .with_for_update(of=polls, skip_locked=True)
    ).first()
    shop = get_shop(connection, row.shop_id) if row else None
    if row is None or shop is None:
        return None
    connection.execute(sa.update(polls).where(polls.c.shop_id == shop.id).values(next_at=until))
    return Poll(shop, row.mark, row.problem, row.problem_since)


def _begin(connection: sa.Connection, *can_be_asked: sa.ColumnElement[bool]) -> None:
    new = sa.select(shops.c.id, shops.c.connected_at).outerjoin(polls, polls.c.shop_id == shops.c.id)
    for shop_id, connected_at in connection.execute(new.where(polls.c.shop_id.is_(None), *can_be_asked)):
        # From the start of the day, because the shop counts its orders by whole days.
        day = connected_at.replace(hour=0, minute=0, second=0, microsecond=0)
        values = {"shop_id": shop_id, "mark": day, "next_at": connected_at}
        connection.execute(insert(connection, polls).values(values).on_conflict_do_nothing())


def keep_claim(connection: sa.Connection, shop_id: str, until: datetime) -> None:
    """Extend the claim of a poll that is still running."""
    connection.execute(sa.update(polls).where(polls.c.shop_id == shop_id).values(next_at=until))


def end_poll(connection: sa.Connection, shop_id: str, mark: datetime, next_at: datetime) -> None:
    """Store that all changes until `mark` are known. A shop that answers has our app active."""
    values = {"mark": mark, "next_at": next_at, "problem": "", "problem_since": None}
    connection.execute(sa.update(polls).where(polls.c.shop_id == shop_id).values(values))
    inactive = shops.c.id == shop_id, ~shops.c.app_active
    connection.execute(sa.update(shops).where(*inactive).values(app_active=True))


def fail_poll(connection: sa.Connection, poll: Poll, problem: str, at: datetime, next_at: datetime) -> None:
    """Store why a poll failed. Orders that it found stay; the next poll asks for the same period again."""
    values = {"problem": problem[:300], "problem_since": poll.problem_since or at, "next_at": next_at}
    connection.execute(sa.update(polls).where(polls.c.shop_id == poll.shop.id).values(values))


def store_counts(connection: sa.Connection, shop: Shop, counts: Mapping[date, int], at: datetime) -> None:
    """Store for some days (UTC) how many orders the shop counts, and how many we have now.

    Both numbers belong to the same moment: orders that arrive later would hide missing ones.
    """
    rows = [
        {
            "shop_id": shop.id,
            "day": day.isoformat(),
            "orders": count,
            "known": _count_known(connection, shop, day),
            "counted_at": at,
        }
        for day, count in counts.items()
    ]
    if rows:
        statement = insert(connection, shop_days).values(rows)
        changed = {name: statement.excluded[name] for name in ("orders", "known", "counted_at")}
        connection.execute(statement.on_conflict_do_update(index_elements=["shop_id", "day"], set_=changed))


def _count_known(connection: sa.Connection, shop: Shop, day: date) -> int:
    begin = datetime.combine(day, time(), UTC)
    of_day = orders.c.placed_at >= begin, orders.c.placed_at < begin + timedelta(days=1)
    query = sa.select(sa.func.count()).where(
        orders.c.emp_id == shop.emp_id, orders.c.shop_id == shop.id, *of_day
    )
    return connection.scalar(query) or 0


def days_with_missing(connection: sa.Connection, shop_id: str, since: date, limit: int) -> list[date]:
    """The newest days (UTC) from `since` on with more orders in the shop than we had when it was counted."""
    missing = shop_days.c.shop_id == shop_id, shop_days.c.known < shop_days.c.orders
    query = sa.select(shop_days.c.day).where(*missing, shop_days.c.day >= since.isoformat())
    days = connection.scalars(query.order_by(shop_days.c.day.desc()).limit(limit))
    return [date.fromisoformat(day) for day in days]


def list_polls(connection: sa.Connection, emp_id: int) -> list[Poll]:
    """The polls of an account's shops, sorted by the shops' addresses."""
    query = sa.select(polls).join(shops, shops.c.id == polls.c.shop_id).where(shops.c.emp_id == emp_id)
    found = []
    for row in connection.execute(query.order_by(shops.c.api_url)):
        shop = get_shop(connection, row.shop_id)
        if shop:
            found.append(Poll(shop, row.mark, row.problem, row.problem_since))
    return found
