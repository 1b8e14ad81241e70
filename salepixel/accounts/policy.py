"""What an account chooses: how its orders are attributed, and what of an order counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Model(StrEnum):
    """How an order's credit is shared."""

    LAST = "last"
    FIRST = "first"
    LINEAR = "linear"
    POSITION = "position"
    DECAY = "decay"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an account counts, chosen once: `tax` is "gross" or "net", `shipping` "excluded" or "included"."""

    tax: str = "gross"
    shipping: str = "excluded"


GROSS = Terms()
"""What accounts count that have chosen nothing."""


CLOCK_SKEW = timedelta(minutes=5)
"""A click may be this much later than its order and still have led to it: two servers, two clocks."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The account's rule. `version` is written into every decision made by it.

    `windows`: of campaigns that have another window than the account, by the campaign's id. `alias_match`:
    an address that leads to the same mailbox is evidence.
    `sale_when`: "paid", an order is a sale when it is paid in full, or "placed", as soon as it is placed.
    """

    version: int = 1
    window: timedelta = timedelta(days=7)
    model: Model = Model.LAST
    alias_match: bool = False
    windows: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    sale_when: str = "paid"

    def window_of(self, campaign: str) -> timedelta:
        """How long after a click of this campaign an order may be credited to it."""
        return self.windows.get(campaign, self.window)

    @property
    def longest_window(self) -> timedelta:
        """The longest window of any campaign."""
        return max(self.window, *self.windows.values()) if self.windows else self.window
