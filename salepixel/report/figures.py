"""The figures of an overview, computed from what was counted. Pure: values in, values out.

Revenue, orders and human clicks are those of the period. Recipients, clickers and buyers are those of whole
campaigns, because a person may be counted on two days: of the campaign, or of all campaigns that were sent in
the period (docs/adr/0058).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from salepixel.money.amounts import from_minor

_DAY = timedelta(days=1)
MOST_DAYS = 92
"""A longer period is shown by weeks, and one of more than two years by months of 30 days."""


@dataclass(frozen=True, slots=True)
class Sold:
    """The orders of some days in one currency. `refunded`: what was refunded of them until now."""

    orders: int
    gross: Decimal
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        """What the shop kept."""
        return self.gross - self.refunded

    def plus(self, other: "Sold") -> "Sold":
        """Both together; they have the same currency."""
        return Sold(self.orders + other.orders, self.gross + other.gross, self.refunded + other.refunded)


def nothing_sold(currency: str) -> Sold:
    """No order."""
    return Sold(0, from_minor(0, currency), from_minor(0, currency))


@dataclass(frozen=True, slots=True)
class Audience:
    """The people of whole campaigns: contacts who clicked, contacts who bought.

    `sent`: e-mails sent; 0 if not known. `net`: the campaigns' net revenue until now, per currency.
    `unknown`: how many campaigns with clicks are left out, because their number of e-mails is not known.
    """

    campaigns: int = 0
    sent: int = 0
    clickers: int = 0
    buyers: int = 0
    net: Mapping[str, Decimal] = field(default_factory=dict)
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Buyers:
    """Orders that an e-mail earned, by whether their buyer bought before, as far as orders are known here.

    `unknown`: the order has no e-mail address, or its buyer was erased.
    """

    first: int = 0
    returning: int = 0
    unknown: int = 0

    def plus(self, other: "Buyers") -> "Buyers":
        """Both together."""
        return Buyers(
            self.first + other.first, self.returning + other.returning, self.unknown + other.unknown
        )


@dataclass(frozen=True, slots=True)
class Purchases:
    """All purchases of an account's shops on some days, in one currency, each once.

    `earned`: those that an e-mail earned.
    """

    all: Sold
    earned: Sold


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted from the first day to the last (UTC, both inclusive).

    `sold`: per currency and day. `clicks`: human and bot clicks per day. Empty days are missing.
    `bought`: the same orders per currency and day, by whether their buyers bought before.
    `shop`: all purchases of an account per currency; empty for a campaign.
    """

    first: date
    last: date
    sold: Mapping[str, Mapping[date, Sold]]
    clicks: Mapping[date, tuple[int, int]]
    audience: Audience = Audience()
    bought: Mapping[str, Mapping[date, Buyers]] = field(default_factory=dict)
    shop: Mapping[str, Purchases] = field(default_factory=dict)

    @property
    def currencies(self) -> list[str]:
        """The currencies with orders, the one with the most of them first."""
        return sorted(self.sold, key=lambda code: (-self.total(code).orders, code))

    def total(self, currency: str) -> Sold:
        """All orders in a currency."""
        return _sum(self.sold.get(currency, {}).values(), currency)

    def buyers(self, currency: str) -> Buyers:
        """The attributed orders in a currency, by whether their buyers bought before."""
        return _together(self.bought.get(currency, {}).values())

    @property
    def human(self) -> int:
        """All human clicks."""
        return sum(human for human, _ in self.clicks.values())

    @property
    def bot(self) -> int:
        """All bot clicks."""
        return sum(bot for _, bot in self.clicks.values())


def _sum(several: Iterable[Sold], currency: str) -> Sold:
    total = nothing_sold(currency)
    for sold in several:
        total = total.plus(sold)
    return total


def _together(several: Iterable[Buyers]) -> Buyers:
    total = Buyers()
    for buyers in several:
        total = total.plus(buyers)
    return total


class Name(StrEnum):
    """The figures, in the sequence in which they are shown."""

    NET_REVENUE = "net_revenue"
    SHARE_OF_REVENUE = "share_of_revenue"
    ORDERS = "orders"
    SHARE_OF_ORDERS = "share_of_orders"
    AVERAGE_ORDER_VALUE = "average_order_value"
    REFUNDS = "refunds"
    FIRST_ORDERS = "first_orders"
    RETURNING_ORDERS = "returning_orders"
    HUMAN_CLICKS = "human_clicks"
    REVENUE_PER_CLICK = "revenue_per_click"
    CLICKERS = "clickers"
    CLICK_RATE = "click_rate"
    CONVERSION_RATE = "conversion_rate"
    REVENUE_PER_RECIPIENT = "revenue_per_recipient"


