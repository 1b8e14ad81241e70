"""A trial of an account: one click by its owner, then a purchase, followed from step to step.

The click goes to a campaign of its own, so that no sum of another campaign contains it, and has a contact of
its own, so that it is recognised. The order is a real one: a shop does not say that an order is a test.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from salepixel.campaigns.store import Campaign, get_campaign
from salepixel.clicks.tokens import BadClickToken, ClickSealer, least_id_at
from salepixel.live import newest
from salepixel.live.newest import LiveClick, LiveHit
from salepixel.orders.keys import OrderKey
from salepixel.report.orders import ListedOrder, OrderFilter, list_orders
from salepixel.report.periods import Period
from salepixel.storage.schema import campaigns, candidates
from salepixel.storage.schema.attribution import NAMED_BY_ORDER

NAME = "Salepixel test"
"""The name of the campaign of trials."""

_REF = re.compile(r"test-([0-9a-f]{8})-[0-9a-f]{8}")
_HITS = 50
_OTHERS = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """What has arrived of a trial so far.

    `click`: the first click of the trial. `hits`: pixel hits with the cookie of a click of the trial;
    `other_hits`: those since the start without it. `orders`: with the token of a click of the trial, or named
    by such a hit; `other_orders`: the newest others since the start.
    """

    began_at: datetime
    click: LiveClick | None
    hits: list[LiveHit]
    other_hits: list[LiveHit]
    orders: list[ListedOrder]
    other_orders: list[ListedOrder]


def new_reference(now: datetime) -> str:
    """The reference of a trial's contact; it contains the time (aware) at which the trial began."""
    return f"test-{int(now.timestamp()):08x}-{secrets.token_hex(4)}"


def began_at(ref: str) -> datetime | None:
    """When a trial began (UTC); None for a text that is not the reference of a trial."""
    found = _REF.fullmatch(ref)
    return datetime.fromtimestamp(int(found[1], 16), UTC) if found else None


def campaigns_of(connection: sa.Connection, emp_id: int) -> list[Campaign]:
    """The campaigns of an account's trials that are not archived, newest first."""
    c = campaigns.c
    its = c.emp_id == emp_id, c.name == NAME, c.archived_at.is_(None)
    ids = connection.scalars(sa.select(c.id).where(*its).order_by(c.created_at.desc()).limit(_OTHERS))
    return [campaign for its_id in ids.all() if (campaign := get_campaign(connection, its_id))]


def follow(connection: sa.Connection, sealer: ClickSealer, emp_id: int, ref: str, began: datetime) -> Trial:
    """What has arrived of the trial with this contact."""
    clicked = newest.clicks_of(connection, emp_id, ref, 1000)
    click = clicked[-1] if clicked else None
    ours = {one.id for one in clicked}
    hits = newest.newest_hits(connection, emp_id, _HITS, least_id_at(began))
    with_cookie = [hit for hit in hits if _click_of(sealer, hit) in ours]
    keys = _orders_naming(connection, emp_id, ours)
    since = OrderFilter(period=Period(began - timedelta(minutes=1)))
    others = list_orders(connection, emp_id, since, None, _HITS).rows
    named = list_orders(connection, emp_id, OrderFilter(), None, _HITS, keys).rows if keys else []
    return Trial(
        began,
        click,
        with_cookie,
        [hit for hit in hits if hit not in with_cookie][:_OTHERS],
        named,
        [row for row in others if (row.shop_id, row.order_id) not in keys][:_OTHERS],
    )


def _click_of(sealer: ClickSealer, hit: LiveHit) -> bytes | None:
    try:
        return sealer.open(hit.click_token).id if hit.click_token else None
    except BadClickToken:
        return None


def _orders_naming(connection: sa.Connection, emp_id: int, click_ids: set[bytes]) -> set[OrderKey]:
    """The orders that carry one of these clicks themselves."""
    c = candidates.c
    query = sa.select(c.shop_id, c.order_id).where(c.emp_id == emp_id, NAMED_BY_ORDER)
    found = connection.execute(query.where(c.click_id.in_(click_ids))) if click_ids else ()
    return {(row.shop_id, row.order_id) for row in found}
