"""Totals per campaign and per link: clicks by verdict, clickers, and buyers.

A list of campaigns reads one row per campaign, however many days and links it has.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import buyers, click_sums, clickers, link_sums
from salepixel.sums.clickers import links_clicked
from salepixel.sums.kept import ALL_CURRENCIES, ALL_LINKS, Cells, KeptSum, Key, add_cells

_VERDICTS = ("human", "unknown", "bot")


@dataclass(frozen=True, slots=True)
class Totals:
    """Clicks by verdict, and the number of known contacts with a human or unknown click.

    `buyers`: the number of known contacts with orders, for campaigns only; 0 for a link.
    """

    human: int
    unknown: int
    bot: int
    clickers: int
    buyers: int = 0


NOTHING = Totals(0, 0, 0, 0)


def sums_of(click_cells: Cells, new_clickers: Mapping[tuple[str, str], int]) -> Cells:
    """The cells, from cells of `click_sums` and from changes in the number of clickers."""
    cells: dict[Key, list[int]] = {}
    for (campaign, link, _, verdict, _), (count,) in click_cells.items():
        for one in (link, ALL_LINKS):
            cells.setdefault((campaign, one), [0] * len(Totals.__slots__))[_VERDICTS.index(verdict)] += count
    for key, count in new_clickers.items():
        cells.setdefault(key, [0] * len(Totals.__slots__))[3] += count
    return {key: measures for key, measures in cells.items() if any(measures)}


def add(connection: sa.Connection, click_cells: Cells, new_clickers: Mapping[tuple[str, str], int]) -> None:
    """Add changes of `click_sums` and of `clickers`."""
    add_cells(connection, link_sums, sums_of(click_cells, new_clickers))


def add_buyers(connection: sa.Connection, new_buyers: Mapping[str, int]) -> None:
    """Add the change in the number of buyers, by campaign."""
    cells = {(campaign, ALL_LINKS): (0, 0, 0, 0, count) for campaign, count in new_buyers.items() if count}
    add_cells(connection, link_sums, cells)


def definition(dialect: str) -> sa.Select[Any]:
    """The cells of all `click_sums`, `clickers` and `buyers`."""
    count, nothing = click_sums.c.clicks + click_sums.c.ended, sa.literal_column("0", sa.BigInteger)
    by_verdict = [
        sa.case((click_sums.c.verdict == verdict, count), else_=nothing).label(verdict)
        for verdict in _VERDICTS
    ]
    all_links = sa.literal_column("''", sa.Text).label("link_id")
    no_buyer = nothing.label("buyers")
    of_clicks = [
        sa.select(click_sums.c.campaign_id, link, *by_verdict, nothing.label("clickers"), no_buyer)
        for link in (click_sums.c.link_id, all_links)
    ]
    one: sa.ColumnElement[int] = sa.literal_column("1", sa.BigInteger)
    clicker = one.label("clickers"), no_buyer
    no_clicks = [nothing.label(verdict) for verdict in _VERDICTS]
    of_campaigns = sa.select(clickers.c.campaign_id, all_links, *no_clicks, *clicker).where(
        clickers.c.human + clickers.c.human_ended > 0
    )
    of_links = links_clicked(dialect).add_columns(*no_clicks, *clicker)
    of_buyers = sa.select(
        buyers.c.campaign_id, all_links, *no_clicks, nothing.label("clickers"), one.label("buyers")
    ).where(buyers.c.currency == ALL_CURRENCIES)
    parts = sa.union_all(*of_clicks, of_campaigns, of_links, of_buyers).subquery()
    key = parts.c.campaign_id, parts.c.link_id
    sums = [sa.func.sum(parts.c[name]).label(name) for name in (*_VERDICTS, "clickers", "buyers")]
    return sa.select(*key, *sums).group_by(*key)


SUM = KeptSum(link_sums, definition)

_SUMS = [sa.func.sum(link_sums.c[name]) for name in Totals.__slots__]


def totals_of_campaigns(connection: sa.Connection, ids: Collection[str]) -> dict[str, Totals]:
    """The totals of each campaign that has any clicks."""
    query = sa.select(link_sums.c.campaign_id, *_SUMS).where(
        link_sums.c.campaign_id.in_(ids), link_sums.c.link_id == ALL_LINKS
    )
    return _read(connection, query.group_by(link_sums.c.campaign_id))


def totals_of_links(connection: sa.Connection, campaign_id: str) -> dict[str, Totals]:
    """The totals of each link of a campaign that has any clicks."""
    query = sa.select(link_sums.c.link_id, *_SUMS).where(
        link_sums.c.campaign_id == campaign_id, link_sums.c.link_id != ALL_LINKS
    )
    return _read(connection, query.group_by(link_sums.c.link_id))


def _read(connection: sa.Connection, query: sa.Select[Any]) -> dict[str, Totals]:
    found = {row[0]: Totals(*map(int, row[1:])) for row in connection.execute(query)}
    return {key: totals for key, totals in found.items() if totals != NOTHING}
