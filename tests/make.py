"""Values for tests: a test sets only what it is about, and the rest comes from here."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from currency_converter import CURRENCY_FILE

from salepixel.clicks.tokens import Click, new_click_id
from salepixel.keys import Keys, Sealed, token_place
from salepixel.orders.order import Order, OrderLine

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RATED = datetime(2026, 10, 28, 12, 0, tzinfo=UTC)
"""The package has exchange rates of this day. It has none of the days after its release, such as today."""

CAMPAIGN = "0000000000c1"
LINK = "0000000000a1"
OTHER_LINK = "0000000000a2"


def click_at(
    time: datetime, contact: str = "ana", emp_id: int = 1, link: str = LINK, serial: int = 0
) -> Click:
    """A click at a time; `serial` distinguishes clicks of one millisecond."""
    milliseconds = (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    click_id = new_click_id(milliseconds, lambda size: serial.to_bytes(size))
    return Click(click_id, emp_id, CAMPAIGN, link, contact)


def seal_token(keys: Keys, shop_id: str, token: str = "token") -> Sealed:  # noqa: S107  # a test's
    """A shop's token as it is stored."""
    return keys.seal(token_place(shop_id), token)


def rates_file(path: Path, dollars: Mapping[date, str]) -> None:
    """A history as the European Central Bank publishes it, newer days with these dollars for a euro."""
    with ZipFile(CURRENCY_FILE) as shipped:
        header, *days = shipped.read("eurofxref-hist.csv").decode().splitlines()
    columns = header.count(",") - 1
    newer = [f"{day.isoformat()},{value},{'N/A,' * (columns - 1)}" for day, value in sorted(dollars.items())]
    with ZipFile(path, "w") as file:
        file.writestr("eurofxref-hist.csv", "\n".join([header, *reversed(newer), *days]) + "\n")


def order(**changes: Any) -> Order:
    """A paid order of two lines, 59.80 EUR, placed at noon."""
    values: dict[str, Any] = {
        "id": "O1",
        "number": "1042",
        "currency": "EUR",
        "placed_at": NOON,
        "updated_at": NOON,
        "issued_at": NOON,
        "total": Decimal("59.80"),
        "refunded": Decimal("0.00"),
        "paid": True,
        "cancelled": False,
        "lines": (
            OrderLine("L1", "Red shoes", Decimal(2), Decimal("39.80"), "R-1"),
            OrderLine("L2", "Laces", Decimal(1), Decimal("20.00"), None),
        ),
    }
    return Order(**(values | changes))
