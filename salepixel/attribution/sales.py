"""Sales: the rows of the sales report. Pure: from orders and decisions."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from salepixel.accounts.policy import GROSS, Terms
from salepixel.attribution.decide import Decision
from salepixel.attribution.evidence import Rung
from salepixel.attribution.models import rounded, split
from salepixel.money.amounts import Rate, allocate, from_minor, to_minor
from salepixel.money.quantities import from_thousandths, to_thousandths
from salepixel.orders.charges import Ledger, read_ledger
from salepixel.orders.order import Order, RefundState
from salepixel.orders.sold import Refund, SoldLine, lines_of

_NEVER = datetime.min.replace(tzinfo=UTC)


class Status(StrEnum):
    """The state of a sale's money."""

    CONFIRMED = "confirmed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    CHARGEBACK = "chargeback"
    UNVERIFIED = "unverified"


class Sale(NamedTuple):
    """An order line credited to a click: one row of the report. Amounts are in `currency`.

    `share`: the part of the line that the model gives to this click; amounts and quantity are of this part.
    `click_id` and `link` are empty if only the campaign is known; `contact` also if the e-mail was forwarded.
    `refunded`: the refunds until `refunded_at`, which no longer change after the month of the sale is closed.
    `refunds`: all refunds until now. `rate`: the exchange rate of the day (UTC) of the sale, also for later
    refunds, so that a fully refunded sale has a converted net of zero; None if there is no rate.
    """

    line: str
    click_id: bytes
    campaign: str
    link: str
    contact: str
    item: str
    sku: str | None
    quantity: Decimal
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
    refunded_at: datetime | None = None

    @property
    def refunded_later(self) -> Decimal:
        """The refunds after its month was closed; negative if the shop took back a refund."""
        return sum((refund.amount for refund in self.refunds), -self.refunded)

    @property
    def converted(self) -> Decimal | None:
        """The amount in the account's currency."""
        return self.rate.convert(self.amount) if self.rate else None

    @property
    def converted_refunded(self) -> Decimal | None:
        """The refunded amount in the account's currency."""
        return self.rate.convert(self.refunded) if self.rate else None


def sale_rows(
    order: Order,
    decision: Decision,
    *,
    verified: bool = True,
    terms: Terms = GROSS,
    history: Iterable[RefundState] = (),
    rate: Rate | None = None,
    ledger: Ledger | None = None,
) -> list[Sale]:
    """The rows of an order: one per line and credited click; none if it is not attributed.

    `terms`, `history`: as for `sold_lines`. `rate`: the rate of the day of the sale. `ledger`: the result of
    `read_ledger` for the order and this history, if it is known already.
    """
    won = decision.credited
    if won is None:
        return []
    shared = decision.shares
    given = [one.share for one in shared]
    rows = []
    ledger = ledger or read_ledger(order, history)
    lines = lines_of(order, terms, ledger)
    charged_back = bool(ledger.charged_back)
    nothing = from_minor(0, order.currency)
    for line in lines:
        amounts = _split(line.amount, order.currency, given)
        quantities = _split_quantity(line.quantity, given)
        status = _status(order, line, verified, charged_back)
        for i, one in enumerate(shared):
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
                    refunded=nothing,
                    currency=order.currency,
                    purchased_at=order.placed_at,
                    order=order.number,
                    evidence=won.evidence.rung,
                    confidence=won.confidence,
                    status=status,
                    rate=rate,
                    share=rounded(one.share),
                )
            )
    if not any(line.refunds for line in lines):
        return rows
    return [_summed(sale) for sale in with_refunds(rows, lines)]


