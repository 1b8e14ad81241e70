"""The campaign sales report: rows and sums, a pure function of orders and decisions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from math import lcm

from salepixel.attribution import Decision
from salepixel.evidence import Rung
from salepixel.money import allocate, from_minor, to_minor
from salepixel.orders import Order


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


def sale_rows(order: Order, decision: Decision, *, verified: bool = True) -> list[Sale]:
    """The rows that an order gives: one per line and click that shares it, none when no click earned it."""
    won = decision.credited
    if won is None:
        return []
    weights = _weights(decision)
    rows = []
    for line, refunded in zip(order.lines, order.refunded_by_line(), strict=True):
        amounts = _split(line.amount, order.currency, weights)
        refunds = _split(refunded, order.currency, weights)
        quantities = allocate(line.quantity, weights)
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
                    refunded=refunds[i],
                    currency=order.currency,
                    purchased_at=order.placed_at,
                    order=order.number,
                    evidence=won.evidence.rung,
                    confidence=won.confidence,
                    status=_status(order, line.amount, refunded, verified),
                    share=round(float(one.share), 6),
                )
            )
    return rows


def _weights(decision: Decision) -> list[int]:
    """The shares as whole numbers."""
    whole = lcm(*(one.share.denominator for one in decision.shares))
    return [int(one.share * whole) for one in decision.shares]


def _split(amount: Decimal, currency: str, weights: Sequence[int]) -> list[Decimal]:
    """An amount by weights, by largest remainder, to the cent."""
    return [from_minor(part, currency) for part in allocate(to_minor(amount, currency), weights)]


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


def _status(order: Order, amount: Decimal, refunded: Decimal, verified: bool) -> Status:
    if not verified:
        return Status.UNVERIFIED
    if order.cancelled:
        return Status.CANCELLED
    return Status.REFUNDED if refunded and refunded >= amount else Status.CONFIRMED
