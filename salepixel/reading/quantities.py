"""Parses quantities from pixels and shops."""

import re
from decimal import Decimal

from salepixel.money.quantities import MAX_QUANTITY, round_quantity
from salepixel.reading.text import read_text

_QUANTITY = re.compile(r"[0-9]{1,7}(?:[.,][0-9]*)?|[.,][0-9]+")


class BadQuantity(ValueError):
    """Not a quantity. `reason` is the name that is counted."""

    reason = "bad_quantity"


def read_quantity(text: str) -> Decimal:
    """A quantity above 0 and at most MAX_QUANTITY, with a decimal point or comma: "2", "2,00", "0.5".

    Rounded half up to a thousandth, without trailing zeros, so that equal quantities have equal texts:
    "0,50" is 0.5. Raises BadQuantity.
    """
    bare = read_text(text, 40)
    if not _QUANTITY.fullmatch(bare):
        raise BadQuantity("not a quantity")
    quantity = round_quantity(Decimal(bare.replace(",", ".")))
    if not 0 < quantity <= MAX_QUANTITY:
        raise BadQuantity("not a quantity")
    return quantity
