"""Orders: our newest snapshot of a shop's order, with its lines and what was refunded of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from salepixel.money import allocate, from_minor, to_minor


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line: `amount` is what the buyer pays for the whole line, tax included, in the order's currency."""

    id: str
    item: str
    quantity: int
    amount: Decimal
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A snapshot of an order.

    Amounts are gross, in `currency`; times are aware UTC. `issued_at` tells snapshots with the same
    `updated_at` apart. `paid` means paid in full at some time, also when refunded since. `voucher` is the
    code that the buyer used, `customer` the shop's own id of the buyer; both may be missing.
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
    voucher: str = ""
    customer: str | None = None
    utm_campaign: str = ""

    @property
    def version(self) -> tuple[datetime, datetime]:
        """Snapshots of one order are ordered by this; the greatest is the truth."""
        return self.updated_at, self.issued_at

    def refunded_by_line(self) -> tuple[Decimal, ...]:
        """What was refunded of each line, in the lines' order.

        In proportion to lines and shipping, by largest remainder, to the cent; never more than the
        line's amount. A cancelled order counts as refunded whole.
        """
        amounts = [to_minor(line.amount, self.currency) for line in self.lines]
        if self.cancelled:
            return tuple(from_minor(amount, self.currency) for amount in amounts)
        weights = [*amounts, to_minor(self.shipping, self.currency)]
        refunded = min(to_minor(self.refunded, self.currency), sum(weights))
        parts = allocate(refunded, weights)[: len(amounts)]
        return tuple(from_minor(part, self.currency) for part in parts)
