"""Whether the orders of an account's shops reach us, or why they do not."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.orders.unread import UnreadOrder, list_unread
from salepixel.shops.polls import Poll, list_polls
from salepixel.shops.shop import Shop, State
from salepixel.shops.store import list_shops

MAX_UNREAD = 20
"""The most unreadable orders in one answer or page."""

_REFUSALS = ("app_inactive", "permission_removed", "token_refused")


@dataclass(frozen=True)
class ShopHealth:
    """Whether a shop's orders reach us. `poll` is None before the first poll."""

    shop: Shop
    poll: Poll | None
    unread: list[UnreadOrder]

    @property
    def cause(self) -> str:
        """Why its orders do not reach us: the name of its state or of its problem; empty if they do."""
        if self.shop.state is not State.CONNECTED:
            return str(self.shop.state)
        problem = self.poll.problem if self.poll else ""
        return problem if problem in ("", *_REFUSALS) else "unavailable"

    @property
    def missed_since(self) -> datetime | None:
        """Since when (UTC) orders are or may be missing; None if they reach us."""
        shop, known_until = self.shop, self.poll.mark if self.poll else None
        since = {
            State.PAUSED: shop.paused_at,
            State.REMOVED: shop.removed_at,
            State.DISCONNECTED: shop.disconnected_at,
            State.INACTIVE: shop.app_status_at,
        }
        # A shop that rejects our token also sends no webhooks, and does not report since when.
        return since.get(shop.state) or (known_until if self.cause not in ("", State.WAITING) else None)


def list_health(connection: sa.Connection, emp_id: int) -> list[ShopHealth]:
    """The health of each shop of an account that has an app, oldest shop first."""
    its_polls = {poll.shop.id: poll for poll in list_polls(connection, emp_id)}
    its_unread = list_unread(connection, emp_id, MAX_UNREAD)
    return [
        ShopHealth(
            shop,
            its_polls.get(shop.id),
            [order for order in its_unread if order.shop_id == shop.id],
        )
        for shop in list_shops(connection, emp_id)
        if shop.platform == "saleor"
    ]
