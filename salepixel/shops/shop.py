"""A shop, as its account connected it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from salepixel.keys import Sealed


class State(StrEnum):
    """Whether a shop's orders reach us, and what keeps them from it."""

    WAITING = "waiting"  # the app was never installed
    CONNECTED = "connected"
    INACTIVE = "inactive"  # staff deactivated the app in the shop
    DISCONNECTED = "disconnected"  # the app was deleted in the shop
    PAUSED = "paused"  # here, by its account
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Shop:
    """A store. `platform` is saleor, api (orders by the sales API) or pixel (a store known by its pixel).

    `api_url` is the address of a Saleor's API, once for each account: one Saleor may serve several accounts.
    The other platforms have one shop per account.
    `connected_at` is when it first proved itself; it is never taken back, so that an account does not
    fall back to believing its pixel.
    `token` is what the shop gave us to ask it by, sealed: see contract.open_access.
    `disconnected_at`: when its app was deleted. `app_active` is what the shop said of our app at
    `app_status_at`, by its own clock.
    """

    id: str
    emp_id: int
    platform: str
    api_url: str
    created_at: datetime
    app_id: str | None = None
    token: Sealed | None = None
    jwks: str | None = None
    jwks_at: datetime | None = None
    connected_at: datetime | None = None
    name: str = ""
    disconnected_at: datetime | None = None
    app_active: bool = True
    app_status_at: datetime | None = None
    paused_at: datetime | None = None
    removed_at: datetime | None = None

    @property
    def state(self) -> State:
        """What its account did comes first, then what the shop did."""
        if self.removed_at is not None:
            return State.REMOVED
        if self.paused_at is not None:
            return State.PAUSED
        if self.connected_at is None:
            return State.WAITING
        if self.platform == "saleor" and self.token is None:
            return State.DISCONNECTED
        return State.CONNECTED if self.app_active else State.INACTIVE
