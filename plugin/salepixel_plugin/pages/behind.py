"""The addresses of the rows behind the numbers of an overview: each leads to a list with the same sum."""

from dataclasses import dataclass
from typing import Any

from flask import url_for

from salepixel.report.figures import Name
from salepixel.report.overview import Best
from salepixel.report.periods import Range
from salepixel_plugin.offers import may_use


@dataclass(frozen=True, slots=True)
class Behind:
    """The rows of an account, or of one campaign, in these days and in this currency.

    `several`: whether there are other currencies. If not, a list needs no filter and is read by its key.
    """

    emp_id: int
    currency: str
    several: bool
    range: Range
    campaign_id: str = ""

    def orders(self, days: Range | None = None, **filters: Any) -> str:
        """The attributed orders."""
        its = {"campaign": self.campaign_id} if self.campaign_id else {"outcome": "earned"}
        given: dict[str, Any] = {"currency": self._filter, **its, **_days(days or self.range), **filters}
        return url_for("pages.list_orders", emp_id=self.emp_id, **given)

    def money(self, days: Range | None = None) -> str:
        """The rows that add up to a revenue: the sales of a campaign, or the orders of an account."""
        if not self.campaign_id:
            return self.orders(days)
        return self._sales(self.campaign_id, days or self.range)

    def best(self, kind: str, one: Best) -> str:
        """The sales of a campaign, of a link in these days, or of an item on all days."""
        if kind == "campaigns":
            return self._sales(one.id, self.range)
        if kind == "links":
            return self._sales(self.campaign_id, self.range, link=one.id)
        return self._sales(self.campaign_id, Range(), item=one.name, currency=self.currency)

    def figures(self) -> dict[Name, str]:
        """Figure -> the address of its rows. Clicks have no list of their own."""
        if self.campaign_id:
            sales, all_sales = self.money(), self._sales(self.campaign_id, Range())
            found = {
                Name.NET_REVENUE: sales,
                Name.ORDERS: self.orders(),
                Name.AVERAGE_ORDER_VALUE: sales,
                Name.REFUNDS: sales,
                Name.FIRST_ORDERS: self.orders(buyer="first"),
                Name.RETURNING_ORDERS: self.orders(buyer="returning"),
                Name.REVENUE_PER_CLICK: sales,
                Name.REVENUE_PER_RECIPIENT: all_sales,
            }
            if may_use("pages.contacts", self.emp_id):
                contacts = url_for("pages.contacts", campaign_id=self.campaign_id)
                found |= dict.fromkeys((Name.CLICKERS, Name.CLICK_RATE, Name.CONVERSION_RATE), contacts)
            return found
        orders = self.orders()
        found = {
            Name.NET_REVENUE: orders,
            Name.SHARE_OF_REVENUE: self.orders(outcome="bought"),
            Name.ORDERS: orders,
            Name.SHARE_OF_ORDERS: self.orders(outcome="bought", currency=None),
            Name.AVERAGE_ORDER_VALUE: orders,
            Name.REFUNDS: self.orders(refunded="true"),
            Name.FIRST_ORDERS: self.orders(buyer="first"),
            Name.RETURNING_ORDERS: self.orders(buyer="returning"),
            Name.REVENUE_PER_CLICK: orders,
        }
        people = (Name.CLICKERS, Name.CLICK_RATE, Name.CONVERSION_RATE, Name.REVENUE_PER_RECIPIENT)
        campaigns = url_for("pages.list_account_campaigns", emp_id=self.emp_id)
        return found | dict.fromkeys(people, campaigns)

    @property
    def _filter(self) -> str | None:
        return self.currency if self.several else None

    def _sales(self, campaign_id: str, days: Range, **filters: str) -> str:
        given: dict[str, Any] = {"currency": self._filter, **_days(days), **filters}
        return url_for("pages.list_sales", campaign_id=campaign_id, **given)


def _days(days: Range) -> dict[str, str]:
    ends = {"from": days.first, "to": days.last}
    return {name: day.isoformat() for name, day in ends.items() if day}
