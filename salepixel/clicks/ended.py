"""Clicks that have ended: they are deleted, stay counted in the sums, and are not stored again.

An account's `clicks_ended_before` and `bot_clicks_ended_before` are written before the first click is
deleted, under the exclusive lock of the account. So a click that an edge ships late, or ships again, is
refused by its time, and no click is counted twice.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
import structlog

from salepixel.accounts.store import Account
from salepixel.clicks.tokens import Click, Signal, Verdict, id_after, least_id_at
from salepixel.orders.deliveries import count_rejection
from salepixel.storage.schema import BY_A_BOT, bought, candidates, clicks, unsettled_clicks
from salepixel.sums import clicks as click_sums

log = structlog.get_logger()


def without_ended(
    connection: sa.Connection, batch: Sequence[tuple[Click, Signal]], accounts: Mapping[int, Account]
) -> Sequence[tuple[Click, Signal]]:
    """The same clicks without those that are too old to be stored; these are counted as `click_ended`.

    `accounts`: locked. Also refuses human clicks from a time whose bot clicks have ended: a click that looks
    human alone may have been a bot click because of the clicks around it, and these are deleted.
    """
    least = {emp_id: first for emp_id, account in accounts.items() if (first := least_id_of(account))}
    if not least:
        return batch
    kept = [pair for pair in batch if pair[0].id >= least.get(pair[0].emp_id, b"")]
    if len(kept) < len(batch):
        refused = Counter(click.emp_id for click, _ in batch)
        refused.subtract(click.emp_id for click, _ in kept)
        for emp_id, count in sorted(refused.items()):
            if count:
                log.warning("clicks_rejected", reason="click_ended", emp_id=emp_id, count=count)
        count_rejection(connection, "fold", "click_ended", len(batch) - len(kept))
    return kept


def least_id_of(account: Account) -> bytes:
    """The least click id that may be stored; empty if no clicks of the account have ended."""
    marks = [mark for mark in (account.clicks_ended_before, account.bot_clicks_ended_before) if mark]
    return least_id_at(max(marks)) if marks else b""


def end_clicks(
    connection: sa.Connection, campaign_id: str, since: bytes, until: bytes, limit: int, *, only_bots: bool
) -> tuple[int, int, bytes]:
    """Delete the oldest clicks of a campaign with ids from `since` to before `until`; sums do not change.

    Looks at `limit` clicks at most. Returns how many it looked at, how many it deleted, and the least id
    that it did not look at. `only_bots`: delete only bot clicks that no decision shows.
    """
    old = clicks.c.campaign_id == campaign_id, clicks.c.id >= since, clicks.c.id < until
    query = sa.select(clicks.c.id, clicks.c.verdict).where(*old).order_by(clicks.c.id).limit(limit)
    seen = connection.execute(query).all()
    ids = [row.id for row in seen if not only_bots or row.verdict == Verdict.BOT]
    if only_bots and ids:
        shown = sa.select(candidates.c.click_id).where(candidates.c.click_id.in_(ids), BY_A_BOT)
        ids = sorted(set(ids).difference(connection.scalars(shown)))
    if ids:
        # Locked by id, as others lock clicks. On PostgreSQL a purchase may have made one human meanwhile.
        these = sa.select(clicks).where(clicks.c.id.in_(ids)).order_by(clicks.c.id).with_for_update()
        rows = [row for row in connection.execute(these) if not only_bots or row.verdict == Verdict.BOT]
        ids = [row.id for row in rows]
        for column in (clicks.c.id, bought.c.click_id, unsettled_clicks.c.click_id):
            connection.execute(sa.delete(column.table).where(column.in_(ids)))
        click_sums.end(connection, rows)
    return len(seen), len(ids), id_after(seen[-1].id) if seen else since
