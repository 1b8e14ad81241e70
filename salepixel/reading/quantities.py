"""Quantities as pixels and shops write them."""

import re
from decimal import Decimal

from salepixel.money.quantities import MAX_QUANTITY, round_quantity
from salepixel.reading.text import read_text

_QUANTITY = re.compile(r"[0-9]{1,7}(?:[.,][0-9]*)?|[.,][0-9]+")


class BadQuantity(ValueError):
    """A text that is no quantity. `reason` is its counted name."""

    reason = "bad_quantity"


def read_quantity(text: str) -> Decimal:
    """A quantity above 0 and at most MAX_QUANTITY, with a decimal point or comma: "2", "2,00", "0.5".

    To a thousandth, half up, without trailing zeros, so that equal quantities are written alike: "0,50" is
    0.5. Raises BadQuantity.
    """
    bare = read_text(text, 40)
    if not _QUANTITY.fullmatch(bare):
        raise BadQuantity("not a quantity")
    quantity = round_quantity(Decimal(bare.replace(",", ".")))
    if not 0 < quantity <= MAX_QUANTITY:
        raise BadQuantity("not a quantity")
    return quantity
