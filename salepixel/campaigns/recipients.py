"""Recipients of a campaign, and the random holdout: the control group that gets no mail.

Each recipient has a lot, which never changes. The control group are the least lots, as many as the campaign's
share says, so a change of the share needs no change of the recipients.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.campaigns.holdout import PARTS, is_held_out
from salepixel.clicks.tokens import least_id_at
from salepixel.clicks.verdicts import SOON_AFTER_SENDING
from salepixel.clicks.watermark import remember_unsettled_where
from salepixel.storage.many import as_rows, is_one_of, table_of
from salepixel.storage.schema import campaigns, clickers, clicks, recipients
from salepixel.storage.upsert import insert_into


def assign_recipients(connection: sa.Connection, campaign_id: str, lots: Mapping[str, int]) -> int:
    """Add contacts with their lots to the list of a campaign; returns how many are new.

    A stored lot never changes. The campaign counts its list and its control group.
    """
    if not lots:
        return 0
    percent = _lock_share(connection, campaign_id)
    rows = as_rows({"contact": contact, "lot": lots[contact]} for contact in sorted(lots))
    given = {"campaign_id": campaign_id, "given": rows}
    new = connection.scalars(_add(connection.dialect.name), given).all()
    if new:
        counted = {
            "listed": campaigns.c.listed + len(new),
            "held_out": campaigns.c.held_out + sum(is_held_out(lot, percent) for lot in new),
        }
        connection.execute(sa.update(campaigns).where(campaigns.c.id == campaign_id).values(counted))
    return len(new)


def set_sent_at(connection: sa.Connection, campaign_id: str, times: Mapping[str, datetime]) -> None:
    """Set when these recipients got the e-mail. The next sweep judges their first clicks again."""
    if not times:
        return
    this = recipients.c.campaign_id == campaign_id
    change = (
        sa.update(recipients)
        .where(this, recipients.c.contact == sa.bindparam("its_contact"))
        .values(sent_at=sa.bindparam("its_time"))
    )
    rows = [{"its_contact": contact, "its_time": at} for contact, at in sorted(times.items())]
    connection.execute(change, rows)
    connection.execute(sa.update(campaigns).where(campaigns.c.id == campaign_id).values(sent_each=True))
    clicked = sa.select(clickers.c.contact).where(
        clickers.c.campaign_id == campaign_id, is_one_of(connection, clickers.c.contact, list(times))
    )
    for contact in connection.scalars(clicked).all():
        remember_unsettled_where(
            connection,
            clicks.c.campaign_id == campaign_id,
            clicks.c.contact == contact,
            clicks.c.id >= least_id_at(times[contact]),
            clicks.c.id < least_id_at(times[contact] + SOON_AFTER_SENDING),
        )


def set_share(connection: sa.Connection, campaign_id: str, percent: int) -> None:
    """Set the share of the control group, 0 for none, and count it again."""
    _lock_share(connection, campaign_id)
    out = sa.select(sa.func.count()).where(
        recipients.c.campaign_id == campaign_id, recipients.c.lot < percent * PARTS // 100
    )
    values = {"holdout_percent": percent, "held_out": out.scalar_subquery()}
    connection.execute(sa.update(campaigns).where(campaigns.c.id == campaign_id).values(values))


def assigned_recipients(connection: sa.Connection, campaign_id: str, refs: Collection[str]) -> dict[str, int]:
    """The contacts among these that are in the list of a campaign, with their lots."""
    query = sa.select(recipients.c.contact, recipients.c.lot).where(
        recipients.c.campaign_id == campaign_id, is_one_of(connection, recipients.c.contact, refs)
    )
    return {row.contact: row.lot for row in connection.execute(query)}


def list_recipients(
    connection: sa.Connection, campaign_id: str, after: str, limit: int
) -> list[tuple[str, int]]:
    """The list of a campaign from a contact on, as (contact, lot), sorted as the database does."""
    ours = recipients.c.campaign_id == campaign_id, recipients.c.contact > after
    query = sa.select(recipients.c.contact, recipients.c.lot).where(*ours)
    return [(row.contact, row.lot) for row in connection.execute(query.order_by("contact").limit(limit))]


def in_control_group(campaign_id: str) -> sa.ColumnElement[bool]:
    """Whether a row of `recipients` of this campaign is in its control group."""
    share = sa.select(campaigns.c.holdout_percent).where(campaigns.c.id == campaign_id).scalar_subquery()
    return recipients.c.lot < share * (PARTS // 100)


def _lock_share(connection: sa.Connection, campaign_id: str) -> int:
    # Locked, or a change of the share and new recipients would count each other wrongly.
    query = sa.select(campaigns.c.holdout_percent).where(campaigns.c.id == campaign_id)
    return connection.scalar(query.with_for_update()) or 0


@cache
def _add(dialect: str) -> Any:
    new = table_of(dialect, "given", contact=sa.Text, lot=sa.Integer)
    # SQLite reads ON CONFLICT after a SELECT as part of a join, unless there is a WHERE.
    rows = sa.select(sa.bindparam("campaign_id", type_=sa.Text), new.c.contact, new.c.lot).where(sa.true())
    added = insert_into(dialect, recipients).from_select(["campaign_id", "contact", "lot"], rows)
    return added.on_conflict_do_nothing().returning(recipients.c.lot)
