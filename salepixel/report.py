"""The campaign sales report: rows and sums, a pure function of orders and decisions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from salepixel.attribution import Decision, Rung
from salepixel.orders import Order


class Status(StrEnum):
    """The state of a sale's money."""

    CONFIRMED = "confirmed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Sale:
    """An order line credited to a click: one row of the report. Amounts are in `currency`."""

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
    """The rows that an order gives: one per line, none when no click earned it."""
    if decision.credited is None:
        return []
    click = decision.credited.evidence.click
    rows = []
    for line, refunded in zip(order.lines, order.refunded_by_line(), strict=True):
        rows.append(
            Sale(
                line=line.id,
                click_id=click.id,
                campaign=click.campaign,
                link=click.link,
                contact=click.contact,
                item=line.item,
                sku=line.sku,
                quantity=line.quantity,
                amount=line.amount,
                refunded=refunded,
                currency=order.currency,
                purchased_at=order.placed_at,
                order=order.number,
                evidence=decision.credited.evidence.rung,
                confidence=decision.credited.confidence,
                status=_status(order, line.amount, refunded, verified),
            )
        )
    return rows


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
