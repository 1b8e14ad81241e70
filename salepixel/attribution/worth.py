"""What an order is worth as the account counts it, whether or not an e-mail earned it. Pure.

So the revenue of all orders and that of the attributed ones are counted in the same way, and a share of them
is a share.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from salepixel.attribution.sales import Sale
from salepixel.money.amounts import to_minor
from salepixel.orders.sold import SoldLine


class BuyerIs(StrEnum):
    """Whether an earlier purchase of an order's buyer, by the same e-mail address, is known in the account.

    UNKNOWN: the order has no address, or is no purchase. An erasure leaves what was decided before: without
    the address it leads to nobody, and the sums stay.
    """

    FIRST = "first"
    RETURNING = "returning"
    UNKNOWN = ""


class Worth(NamedTuple):
    """Amounts in minor units of `currency`; `refunded`: until now, or until its month was closed."""

    currency: str = ""
    gross: int = 0
    refunded: int = 0
    buyer_is: BuyerIs = BuyerIs.UNKNOWN


NOTHING = Worth()


def worth_of(
    currency: str, rows: Sequence[Sale], lines: Iterable[SoldLine], buyer_is: BuyerIs = BuyerIs.UNKNOWN
) -> Worth:
    """The worth of an order: of its sales if it has any, so that both add up to the cent, or of its lines."""
    parts: Sequence[Sale | SoldLine] = rows or tuple(lines)
    return Worth(
        currency,
        sum(to_minor(part.amount, currency) for part in parts),
        sum(to_minor(part.refunded, currency) for part in parts),
        buyer_is,
    )
