"""The facts that checks of an account need, from the database."""

from datetime import datetime

import sqlalchemy as sa

from salepixel.checks.result import Finding
from salepixel.checks.shop import ShopFacts
from salepixel.clicks.tokens import time_of_click
from salepixel.report.health import list_health
from salepixel.shops.shop import State
from salepixel.shops.store import list_shops
from salepixel.storage.schema import campaigns, deliveries, findings, hits, link_sums, mails
from salepixel.storage.upsert import insert
from salepixel.sums.kept import ALL_LINKS

HOST, PAGE, BROWSER = "host", "page", "browser"
"""The names of findings."""


def read_findings(connection: sa.Connection, emp_id: int) -> dict[str, Finding]:
    """The findings of an account, by name."""
    rows = connection.execute(sa.select(findings).where(findings.c.emp_id == emp_id))
    return {row.name: Finding(row.target, row.reason, row.found_at) for row in rows}


def keep_finding(connection: sa.Connection, emp_id: int, name: str, finding: Finding) -> None:
    """Store a finding in place of the last one with this name, unless that is newer."""
    row = {"target": finding.target, "reason": finding.reason, "found_at": finding.at}
    statement = insert(connection, findings).values({"emp_id": emp_id, "name": name, **row})
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["emp_id", "name"], set_=row, where=findings.c.found_at <= finding.at
        )
    )


def list_shop_facts(connection: sa.Connection, emp_id: int) -> list[ShopFacts]:
    """The shops of an account, oldest first."""
    causes = {health.shop.id: health.cause for health in list_health(connection, emp_id)}
    return [
        ShopFacts(
            shop.platform,
            shop.name or ("" if shop.platform == "api" else shop.api_url),
            causes.get(shop.id, "" if shop.state is State.CONNECTED else str(shop.state)),
            last_delivery(connection, shop.id),
        )
        for shop in list_shops(connection, emp_id)
    ]


def last_delivery(connection: sa.Connection, shop_id: str) -> datetime | None:
    """When the last verified delivery of a shop arrived (UTC)."""
    query = sa.select(deliveries.c.received_at).where(deliveries.c.shop_id == shop_id)
    found: datetime | None = connection.scalar(query.order_by(deliveries.c.received_at.desc()).limit(1))
    return found


def last_hit(connection: sa.Connection, emp_id: int) -> datetime | None:
    """When the last pixel hit of an account was counted (UTC)."""
    query = sa.select(hits.c.id).where(hits.c.emp_id == emp_id, hits.c.ignored == "")
    found: bytes | None = connection.scalar(query.order_by(hits.c.id.desc()).limit(1))
    return None if found is None else time_of_click(found)


def count_campaigns(connection: sa.Connection, emp_id: int) -> tuple[int, int]:
    """The number of campaigns of an account, and of drafts."""
    made = sa.select(sa.func.count()).select_from(campaigns).where(campaigns.c.emp_id == emp_id)
    drafts = sa.select(sa.func.count()).where(mails.c.emp_id == emp_id, mails.c.campaign_id.is_(None))
    return connection.scalar(made) or 0, connection.scalar(drafts) or 0


def count_clicks(connection: sa.Connection, emp_id: int) -> tuple[int, int]:
    """The clicks of an account without the verdict bot, and those with it."""
    its = sa.select(campaigns.c.id).where(campaigns.c.emp_id == emp_id)
    sums = (sa.func.sum(link_sums.c.human + link_sums.c.unknown), sa.func.sum(link_sums.c.bot))
    query = sa.select(*sums).where(link_sums.c.link_id == ALL_LINKS, link_sums.c.campaign_id.in_(its))
    human, bot = connection.execute(query).one()
    return int(human or 0), int(bot or 0)