def as_of_now(
    sales: Sequence[Sale], order: Order, lines: Sequence[SoldLine], history: Iterable[RefundState]
) -> list[Sale]:
    """Sales of an open month with their current refunds and status, and with the same amounts as before.

    For orders of erased people: without evidence, an order cannot be divided again.
    """
    of_line = {line.id: line for line in lines}
    charged_back = bool(read_ledger(order, tuple(history)).charged_back)
    found = []
    for sale in with_refunds(sales, lines):
        line, verified = of_line.get(sale.line), sale.status is not Status.UNVERIFIED
        status = _status(order, line, verified, charged_back) if line else sale.status
        found.append(_summed(sale)._replace(status=status))
    return found


def _summed(sale: Sale) -> Sale:
    """A sale with `refunded` and `refunded_at` set from its refunds."""
    return sale._replace(
        refunded=sum((refund.amount for refund in sale.refunds), sale.amount * 0),
        refunded_at=sale.refunds[-1].at if sale.refunds else None,
    )


def with_refunds(
    sales: Sequence[Sale], lines: Iterable[SoldLine], closed_before: datetime = _NEVER
) -> list[Sale]:
    """All sales of one order with the current refunds of its lines. The amounts of the sales stay unchanged.

    Refunds dated before `closed_before` (UTC) also stay unchanged. The missing rest of the refunded sum is
    added to the sales that lack it: on its own day, or at `closed_before` if that day is closed. So the
    result does not depend on how often this runs, or on when months are closed.
    """
    refunded = _refunds_by_sale(sales, lines)
    dated = [
        {
            refund.at: to_minor(refund.amount, sale.currency)
            for refund in sale.refunds
            if refund.at < closed_before
        }
        for sale in sales
    ]
    for at in sorted({max(day, closed_before) for days in refunded for day in days}):
        by_then = [sum(amount for day, amount in days.items() if day <= at) for days in refunded]
        so_far = [sum(days.values()) for days in dated]
        short = [max(0, must - has) for must, has in zip(by_then, so_far, strict=True)]
        grown = allocate(max(0, sum(by_then) - sum(so_far)), short)
        for days, amount in zip(dated, grown, strict=True):
            if amount:
                days[at] = amount
    return [
        sale._replace(refunds=tuple(Refund(at, from_minor(n, sale.currency)) for at, n in days.items()))
        for sale, days in zip(sales, dated, strict=True)
    ]


def _refunds_by_sale(sales: Sequence[Sale], lines: Iterable[SoldLine]) -> list[dict[datetime, int]]:
    """The refunds of each sale, from those of its line: minor units by time.

    Sales in another currency get none.
    """
    refunded: list[dict[datetime, int]] = [{} for _ in sales]
    of_line: dict[tuple[str, str], list[int]] = {}
    # Sorted by click, so that the odd cent goes to the same click in every sequence.
    for i in sorted(range(len(sales)), key=lambda i: sales[i].click_id):
        of_line.setdefault((sales[i].line, sales[i].currency), []).append(i)
    for line in lines:
        its = of_line.get((line.id, line.currency), [])
        amounts = [to_minor(sales[i].amount, line.currency) for i in its]
        for i, days in zip(its, line.refunds_by_click(amounts), strict=True):
            refunded[i] = days
    return refunded


def _split(amount: Decimal, currency: str, given: Sequence[Fraction]) -> list[Decimal]:
    if len(given) == 1:
        return [amount]
    return [from_minor(part, currency) for part in split(to_minor(amount, currency), given)]


def _split_quantity(quantity: Decimal, given: Sequence[Fraction]) -> list[Decimal]:
    if quantity == (pieces := int(quantity)):  # the quantity of pieces stays a whole number
        return [Decimal(part) for part in split(pieces, given)]
    return [from_thousandths(part) for part in split(to_thousandths(quantity), given)]


def _status(order: Order, line: SoldLine, verified: bool, charged_back: bool) -> Status:
    if not verified:
        return Status.UNVERIFIED
    if order.cancelled:
        return Status.CANCELLED
    if line.refunded and line.refunded >= line.amount:
        return Status.REFUNDED
    return Status.CHARGEBACK if charged_back and line.refunded else Status.CONFIRMED
