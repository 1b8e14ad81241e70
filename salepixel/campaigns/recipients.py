"""Recipients of a campaign, and the random holdout: the control group that gets no mail."""

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from salepixel.storage.many import is_one_of
from salepixel.storage.schema import recipients
from salepixel.storage.upsert import insert


def assign_recipients(connection: sa.Connection, campaign_id: str, lots: Mapping[str, bool]) -> None:
    """Store the group of each contact: True for the control group. A stored assignment never changes."""
    rows = [
        {"campaign_id": campaign_id, "contact": contact, "held_out": out} for contact, out in lots.items()
    ]
    if rows:
        connection.execute(insert(connection, recipients).on_conflict_do_nothing(), rows)


def assigned_recipients(
    connection: sa.Connection, campaign_id: str, refs: Collection[str]
) -> dict[str, bool]:
    """The contacts among these that have a group, and whether it is the control group."""
    query = sa.select(recipients.c.contact, recipients.c.held_out).where(
        recipients.c.campaign_id == campaign_id, is_one_of(connection, recipients.c.contact, refs)
    )
    return {row.contact: bool(row.held_out) for row in connection.execute(query)}
