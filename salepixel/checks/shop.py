"""The account's shop: connected, and its orders arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from salepixel.checks.result import Result, State

SHOP = "shop"


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """A shop. `cause`: why its orders do not reach us (report.health), or empty.

    `last_delivery`: when its last verified webhook, or order through the sales API, arrived; None: never.
    """

    platform: str
    name: str
    cause: str
    last_delivery: datetime | None


def check_shop(shops: Sequence[ShopFacts]) -> Result:
    """Whether orders of the account's shops arrive. Removed shops do not count."""
    own = [shop for shop in shops if shop.platform != "pixel" and shop.cause != "removed"]
    for shop in own:
        if shop.cause:
            state = State.WAITING if shop.cause == "waiting" else State.BROKEN
            return Result(SHOP, state, f"shop_{shop.cause}", {"shop": shop.name})
    if not own:
        reason = "shop_pixel_only" if shops else "shop_missing"
        return Result(SHOP, State.WAITING, reason)
    heard = [(shop.last_delivery, shop.name) for shop in own if shop.last_delivery is not None]
    if not heard:
        return Result(SHOP, State.WAITING, "shop_silent", {"shop": own[0].name})
    last, name = max(heard)
    return Result(SHOP, State.DONE, "shop_connected", {"shop": name, "time": last})
