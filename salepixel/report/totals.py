"""Sums of sales: per currency, and in the currency of the account."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from salepixel.attribution.sales import Sale


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of sales in one currency; currencies are never added up. net = gross - refunded."""

    currency: str
    orders: int
    quantity: Decimal
    gross: Decimal
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        """What the shop kept."""
        return self.gross - self.refunded


@dataclass(frozen=True, slots=True)
class ConvertedTotal:
    """The sum of sales of all currencies in one currency, each at the rate of its day.

    `without_rate`: currencies of sales that are not in the sum, because there is no rate for their day.
    """

    currency: str
    gross: Decimal
    refunded: Decimal
    without_rate: tuple[str, ...] = ()

    @property
    def net(self) -> Decimal:
        """What the shop kept."""
        return self.gross - self.refunded


def add_up(several: Iterable[Iterable[Total]]) -> list[Total]:
    """Sums per currency, sorted by code, of sums. An order in several of them counts in each."""
    by_currency: dict[str, Total] = {}
    for total in (one for its in several for one in its):
        so_far = by_currency.get(total.currency)
        by_currency[total.currency] = total if so_far is None else _add(so_far, total)
    return [by_currency[code] for code in sorted(by_currency)]


def _add(one: Total, other: Total) -> Total:
    return Total(
        one.currency,
        one.orders + other.orders,
        one.quantity + other.quantity,
        one.gross + other.gross,
        one.refunded + other.refunded,
    )


def totals(sales: Iterable[Sale]) -> list[Total]:
    """Sums per currency, sorted by code."""
    by_currency: dict[str, list[Sale]] = {}
    for sale in sales:
        by_currency.setdefault(sale.currency, []).append(sale)
    return [
        Total(
            currency,
            orders=len({sale.order for sale in rows}),
            quantity=sum((sale.quantity for sale in rows), Decimal(0)),
            gross=sum((sale.amount for sale in rows), Decimal(0)),
            refunded=sum((sale.refunded for sale in rows), Decimal(0)),
        )
        for currency, rows in sorted(by_currency.items())
    ]


def converted(sales: Iterable[Sale], currency: str) -> ConvertedTotal:
    """The sum of sales, converted into a currency."""
    rows = [(sale, sale.rate is not None and sale.rate.into == currency) for sale in sales]
    known = [sale for sale, has_rate in rows if has_rate]
    return ConvertedTotal(
        currency,
        gross=sum((sale.converted or Decimal(0) for sale in known), Decimal(0)),
        refunded=sum((sale.converted_refunded or Decimal(0) for sale in known), Decimal(0)),
        without_rate=tuple(sorted({sale.currency for sale, has_rate in rows if not has_rate})),
    )
