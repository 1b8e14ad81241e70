"""A shop of an account, and its state."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from salepixel.keys import Sealed


class State(StrEnum):
    """Whether a shop's orders reach us, or why they do not."""

    WAITING = "waiting"  # the app was never installed
    CONNECTED = "connected"
    INACTIVE = "inactive"  # staff deactivated the app in the shop
    DISCONNECTED = "disconnected"  # the app was deleted in the shop
    PAUSED = "paused"  # by its account, in Sale Pixel
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop. `platform` is saleor, api (orders from the sales API) or pixel (orders from the pixel alone).

    `api_url` is the address of a Saleor's API, unique within an account: several accounts may share a Saleor.
    The other platforms have one shop per account.
    `connected_at`: the first successful registration. It is never cleared; otherwise unconfirmed pixel
    orders would count again after the app is deleted.
    `token` is the app's token for calls to the shop, encrypted: see contract.open_access.
    `disconnected_at`: when the app was deleted. `app_active`: whether the shop reported our app as active at
    `app_status_at`, by the shop's clock.
    `dashboards`: the addresses of its Dashboards, which may show our pages: see dashboards.py.
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
    dashboards: str = ""

    @property
    def state(self) -> State:
        """The state. Actions of the account take precedence over actions in the shop."""
        if self.removed_at is not None:
            return State.REMOVED
        if self.paused_at is not None:
            return State.PAUSED
        if self.connected_at is None:
            return State.WAITING
        if self.platform == "saleor" and self.token is None:
            return State.DISCONNECTED
        return State.CONNECTED if self.app_active else State.INACTIVE
