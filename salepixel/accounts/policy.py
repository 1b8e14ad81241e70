"""The attribution settings of an account: how orders are attributed, and which amounts count."""

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
    """The amounts that count, chosen once: `tax` "gross" or "net", `shipping` "excluded" or "included"."""

    tax: str = "gross"
    shipping: str = "excluded"


GROSS = Terms()
"""The default terms."""


CLOCK_SKEW = timedelta(minutes=5)
"""A click counts even if it is this much later than its order, because the clocks of servers differ."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The account's attribution settings. `version` is stored in every decision that used them.

    `windows`: campaign id -> its own attribution window. `alias_match`: another address of the same mailbox
    is evidence. `sale_when`: an order is a sale when it is "paid" in full, or as soon as it is "placed".
    """

    version: int = 1
    window: timedelta = timedelta(days=7)
    model: Model = Model.LAST
    alias_match: bool = False
    windows: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    sale_when: str = "paid"

    def window_of(self, campaign: str) -> timedelta:
        """The attribution window of this campaign."""
        return self.windows.get(campaign, self.window)

    @property
    def longest_window(self) -> timedelta:
        """The longest attribution window of all campaigns."""
        return max(self.window, *self.windows.values()) if self.windows else self.window

    @property
    def evidence_window(self) -> timedelta:
        """How long before an order a click may be evidence for it.

        Twice the longest window, so that a decision can say "outside the window" and not just "no click".
        """
        return 2 * self.longest_window
