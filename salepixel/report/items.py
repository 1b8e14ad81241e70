"""The items that a campaign or a whole account sold."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from salepixel.campaigns.store import campaign_names
from salepixel.money.amounts import from_minor
from salepixel.money.quantities import from_thousandths
from salepixel.report.periods import ALWAYS, Period
from salepixel.sums import item_days
from salepixel.sums.items import campaigns_of_item, read_account_items, read_items
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


@dataclass(frozen=True, slots=True)
class SoldByCampaign:
    """What a campaign sold of an item."""

    campaign_id: str
    name: str
    sold: ItemSold


def items_sold(connection: sa.Connection, campaign_id: str, limit: int) -> list[ItemSold]:
    """The items of a campaign, those with the highest gross revenue first."""
    return _sold(read_items(connection, campaign_id, limit))


def account_items_sold(
    connection: sa.Connection, emp_id: int, limit: int, period: Period = ALWAYS
) -> list[ItemSold]:
    """The items of all campaigns of an account in a period, those with the highest gross revenue first.

    Refunds are those of the orders of the period, whenever they were made.
    """
    if period == ALWAYS:
        return _sold(read_account_items(connection, emp_id, limit))
    return _sold(item_days.read_account_items(connection, emp_id, period.days, limit))


def sold_by_campaigns(
    connection: sa.Connection, emp_id: int, item: str, sku: str, currency: str
) -> list[SoldByCampaign]:
    """What each campaign of an account sold of an item in a currency, the one with most net revenue first."""
    rows = campaigns_of_item(connection, emp_id, item, sku, currency)
    names = campaign_names(connection, {row.campaign_id for row in rows})
    found = [
        SoldByCampaign(
            row.campaign_id, names.get(row.campaign_id, row.campaign_id), _item(row, item, sku, currency)
        )
        for row in rows
    ]
    kept = [one for one in found if one.sold.quantity or one.sold.gross]
    return sorted(kept, key=lambda one: (-one.sold.net, one.name))


def _sold(rows: Iterable[sa.Row[Any]]) -> list[ItemSold]:
    return [_item(row, row.item, row.sku, row.currency) for row in rows]


def _item(row: sa.Row[Any], item: str, sku: str, currency: str) -> ItemSold:
    gross, refunded = (from_minor(read_sum(row, name), currency) for name in ("gross", "refunded"))
    return ItemSold(item, sku, currency, from_thousandths(read_sum(row, "quantity")), gross, refunded)
