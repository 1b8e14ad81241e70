"""Finds the clicks for an order: by id, or the newest clicks of contacts that may be the buyer."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.clicks.tokens import Click, Verdict, browser_of, least_id_at
from salepixel.storage.many import POSTGRESQL, among, as_bytes, as_rows, as_values, table_of
from salepixel.storage.schema import clicks, links


class FoundClick(NamedTuple):
    """A stored click. `sale_pixel`: its link is a sales link; True if the link is not known.

    `browser`: as `tokens.browser_of` names it.
    """

    click: Click
    verdict: Verdict
    sale_pixel: bool
    browser: str


class Span(NamedTuple):
    """Contacts and a period (inclusive, aware UTC) whose clicks are wanted."""

    contacts: Collection[str]
    since: datetime
    until: datetime


def find_clicks(connection: sa.Connection, ids: Collection[bytes]) -> dict[bytes, FoundClick]:
    """The stored clicks with these ids."""
    if not ids:
        return {}
    dialect = connection.dialect.name
    rows = connection.execute(_by_id(dialect), {"ids": as_values(dialect, ids)}).all()
    return {row.id: _found(row) for row in rows}


def newest_clicks(
    connection: sa.Connection, emp_id: int, spans: Sequence[Span], most: int
) -> list[list[FoundClick]]:
    """For each span, the newest clicks in an account, at most `most`, oldest first.

    The limit bounds the work: a contact may have thousands of clicks, and each is judged.
    """
    asked = [
        {
            "span": number,
            "contact": contact,
            "low": least_id_at(span.since).hex(),
            "high": least_id_at(span.until + timedelta(milliseconds=1)).hex(),
        }
        for number, span in enumerate(spans)
        for contact in sorted(span.contacts)
    ]
    found: list[list[FoundClick]] = [[] for _ in spans]
    if asked:
        given = {"spans": as_rows(asked), "emp_id": emp_id, "most": most}
        for row in connection.execute(_newest(connection.dialect.name), given).all():
            found[row.span].append(_found(row))
    return [sorted(theirs, key=_click_id)[-most:] for theirs in found]


_NAMES = ("id", "emp_id", "campaign_id", "link_id", "contact", "verdict", "signals")
_COLUMNS = [clicks.c[name] for name in _NAMES]


@cache
def _by_id(dialect: str) -> Any:
    query = sa.select(*_COLUMNS, links.c.sale_pixel)
    query = query.select_from(clicks.outerjoin(links, links.c.id == clicks.c.link_id))
    return query.where(among(dialect, clicks.c.id, "ids"))


@cache
def _newest(dialect: str) -> Any:
    spans = table_of(dialect, "spans", span=sa.Integer, contact=sa.Text, low=sa.Text, high=sa.Text)
    theirs = sa.and_(
        clicks.c.emp_id == sa.bindparam("emp_id"),
        clicks.c.contact == spans.c.contact,
        clicks.c.id >= as_bytes(dialect, spans.c.low),
        clicks.c.id < as_bytes(dialect, spans.c.high),
    )
    if dialect == POSTGRESQL:
        each = sa.select(*_COLUMNS).where(theirs).order_by(clicks.c.id.desc()).limit(sa.bindparam("most"))
        newest = each.correlate(spans).lateral("newest")
        joined = spans.join(newest, sa.true())
        return sa.select(spans.c.span, newest, links.c.sale_pixel).select_from(
            joined.outerjoin(links, links.c.id == newest.c.link_id)
        )
    # SQLite has no LATERAL. The ids come from the index alone.
    ids = sa.select(clicks.c.id).where(theirs).order_by(clicks.c.id.desc()).limit(sa.bindparam("most"))
    its = clicks.alias("its")
    joined = spans.join(its, its.c.id.in_(ids.correlate(spans)))
    return sa.select(
        spans.c.span, *(its.c[column.name] for column in _COLUMNS), links.c.sale_pixel
    ).select_from(joined.outerjoin(links, links.c.id == its.c.link_id))


def _found(row: sa.Row[Any]) -> FoundClick:
    click = Click(row.id, row.emp_id, row.campaign_id, row.link_id, row.contact)
    sells = row.sale_pixel is None or bool(row.sale_pixel)
    return FoundClick(click, Verdict(row.verdict), sells, browser_of(row.signals))


def _click_id(found: FoundClick) -> bytes:
    return found.click.id