MONEY = frozenset(
    {
        Name.NET_REVENUE,
        Name.AVERAGE_ORDER_VALUE,
        Name.REFUNDS,
        Name.REVENUE_PER_CLICK,
        Name.REVENUE_PER_RECIPIENT,
    }
)
RATES = frozenset({Name.SHARE_OF_REVENUE, Name.SHARE_OF_ORDERS, Name.CLICK_RATE, Name.CONVERSION_RATE})
PER_CURRENCY = MONEY | {Name.SHARE_OF_REVENUE, Name.ORDERS, Name.FIRST_ORDERS, Name.RETURNING_ORDERS}
"""The figures that each currency has by itself; the others are the same in all."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its value before. Money is in the currency of the figures, a rate is a share of 1.

    `before`: None if there is no comparison, or if it has no such value.
    """

    name: Name
    value: Decimal
    before: Decimal | None = None

    @property
    def change(self) -> Decimal | None:
        """By which share of the value before it grew (negative: fell); None if that was not above zero."""
        if self.before is None or self.before <= 0:
            return None
        return (self.value - self.before) / self.before


def figures_of(now: Counted, currency: str, before: Counted | None = None) -> list[Figure]:
    """The figures in one currency, with those before. One without a value (no click) is left out."""
    values = _values(now, currency)
    earlier = _values(before, currency) if before else {}
    return [Figure(name, values[name], earlier.get(name)) for name in Name if name in values]


def recipients_of(sent_to: int | None, clickers: int, buyers: int) -> int:
    """The number of recipients that rates are shares of; 0: not known.

    `sent_to`: how many e-mails were sent, None if not known. A share of recipients is at most 1. If more
    contacts clicked or bought than got the e-mail, the number is wrong, or people forwarded it: no rate.
    """
    return sent_to if sent_to and sent_to >= max(clickers, buyers) else 0


def _values(counted: Counted, currency: str) -> dict[Name, Decimal]:
    sold, people, human = counted.total(currency), counted.audience, counted.human
    found = {
        Name.NET_REVENUE: sold.net,
        Name.ORDERS: Decimal(sold.orders),
        Name.REFUNDS: sold.refunded,
        Name.HUMAN_CLICKS: Decimal(human),
    }
    if sold.orders:
        found[Name.AVERAGE_ORDER_VALUE] = sold.net / sold.orders
    if human:
        found[Name.REVENUE_PER_CLICK] = sold.net / human
    if counted.shop:
        found |= _of_shop(counted.shop, currency)
    buyers = counted.buyers(currency)
    if buyers.first or buyers.returning:
        found[Name.FIRST_ORDERS] = Decimal(buyers.first)
        found[Name.RETURNING_ORDERS] = Decimal(buyers.returning)
    if people.campaigns:
        found[Name.CLICKERS] = Decimal(people.clickers)
    if people.sent:
        found[Name.CLICK_RATE] = Decimal(people.clickers) / people.sent
        found[Name.CONVERSION_RATE] = Decimal(people.buyers) / people.sent
        found[Name.REVENUE_PER_RECIPIENT] = people.net.get(currency, Decimal(0)) / people.sent
    return found


def _of_shop(shop: Mapping[str, Purchases], currency: str) -> dict[Name, Decimal]:
    orders, earned = (
        sum(each)
        for each in zip(*((one.all.orders, one.earned.orders) for one in shop.values()), strict=True)
    )
    found = {Name.SHARE_OF_ORDERS: Decimal(earned) / orders} if orders else {}
    here = shop.get(currency)
    if here and here.all.net > 0:
        found[Name.SHARE_OF_REVENUE] = here.earned.net / here.all.net
    return found


@dataclass(frozen=True, slots=True)
class Span:
    """Some days that a chart shows as one value; both ends inclusive."""

    first: date
    last: date


def spans_of(first: date, last: date) -> list[Span]:
    """The days from the first to the last: each, by weeks or by 30 days; the last span may be shorter."""
    days = (last - first).days + 1
    length = 1 if days <= MOST_DAYS else 7 if days <= 8 * MOST_DAYS else 30
    starts = range(0, max(days, 0), length)
    return [Span(first + n * _DAY, min(first + (n + length - 1) * _DAY, last)) for n in starts]


def sold_in(counted: Counted, currency: str, spans: Iterable[Span]) -> list[Sold]:
    """The orders of each span."""
    by_day = counted.sold.get(currency, {})
    return [_sum((by_day[day] for day in _days(span) if day in by_day), currency) for span in spans]


def clicks_in(counted: Counted, spans: Iterable[Span]) -> list[tuple[int, int]]:
    """The human and the bot clicks of each span."""
    found = []
    for span in spans:
        some = [counted.clicks[day] for day in _days(span) if day in counted.clicks]
        found.append((sum(human for human, _ in some), sum(bot for _, bot in some)))
    return found


def buyers_in(counted: Counted, currency: str, spans: Iterable[Span]) -> list[Buyers]:
    """The attributed orders of each span, by whether their buyers bought before."""
    by_day = counted.bought.get(currency, {})
    return [_together(by_day[day] for day in _days(span) if day in by_day) for span in spans]


def _days(span: Span) -> Iterable[date]:
    return (span.first + n * _DAY for n in range((span.last - span.first).days + 1))
