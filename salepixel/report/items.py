"""The items that a campaign sold."""

from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from salepixel.money.amounts import from_minor
from salepixel.money.quantities import from_thousandths
from salepixel.sums.items import read_items
from salepixel.sums.large import read_sum


@dataclass(frozen=True, slots=True)
class ItemSold:
    """An item in one currency. `item`: the first 255 characters of its name."""

    item: str
    sku: str
    currency: str
    quantity: Decimal
    gross: Decimal
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        """What the shop kept."""
        return self.gross - self.refunded


def items_sold(connection: sa.Connection, campaign_id: str, limit: int) -> list[ItemSold]:
    """The items of a campaign, those with the highest gross revenue first."""
    found = []
    for row in read_items(connection, campaign_id, limit):
        gross, refunded = (from_minor(read_sum(row, name), row.currency) for name in ("gross", "refunded"))
        quantity = from_thousandths(read_sum(row, "quantity"))
        found.append(ItemSold(row.item, row.sku, row.currency, quantity, gross, refunded))
    return found
