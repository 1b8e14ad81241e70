"""Whether the orders of an account's shops reach us, and what keeps them away."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.orders.unread import UnreadOrder, list_unread
from salepixel.shops.polls import Poll, list_polls
from salepixel.shops.shop import Shop, State
from salepixel.shops.store import list_shops

MOST_UNREAD = 20
"""Orders that could not be read, of one answer or page."""

_REFUSALS = ("app_inactive", "permission_removed", "token_refused")


@dataclass(frozen=True)
class ShopHealth:
    """Whether a shop's orders reach us. `poll` is None until it is first asked."""

    shop: Shop
    poll: Poll | None
    unread: list[UnreadOrder]

    @property
    def cause(self) -> str:
        """What keeps its orders away: the name of its state or of its problem, empty for nothing."""
        if self.shop.state is not State.CONNECTED:
            return str(self.shop.state)
        problem = self.poll.problem if self.poll else ""
        return problem if problem in ("", *_REFUSALS) else "unavailable"

    @property
    def missed_since(self) -> datetime | None:
        """Since when (UTC) orders are missing, or may be; None while nothing keeps them away."""
        shop, known_until = self.shop, self.poll.mark if self.poll else None
        since = {
            State.PAUSED: shop.paused_at,
            State.REMOVED: shop.removed_at,
            State.DISCONNECTED: shop.disconnected_at,
            State.INACTIVE: shop.app_status_at,
        }
        # What makes a shop refuse our token stops its webhooks too, and it does not report when.
        return since.get(shop.state) or (known_until if self.cause not in ("", State.WAITING) else None)


def list_health(connection: sa.Connection, emp_id: int) -> list[ShopHealth]:
    """How each shop with an app of an account is, the oldest shop first."""
    its_polls = {poll.shop.id: poll for poll in list_polls(connection, emp_id)}
    its_unread = list_unread(connection, emp_id, MOST_UNREAD)
    return [
        ShopHealth(
            shop,
            its_polls.get(shop.id),
            [order for order in its_unread if order.shop_id == shop.id],
        )
        for shop in list_shops(connection, emp_id)
        if shop.platform == "saleor"
    ]
