"""The lines of an order as an account counts them (its terms), with the refunds of each."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import NamedTuple

from salepixel.accounts.policy import GROSS, Terms
from salepixel.money.amounts import allocate, from_minor, to_minor
from salepixel.orders.charges import Ledger, read_ledger
from salepixel.orders.order import Order, OrderLine, RefundState


class Refund(NamedTuple):
    """A refund at a time (UTC)."""

    at: datetime
    amount: Decimal


class SoldLine(NamedTuple):
    """A line as an account counts it; `refunds` add up to `refunded`, oldest first."""

    id: str
    item: str
    sku: str | None
    quantity: Decimal
    amount: Decimal
    refunded: Decimal
    refunds: tuple[Refund, ...]
    currency: str

    def refunds_by_click(self, amounts: Sequence[int]) -> list[dict[datetime, int]]:
        """The refunds of each click's part of the line, by time. `amounts`: the parts, all in minor units.

        In proportion to the parts, and never more than a part. If the line cost less when its month was
        closed, at most that amount is refunded. The sum of each click and the sum of each time are exact.
        """
        steps, left = {}, sum(amounts)
        for refund in self.refunds:
            steps[refund.at] = min(to_minor(refund.amount, self.currency), left)
            left -= steps[refund.at]
        return _spread(steps, allocate(sum(steps.values()), amounts))


def sold_lines(
    order: Order, terms: Terms = GROSS, history: Iterable[RefundState] = ()
) -> tuple[SoldLine, ...]:
    """The lines of an order as an account counts them, with the refunds of each and their times.

    `history`: the refunds in all known snapshots, in any sequence, with duplicates. Included shipping is a
    separate line without a quantity. So items keep their prices, and with tax the lines add up to the
    order's total.
    """
    return lines_of(order, terms, read_ledger(order, history))


def lines_of(order: Order, terms: Terms, ledger: Ledger) -> tuple[SoldLine, ...]:
    """The lines of an order, as `sold_lines`, from the order's ledger."""
    parts = order.parts()
    paid = order.paid_by_part(ledger.charged)
    counted = len(parts) if terms.shipping == "included" and order.shipping else len(order.lines)
    refunds: list[dict[datetime, int]] = [{}] * counted
    if order.cancelled or any(ledger.refunded):
        refunded = order.refunded_by_part(paid, ledger.refunded[-1])
        refunds = _spread(_steps(order, sum(paid), ledger), refunded)[:counted]
    return tuple(
        _sold(part, amount, dated, terms, order.currency)
        for part, amount, dated in zip(parts, paid, refunds, strict=False)
    )


def refunded_by_line(order: Order, history: Iterable[RefundState] = ()) -> tuple[Decimal, ...]:
    """The refund of each line until now, with tax, in the sequence of the lines and in their currency."""
    ledger = read_ledger(order, history)
    refunded = order.refunded_by_part(order.paid_by_part(ledger.charged), ledger.refunded[-1])
    return tuple(from_minor(part, order.currency) for part in refunded[:-1])


def refunded_whole(order: Order, history: Iterable[RefundState] = ()) -> Decimal | None:
    """The refunded sum of a paid order, if it was refunded in full; otherwise None."""
    ledger = read_ledger(order, history)
    paid = order.paid_by_part(ledger.charged)
    given = sum(order.refunded_by_part(paid, ledger.refunded[-1]))
    is_whole = ledger.paid and given > 0 and given == sum(paid)
    return from_minor(given, order.currency) if is_whole else None


def _steps(order: Order, whole: int, ledger: Ledger) -> dict[datetime, int]:
    """By how much (minor units) the refunded sum grew, and when.

    If a later snapshot takes back a refund, it was never made. So the refunded sum at a time is
    the lowest sum that was reported from then on.
    """
    states = ledger.states
    reported = [
        whole if state.cancelled else min(to_minor(amount, order.currency), whole)
        for state, amount in zip(states, ledger.refunded, strict=True)
    ]
    kept = [*accumulate(reversed(reported), min)][::-1]
    steps: dict[datetime, int] = {}
    for place, state in enumerate(states):
        grown = kept[place] - (kept[place - 1] if place else 0)
        # When Saleor expires an order, updatedAt stays; a caller of the sales API may send none.
        is_later = not place or state.updated_at > states[place - 1].updated_at
        # No refund is earlier than its sale, so no sale changes a month before its own.
        at = max(state.updated_at if is_later else state.issued_at, order.placed_at)
        if grown:
            steps[at] = steps.get(at, 0) + grown
    return dict(sorted(steps.items()))


def _spread(steps: dict[datetime, int], refunded: Sequence[int]) -> list[dict[datetime, int]]:
    """Divide each step among the parts, in proportion to the rest of each part. Both sums stay exact."""
    left = list(refunded)
    by_part: list[dict[datetime, int]] = [{} for _ in left]
    for at, grown in steps.items():
        for place, share in enumerate(allocate(grown, left)):
            left[place] -= share
            by_part[place][at] = share
    return by_part


def _sold(part: OrderLine, paid: int, refunds: dict[datetime, int], terms: Terms, currency: str) -> SoldLine:
    net, gross = 1, 1
    if terms.tax == "net" and part.net is not None:
        net, gross = to_minor(part.net, currency), to_minor(part.amount, currency)
    so_far = [_scale(total, net, gross) for total in accumulate(refunds.values(), initial=0)]
    grown = [later - earlier for earlier, later in pairwise(so_far)]
    return SoldLine(
        id=part.id,
        item=part.item,
        sku=part.sku,
        quantity=part.quantity,
        amount=from_minor(_scale(paid, net, gross), currency),
        refunded=from_minor(so_far[-1], currency),
        refunds=_refunds(zip(refunds, grown, strict=True), currency),
        currency=currency,
    )


def _scale(amount: int, net: int, gross: int) -> int:
    """The net part of an amount with tax, rounded half up."""
    return (2 * amount * net + gross) // (2 * gross) if gross else 0


def _refunds(dated: Iterable[tuple[datetime, int]], currency: str) -> tuple[Refund, ...]:
    return tuple(Refund(at, from_minor(amount, currency)) for at, amount in dated if amount)
