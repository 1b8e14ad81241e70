"""The campaign sales report: rows and sums, a pure function of orders and decisions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from salepixel.attribution import Decision
from salepixel.evidence import Rung
from salepixel.models import split
from salepixel.money import Rate, from_minor, to_minor
from salepixel.orders import Order, RefundState
from salepixel.sold import GROSS, Refund, Terms, sold_lines


class Status(StrEnum):
    """The state of a sale's money."""

    CONFIRMED = "confirmed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Sale:
    """An order line credited to a click: one row of the report. Amounts are in `currency`.

    `share` of the line that the account's model gives to this click: amounts and quantity are this share's.
    `click_id` and `link` are empty where only the campaign is known, `contact` also
    where the mail was forwarded.
    `refunds` add up to `refunded`. `rate` is that of the day (UTC) of the sale into the account's currency,
    also for what is refunded later, so that a sale refunded whole is worth nothing; None: there is none.
    """

    line: str
    click_id: bytes
    campaign: str
    link: str
    contact: str
    item: str
    sku: str | None
    quantity: int
    amount: Decimal
    refunded: Decimal
    currency: str
    purchased_at: datetime
    order: str
    evidence: Rung
    confidence: float
    status: Status
    share: float = 1.0
    refunds: tuple[Refund, ...] = ()
    rate: Rate | None = None

    @property
    def refunded_at(self) -> datetime | None:
        """When something was last refunded of it."""
        return self.refunds[-1].at if self.refunds else None

    @property
    def converted(self) -> Decimal | None:
        """The amount in the account's currency."""
        return self.rate.convert(self.amount) if self.rate else None

    @property
    def converted_refunded(self) -> Decimal | None:
        """What was refunded, in the account's currency."""
        return self.rate.convert(self.refunded) if self.rate else None


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of sales in one currency; currencies are never added up. net = gross - refunded."""

    currency: str
    orders: int
    quantity: int
    gross: Decimal
    refunded: Decimal

    @property
    def net(self) -> Decimal:
        """What the shop kept."""
        return self.gross - self.refunded


@dataclass(frozen=True, slots=True)
class ConvertedTotal:
    """The sum of sales of all currencies in one, each at the rate of its day.

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


def sale_rows(
    order: Order,
    decision: Decision,
    *,
    verified: bool = True,
    terms: Terms = GROSS,
    history: Iterable[RefundState] = (),
    rate: Rate | None = None,
) -> list[Sale]:
    """The rows that an order gives: one per line and click that shares it, none when no click earned it.

    `terms`, `history`: as `sold_lines` takes them. `rate`: of the day of the sale.
    """
    won = decision.credited
    if won is None:
        return []
    given = [one.share for one in decision.shares]
    rows = []
    for line in sold_lines(order, terms, history):
        amounts = _split(line.amount, order.currency, given)
        refunded = _split(line.refunded, order.currency, given)
        quantities = split(line.quantity, given)
        for i, one in enumerate(decision.shares):
            click = one.evidence.click
            rows.append(
                Sale(
                    line=line.id,
                    click_id=click.id if click else b"",
                    campaign=one.evidence.campaign,
                    link=click.link if click else "",
                    contact=decision.contact,
                    item=line.item,
                    sku=line.sku,
                    quantity=quantities[i],
                    amount=amounts[i],
                    refunded=refunded[i],
                    currency=order.currency,
                    purchased_at=order.placed_at,
                    order=order.number,
                    evidence=won.evidence.rung,
                    confidence=won.confidence,
                    status=_status(order, line.amount, line.refunded, verified),
                    refunds=line.dated(refunded[i]),
                    rate=rate,
                    share=round(float(one.share), 6),
                )
            )
    return rows


def _split(amount: Decimal, currency: str, given: Sequence[Fraction]) -> list[Decimal]:
    return [from_minor(part, currency) for part in split(to_minor(amount, currency), given)]


def totals(sales: Iterable[Sale]) -> list[Total]:
    """Sums per currency, by code."""
    by_currency: dict[str, list[Sale]] = {}
    for sale in sales:
        by_currency.setdefault(sale.currency, []).append(sale)
    return [
        Total(
            currency,
            orders=len({sale.order for sale in rows}),
            quantity=sum(sale.quantity for sale in rows),
            gross=sum((sale.amount for sale in rows), Decimal(0)),
            refunded=sum((sale.refunded for sale in rows), Decimal(0)),
        )
        for currency, rows in sorted(by_currency.items())
    ]


def converted(sales: Iterable[Sale], currency: str) -> ConvertedTotal:
    """The sum of what sales were worth in a currency."""
    rows = [(sale, sale.rate is not None and sale.rate.into == currency) for sale in sales]
    known = [sale for sale, has_rate in rows if has_rate]
    return ConvertedTotal(
        currency,
        gross=sum((sale.converted or Decimal(0) for sale in known), Decimal(0)),
        refunded=sum((sale.converted_refunded or Decimal(0) for sale in known), Decimal(0)),
        without_rate=tuple(sorted({sale.currency for sale, has_rate in rows if not has_rate})),
    )


def _status(order: Order, amount: Decimal, refunded: Decimal, verified: bool) -> Status:
    if not verified:
        return Status.UNVERIFIED
    if order.cancelled:
        return Status.CANCELLED
    return Status.REFUNDED if refunded and refunded >= amount else Status.CONFIRMED
