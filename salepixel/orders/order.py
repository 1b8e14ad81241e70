"""Orders: a snapshot of a shop's order, with its lines and refunds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from salepixel.money.amounts import allocate, to_minor

SHIPPING = "shipping"
"""The line id of shipping if an account counts it: a separate line, so that items keep their prices."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line of an order. `amount`: the price of the whole line with tax, in the order's currency.

    `quantity` has at most three decimals, for items sold by weight. `net`: the amount without tax, None if
    not given. `refunded`: the reported refund of this line, with tax; None if the shop reports only the
    order's sum. `granted`: the amount of this line that the buyer need not pay, although nothing was paid
    back.
    """

    id: str
    item: str
    quantity: Decimal
    amount: Decimal
    sku: str | None = None
    net: Decimal | None = None
    refunded: Decimal | None = None
    granted: Decimal = Decimal(0)


class RefundState(NamedTuple):
    """The amounts of an order in one snapshot, with tax; `refunded` is the sum so far.

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
        """The version of the snapshot."""
        return self.updated_at, self.issued_at


@dataclass(frozen=True, slots=True)
class Order:
    """A snapshot of an order.

    Amounts are gross, in `currency`; times are aware UTC.

    * `issued_at`: distinguishes snapshots with the same `updated_at`.
    * `paid`: paid at some time according to this snapshot alone, even if refunded since.
    * `deducted`: discounts on the whole order that the shop did not put on the lines.
    * `by_gift_card`: the part of lines and shipping paid by gift cards; it is not in `total`.
    * `voucher`: the code that the buyer used. `customer`: the shop's id of a buyer with an account.
      `payment`: the shop's name of the payment method.
    * `charged`: all charges, including those refunded since. `covers`: the total that the remaining charges
      and granted refunds pay for. None if a shop reports only `paid` and `refunded`.
    * `replaces`: the id of the order whose goods this one replaces, empty if unknown; None for a purchase.
    * `draft`: whether staff created it as a draft, so that it was placed when the draft was completed; None
      if this snapshot does not say.
    * `erased_at`: when a person in the order was erased; None if nobody was.
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
        """True if it is neither paid nor cancelled yet."""
        return not self.paid and not self.cancelled

    @property
    def version(self) -> tuple[datetime, datetime]:
        """Sorts the snapshots of one order; the greatest is the current one."""
        return self.updated_at, self.issued_at

    @property
    def refund_state(self) -> RefundState:
        """The amounts in this snapshot."""
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

    def paid_by_part(self, charged: Decimal | None = None) -> list[int]:
        """The paid amount of each part, with tax, in minor units.

        They add up to the total plus payments by gift card. `charged`: the charged part of the total, if
        less; the difference reduces granted parts first, then all parts.
        """
        paid = [to_minor(part.amount, self.currency) for part in self.parts()]
        if self.deducted:
            deducted = allocate(min(to_minor(self.deducted, self.currency), sum(paid)), paid)
            paid = [amount - off for amount, off in zip(paid, deducted, strict=True)]
        if charged is None or charged >= self.total:
            return paid
        not_charged = to_minor(self.total - charged, self.currency)
        granted = [
            min(to_minor(part.granted, self.currency), most)
            for part, most in zip(self.parts(), paid, strict=True)
        ]
        let_off = _fill(_fill([0] * len(paid), granted, not_charged), paid, not_charged)
        return [amount - off for amount, off in zip(paid, let_off, strict=True)]

    def refunded_by_part(self, paid: Sequence[int], amount: Decimal) -> list[int]:
        """The refund of each part, with tax, in minor units; never more than `paid` for it.

        First the refunds that the shop reported by line. The rest is divided in proportion among the parts
        without such a report, then among all, by largest remainder. A cancelled order is refunded in full.
        """
        if self.cancelled:
            return list(paid)
        refunded = min(to_minor(amount, self.currency), sum(paid))
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
    """Raise the parts until they add up to `total`, in proportion to what each lacks of its `most`."""
    room = [max(0, limit - so_far) for limit, so_far in zip(most, given, strict=True)]
    more = allocate(min(total - sum(given), sum(room)), room)
    return [so_far + part for so_far, part in zip(given, more, strict=True)]
