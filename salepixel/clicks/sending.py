"""When e-mails were sent: to everybody, or, in a flow, to each contact."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.storage.many import among, as_values, is_one_of
from salepixel.storage.schema import campaigns, recipients


def sent_at(
    connection: sa.Connection, people: Collection[tuple[int, str, str | bytes]]
) -> dict[tuple[str, str | bytes], datetime]:
    """When e-mails were sent, by campaign and contact, as far as known; without a contact: to everybody.

    `people`: account, campaign, and contact or the id of a click without one.
    """
    dialect, ids = connection.dialect.name, {campaign for _, campaign, _ in people}
    rows = connection.execute(_with_sending_time(dialect), {"these": as_values(dialect, ids)}).all()
    found: dict[tuple[str, str | bytes], datetime] = {
        (row.id, ""): row.sent_at for row in rows if row.sent_at is not None
    }
    for campaign_id in (row.id for row in rows if row.sent_each):
        theirs = {who for _, campaign, who in people if campaign == campaign_id and isinstance(who, str)}
        query = sa.select(recipients.c.contact, recipients.c.sent_at).where(
            recipients.c.campaign_id == campaign_id,
            is_one_of(connection, recipients.c.contact, theirs),
            recipients.c.sent_at.is_not(None),
        )
        found |= {(campaign_id, row.contact): row.sent_at for row in connection.execute(query)}
    return found


@cache
def _with_sending_time(dialect: str) -> Any:
    is_known = sa.or_(campaigns.c.sent_at.is_not(None), campaigns.c.sent_each)
    sent = among(dialect, campaigns.c.id, "these"), is_known
    return sa.select(campaigns.c.id, campaigns.c.sent_at, campaigns.c.sent_each).where(*sent)
