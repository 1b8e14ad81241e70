"""Deliveries recorded from a Saleor 3.23.28, and the orders as that shop had them in the end."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from salepixel.keys import Sealed
from salepixel.orders.order import Order
from salepixel.shops.contract import Delivery, Unreadable
from salepixel.shops.saleor import connector as saleor
from salepixel.shops.shop import Shop

FOLDER = Path(__file__).parents[2] / "data" / "saleor"
API_URL = "http://127.0.0.1:8000/graphql/"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
JWKS = (FOLDER / "jwks.json").read_text()
APP = "QXBwOjEx"
"""The id of the second installation, which all orders were sent to."""

Change = Callable[[dict[str, Any]], object]


@dataclass(frozen=True)
class Captured:
    """One delivery as it came in."""

    name: str
    scenario: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def delivery(self) -> Delivery:
        """As the connector gets it."""
        lower = {name.lower(): value for name, value in self.headers.items()}
        return Delivery(API_URL, self.headers["Saleor-Event"], lower, self.body)

    @property
    def recipient(self) -> str:
        """The installation that it was sent to."""
        app_id: str = json.loads(self.body)["recipient"]["id"]
        return app_id


def _load() -> list[Captured]:
    found = []
    for path in sorted(FOLDER.glob("*/*.json")):
        if path.name != "final_orders.json":
            headers = dict(json.loads(path.read_text())["headers"])
            for name in ("Host", "Connection", "Content-Length"):
                del headers[name]
            body = path.with_suffix(".body").read_bytes()
            found.append(Captured(f"{path.parent.name}/{path.stem}", path.parent.name, headers, body))
    return found


ALL = _load()
SIGNED = [captured for captured in ALL if "Saleor-Signature" in captured.headers]
ORDERS = [captured for captured in SIGNED if captured.headers["Saleor-Event"].startswith("order_")]
LIFECYCLE = [captured for captured in SIGNED if captured not in ORDERS]


def final_orders() -> dict[str, dict[str, Any]]:
    """Each order by its id, as the shop's API gave it after its last delivery."""
    found = [json.loads(path.read_text(), parse_float=Decimal) for path in FOLDER.glob("*/final_orders.json")]
    return {order["id"]: order for file in found for order in file["orders"]}


def captured(name: str) -> Captured:
    """The delivery with this name."""
    return next(item for item in ALL if item.name == name)


def shop(app_id: str = APP, jwks: str = JWKS) -> Shop:
    """The recorded shop after its registration."""
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return Shop("s1", 1, "saleor", API_URL, at, app_id, Sealed("sealed"), jwks)


def hash_address(email: str) -> tuple[str, str]:
    """Hashes that a test can read."""
    return f"hash of {email}", f"mailbox of {email}"


def read(body: bytes, event: str = "order_updated") -> list[Order]:
    """The orders that the connector finds in these bytes. Raises Unreadable for one that cannot be read."""
    return read_all(Delivery(API_URL, event, {}, body))


def read_all(delivery: Delivery) -> list[Order]:
    """The orders of a delivery. Raises Unreadable for one that cannot be read."""
    page = saleor.read_orders(delivery, hash_address)
    for one in page.unread:
        raise Unreadable(one.reason)
    return list(page.orders)


def changed(change: Change, name: str = "h_pln_channel_voucher/004-order_updated") -> bytes:
    """The body of a recorded delivery after a change to its order."""
    body = json.loads(captured(name).body)
    change(body["order"])
    return json.dumps(body).encode()
