"""Orders: our newest snapshot of a shop's order, with its lines and what was refunded of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from salepixel.money import allocate, from_minor, to_minor

SHIPPING = "shipping"
"""The line id of shipping where an account counts it: a line of its own, so that items keep their prices."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line: `amount` is what the buyer pays for the whole line, tax included, in the order's currency.

    `quantity` has at most three decimals, for what is sold by weight.
    `net`: the same without tax, None where not told. `refunded`: what the shop says was given back of
    this line, tax included; None where it tells only the order's sum.
    """

    id: str
    item: str
    quantity: Decimal
    amount: Decimal
    sku: str | None = None
    net: Decimal | None = None
    refunded: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RefundState:
    """What one snapshot of an order told of refunds: the sum so far, tax included.

    `charged`: as of an order.
    """

    updated_at: datetime
    issued_at: datetime
    refunded: Decimal
    cancelled: bool = False
    charged: Decimal | None = None

    @property
    def version(self) -> tuple[datetime, datetime]:
        """As of the snapshot."""
        return self.updated_at, self.issued_at


@dataclass(frozen=True, slots=True)
class Order:
    """A snapshot of an order.

    Amounts are gross, in `currency`; times are aware UTC. `issued_at` tells snapshots with the same
    `updated_at` apart. `paid` means paid in full at some time, also when refunded since. `deducted` came
    off lines and shipping together: gift cards, and discounts that the shop did not put on the lines.
    `voucher` is the code that the buyer used; `customer` is the shop's id of a buyer with an account there;
    `payment` is how the order was paid, as the shop calls it. `charged` is all that was ever charged, also
    what was given back since, where the shop does not say itself that the order is paid; else None.
    """

    id: str
    number: str
    currency: str
    placed_at: datetime
    updated_at: datetime
    issued_at: datetime
    total: Decimal
    refunded: Decimal
    paid: bool
    cancelled: bool
    lines: tuple[OrderLine, ...]
    shipping: Decimal = Decimal(0)
    email_hash: str | None = None
    click_token: str | None = None
    alias_hash: str | None = None
    shipping_net: Decimal | None = None
    shipping_refunded: Decimal | None = None
    deducted: Decimal = Decimal(0)
    voucher: str = ""
    customer: str | None = None
    utm_campaign: str = ""
    payment: str = ""
    charged: Decimal | None = None

    @property
    def is_open(self) -> bool:
        """Neither paid nor cancelled: it may still become either."""
        return not self.paid and not self.cancelled

    @property
    def version(self) -> tuple[datetime, datetime]:
        """Snapshots of one order are ordered by this; the greatest is the truth."""
        return self.updated_at, self.issued_at

    @property
    def refund_state(self) -> RefundState:
        """What this snapshot tells of refunds."""
        return RefundState(self.updated_at, self.issued_at, self.refunded, self.cancelled, self.charged)

    def was_paid(self, history: Iterable[RefundState]) -> bool:
        """Whether it was ever paid in full, by all that its snapshots told.

        Charges that make up the total together need not have been there together: a first card's may have
        been given back before a second one's. It was if a snapshot told of it between them. Where none did,
        the order looks like one that was paid and refunded in part, which is so much more common that it
        counts as that. Money that a bank takes back is off `charged`: what was paid so waits again.
        """
        if not self.paid or self.charged is None:
            return self.paid
        before = [s.refunded for s in history if s.charged is not None and s.charged < self.total]
        more = self.charged - self.total
        # What a later snapshot takes back was never refunded.
        return min(max(before, default=Decimal(0)), self.refunded + more) <= more

    def parts(self) -> list[OrderLine]:
        """The lines, and shipping as the last one."""
        shipping = OrderLine(
            SHIPPING,
            "Shipping",
            Decimal(0),
            self.shipping,
            net=self.shipping_net,
            refunded=self.shipping_refunded,
        )
        return [*self.lines, shipping]

    def paid_by_part(self) -> list[int]:
        """What was paid for each part, tax included, in minor units; they add up to the total.

        A gift card was earned when it was sold, so what it paid is off again, in proportion.
        """
        amounts = [to_minor(part.amount, self.currency) for part in self.parts()]
        deducted = allocate(min(to_minor(self.deducted, self.currency), sum(amounts)), amounts)
        return [amount - off for amount, off in zip(amounts, deducted, strict=True)]

    def given_back_by_part(self) -> list[int]:
        """What was refunded of each part, tax included, in minor units; never more than was paid.

        First what the shop told by line; the rest in proportion over the parts of which nothing was told,
        then over all, by largest remainder. A cancelled order counts as refunded whole.
        """
        paid = self.paid_by_part()
        if self.cancelled:
            return paid
        refunded = min(to_minor(self.refunded, self.currency), sum(paid))
        told = [part.refunded for part in self.parts()]
        given = [
            min(to_minor(amount or Decimal(0), self.currency), most)
            for amount, most in zip(told, paid, strict=True)
        ]
        if sum(given) > refunded:
            given = allocate(refunded, given)
        given = _fill(
            given, [most if amount is None else 0 for amount, most in zip(told, paid, strict=True)], refunded
        )
        return _fill(given, paid, refunded)

    def refunded_by_line(self) -> tuple[Decimal, ...]:
        """What was refunded of each line, tax included, in the lines' order and currency."""
        return tuple(from_minor(part, self.currency) for part in self.given_back_by_part()[:-1])


def _fill(given: Sequence[int], most: Sequence[int], total: int) -> list[int]:
    """Give more until `total` is reached, in proportion to what is left up to `most` of each."""
    room = [max(0, limit - so_far) for limit, so_far in zip(most, given, strict=True)]
    more = allocate(min(total - sum(given), sum(room)), room)
    return [so_far + part for so_far, part in zip(given, more, strict=True)]
