"""Orders: our newest snapshot of a shop's order, with its lines and what was refunded of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from salepixel.money.amounts import allocate, to_minor

SHIPPING = "shipping"
"""The line id of shipping where an account counts it: a line of its own, so that items keep their prices."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line: `amount` is what the buyer pays for the whole line, tax included, in the order's currency.

    `quantity` has at most three decimals, for what is sold by weight.
    `net`: the same without tax, None if not given. `refunded`: what the shop says was given back of
    this line, tax included; None where it reports only the order's sum. `granted`: what it lets the buyer off
    of this line without having given it back.
    """

    id: str
    item: str
    quantity: Decimal
    amount: Decimal
    sku: str | None = None
    net: Decimal | None = None
    refunded: Decimal | None = None
    granted: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class RefundState:
    """The money of an order in one snapshot, tax included: `refunded` is the sum so far.

    `charged`, `covers`: as of an order.
    """

    updated_at: datetime
    issued_at: datetime
    refunded: Decimal
    cancelled: bool = False
    charged: Decimal | None = None
    covers: Decimal | None = None

    @property
    def version(self) -> tuple[datetime, datetime]:
        """As of the snapshot."""
        return self.updated_at, self.issued_at


@dataclass(frozen=True, slots=True)
class Order:
    """A snapshot of an order.

    Amounts are gross, in `currency`; times are aware UTC. `issued_at` orders snapshots with the same
    `updated_at` apart. `paid` means paid at some time, by this snapshot alone, also when refunded since.
    `deducted` came off lines and shipping together: discounts that the shop did not put on the lines.
    `by_gift_card` is what gift cards paid of them, which is not in `total`. `voucher` is the code that the
    buyer used; `customer` is the shop's id of a buyer with an account there; `payment` is how the order was
    paid, as the shop calls it. `charged` is all that was ever charged, also what was given back since, and
    `covers` the total that is paid for by what is there, with what the shop lets the buyer off; None where a
    shop reports only `paid` and `refunded`. `replaces`: the id of the order whose goods this one replaces,
    empty where the shop does not name it; None for a purchase. `draft`: whether staff wrote it as a draft
    first, so that it was placed when that was completed; None where this snapshot does not say.
    `erased_at`: when a person that the order named was erased; None: nobody was.
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
    covers: Decimal | None = None
    by_gift_card: Decimal = Decimal(0)
    replaces: str | None = None
    draft: bool | None = False
    shipping_granted: Decimal = Decimal(0)
    erased_at: datetime | None = None

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
        """The money in this snapshot."""
        return RefundState(
            *(self.updated_at, self.issued_at, self.refunded, self.cancelled, self.charged, self.covers)
        )

    def parts(self) -> list[OrderLine]:
        """The lines, and shipping as the last one."""
        shipping = OrderLine(
            SHIPPING,
            "Shipping",
            Decimal(0),
            self.shipping,
            net=self.shipping_net,
            refunded=self.shipping_refunded,
            granted=self.shipping_granted,
        )
        return [*self.lines, shipping]

    def paid_by_part(self, worth: Decimal | None = None) -> list[int]:
        """What was paid for each part, tax included, in minor units.

        They add up to the total and what gift cards paid: a gift card is a way to pay. `worth`: what was
        charged of the total, where that is less; the rest is off what was granted first, then off all.
        """
        amounts = [to_minor(part.amount, self.currency) for part in self.parts()]
        deducted = allocate(min(to_minor(self.deducted, self.currency), sum(amounts)), amounts)
        paid = [amount - off for amount, off in zip(amounts, deducted, strict=True)]
        if worth is None or worth >= self.total:
            return paid
        not_charged = to_minor(self.total - worth, self.currency)
        granted = [
            min(to_minor(part.granted, self.currency), most)
            for part, most in zip(self.parts(), paid, strict=True)
        ]
        let_off = _fill(_fill([0] * len(paid), granted, not_charged), paid, not_charged)
        return [amount - off for amount, off in zip(paid, let_off, strict=True)]

    def given_back_by_part(self, paid: Sequence[int], given_back: Decimal) -> list[int]:
        """What was given back of each part, tax included, in minor units; never more than was `paid` for it.

        First what the shop reported by line; the rest in proportion over the parts without such a report,
        then over all, by largest remainder. A cancelled order counts as refunded whole.
        """
        if self.cancelled:
            return list(paid)
        refunded = min(to_minor(given_back, self.currency), sum(paid))
        reported = [part.refunded for part in self.parts()]
        given = [
            min(to_minor(amount or Decimal(0), self.currency), most)
            for amount, most in zip(reported, paid, strict=True)
        ]
        if sum(given) > refunded:
            given = allocate(refunded, given)
        given = _fill(
            given,
            [most if amount is None else 0 for amount, most in zip(reported, paid, strict=True)],
            refunded,
        )
        return _fill(given, paid, refunded)


def _fill(given: Sequence[int], most: Sequence[int], total: int) -> list[int]:
    """Give more until `total` is reached, in proportion to what is left up to `most` of each."""
    room = [max(0, limit - so_far) for limit, so_far in zip(most, given, strict=True)]
    more = allocate(min(total - sum(given), sum(room)), room)
    return [so_far + part for so_far, part in zip(given, more, strict=True)]
