"""Clicks per campaign and reasons of their verdict, of all days, deleted clicks included."""

from collections import Counter
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import click_sums, reason_sums
from salepixel.sums.kept import Cells, KeptSum, Key, add_cells


def add(connection: sa.Connection, changed: Cells) -> None:
    """Add changes of `click_sums`."""
    add_cells(connection, reason_sums, sums_of(changed))


def sums_of(changed: Cells) -> Cells:
    """The cells that follow from those of `click_sums`."""
    counted: Counter[Key] = Counter()
    for (campaign, _, _, _, reasons), (count,) in changed.items():
        if reasons:
            counted[campaign, reasons] += count
    return {key: (count,) for key, count in counted.items() if count}


def definition(_dialect: str) -> sa.Select[Any]:
    """The cells of all `click_sums`."""
    key, count = (click_sums.c.campaign_id, click_sums.c.reasons), click_sums.c.clicks + click_sums.c.ended
    query = sa.select(*key, sa.func.sum(count).label("clicks"))
    return query.where(click_sums.c.reasons != "").group_by(*key)


SUM = KeptSum(reason_sums, definition)


def count_by_reasons(connection: sa.Connection, campaign_id: str) -> dict[str, int]:
    """The clicks of a campaign by their reasons, names separated by spaces.

    Clicks without reasons are left out.
    """
    count, its = sa.func.sum(reason_sums.c.clicks), reason_sums.c.campaign_id == campaign_id
    query = sa.select(reason_sums.c.reasons, count).where(its).group_by(reason_sums.c.reasons)
    return {row[0]: int(row[1]) for row in connection.execute(query.having(count > 0))}
