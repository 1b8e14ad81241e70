"""Compares the report with the truth: each campaign's totals to the cent, and the reason of each order."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from demo.play import ThreeMonths
from demo.world import Purchase

Api = Callable[[str, str], Any]
"""Calls the API with a method and a path; returns the JSON."""


@dataclass(slots=True)
class Expected:
    """The totals of a campaign in a currency."""

    orders: int = 0
    quantity: int = 0
    gross: Decimal = field(default_factory=Decimal)
    refunded: Decimal = field(default_factory=Decimal)

    def add(self, one: Purchase) -> None:
        """Count an order."""
        self.orders += 1
        self.quantity += sum(line.quantity for line in one.lines)
        self.gross += one.total
        self.refunded += one.refunded

    @property
    def net(self) -> Decimal:
        """What is left."""
        return self.gross - self.refunded


def expected_totals(played: ThreeMonths, more: Sequence[Purchase] = ()) -> dict[tuple[str, str], Expected]:
    """The true totals by campaign and currency."""
    found = dict[tuple[str, str], Expected]()
    for one in (*played.season.purchases, *more):
        if one.mailing is not None:
            key = played.campaigns[one.mailing].id, one.currency
            found.setdefault(key, Expected()).add(one)
    return found


def compare(api: Api, played: ThreeMonths, more: Sequence[Purchase] = ()) -> list[str]:
    """The differences between the report and the truth; empty if there are none.

    `more`: orders after the three months.
    """
    return [*_totals(api, played, more), *_reasons(api, played, more)]


def _totals(api: Api, played: ThreeMonths, more: Sequence[Purchase]) -> Iterator[str]:
    names = ("orders", "quantity", "gross", "refunded", "net")
    found = {}
    for campaign in played.campaigns:
        for total in api("GET", f"/campaigns/{campaign.id}/sales?limit=1")["totals_by_refund_date"]:
            found[campaign.id, total["currency"]] = tuple(Decimal(total[name]) for name in names)
    expected = {
        key: tuple(Decimal(getattr(its, name)) for name in names)
        for key, its in expected_totals(played, more).items()
    }
    for key in sorted(found.keys() | expected.keys()):
        if found.get(key) != expected.get(key):
            yield f"campaign {key}: {found.get(key)} instead of {expected.get(key)} ({', '.join(names)})"


def _reasons(api: Api, played: ThreeMonths, more: Sequence[Purchase]) -> Iterator[str]:
    found = {}
    for row in _orders(api, played.emp_id):
        found[row["shop"], row["order"]] = row["reason"], row["campaign"]
    expected = {
        (played.shop_ids[one.currency], one.number): (
            one.reason,
            None if one.mailing is None else played.campaigns[one.mailing].id,
        )
        for one in (*played.season.purchases, *more)
    }
    for key in sorted(found.keys() | expected.keys()):
        if found.get(key) != expected.get(key):
            yield f"order {key}: {found.get(key)} instead of {expected.get(key)}"


def _orders(api: Api, emp_id: int) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        page = api("GET", f"/orders?empId={emp_id}&limit=1000{cursor}")
        yield from page["rows"]
        if page["next"] is None:
            return
        cursor = f"&cursor={page['next']}"


def counted_reasons(played: ThreeMonths) -> Counter[str]:
    """How many orders have each reason."""
    return Counter(one.reason for one in played.season.purchases)
