"""Which decided orders are purchases, and which of them an e-mail earned. Pure.

The names are those of orders.outcome, which stands above this room.
"""

EARNED = ("attributed", "likely")
"""The outcomes of purchases that an e-mail earned."""

BOUGHT = (*EARNED, "unattributed")
"""The outcomes of purchases, with a reason that is not in NO_PURCHASE."""

NO_PURCHASE = ("pixel_only", "replacement", "cancelled")
"""The reasons of orders that are no purchases: only seen by the pixel, replaced, or cancelled unpaid."""


def is_purchase(outcome: str, reason: str) -> bool:
    """Whether an order with this outcome and reason is a purchase. An unpaid one is pending."""
    return outcome in BOUGHT and reason not in NO_PURCHASE
