"""Makes a small database of this version as SQL, for later ones: tests/data/versions/<revision>.sql.

For each version that is released: `.venv/bin/python -m tests.storage.make_version`.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.keys import Keys
from salepixel.storage.database import migrate, open_database
from salepixel.storage.schema import metadata
from tests.make import NOON, OTHER_LINK, click_at, order
from tests.worker.world import HOUR, World

VERSIONS = Path(__file__).parents[1] / "data" / "versions"
DAY = 24 * HOUR
QUOTED = "o'brien; ñ"
LONG = "x" * 60  # longer than what a token has room for


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database("", Path(folder))
        migrate(database)
        play(World(database, ClickSealer(Keys(1, {1: bytes(range(32))}))))
        with database.read() as connection:
            revision = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            VERSIONS.mkdir(exist_ok=True)
            (VERSIONS / f"{revision}.sql").write_text("".join(as_sql(connection)))
        database.close()


def play(world: World) -> None:
    """Orders of all outcomes, by all kinds of evidence, in a closed month and in an open one."""
    world.hit("PRODUCTO=Shoes&IMPORTE=5&order=P1", click_at(NOON - 20 * DAY, serial=90), 1)
    world.reconcile()
    world.connect(at=NOON - 50 * DAY)
    for ref, email_hash in (("ana", "h-ana"), ("bo", "h-bo"), ("cy", "h-cy"), (QUOTED, "h-o"), (LONG, "h-x")):
        world.contact(ref, email_hash)
    world.contact("al", "h-al", alias_hash="a-al")
    world.coupon("BO-1", "bo")
    world.coupon("ALL")
    _play_orders(world, "A", NOON - 40 * DAY)
    world.close(NOON - 10 * DAY)
    world.policy(model="linear", window_days=6, alias_match=True)
    _play_orders(world, "B", NOON)
    # In a closed month: refunded since, and an order that arrives too late.
    closed = order(id="A-token", number="A-token", placed_at=NOON - 40 * DAY, click_token=_token(world, "A"))
    world.order(replace(closed, refunded=Decimal("10.00"), updated_at=NOON))
    late = order(id="A-late", number="A-late", placed_at=NOON - 39 * DAY, click_token=_token(world, "A"))
    world.order(late)
    world.contact("ro", "h-ro", consent=False)
    world.contact("dan", "h-dan", consent=False)
    world.reconcile()


def _token(world: World, month: str) -> str:
    return world.sealer.seal(click_at((NOON if month == "B" else NOON - 40 * DAY) - HOUR, "ana"))


def _play_orders(world: World, month: str, at: Any) -> None:
    serial = 100 if month == "A" else 200
    ana, bo = click_at(at - HOUR, "ana"), click_at(at - 2 * HOUR, "bo", serial=serial)
    earlier = [click_at(at - days * DAY, "ana", serial=serial + days) for days in (2, 3, 9)]
    ro, dan = click_at(at - HOUR, "ro", serial=serial + 20), click_at(at - HOUR, "dan", serial=serial + 21)
    quoted = click_at(at - 3 * HOUR, QUOTED, serial=serial + 22)
    al = click_at(at - 4 * HOUR, "al", serial=serial + 23)
    about = click_at(at - HOUR, "eve", link=OTHER_LINK, serial=serial + 24)
    cy = [click_at(at - HOUR, "cy", serial=serial + 30 + n) for n in range(2)]
    unknown = click_at(at - HOUR, "fay", serial=serial + 40)
    foreign = click_at(at - HOUR, "gus", emp_id=2, serial=serial + 41)
    long = click_at(at - HOUR, LONG, serial=serial + 42)
    nobody = click_at(at - HOUR, "", serial=serial + 43)
    for click in (ana, bo, *earlier, ro, dan, quoted, al, about, long, nobody):
        world.click(click)
    for click in cy:
        world.click(click, Signal.HEAD)
    orders: dict[str, dict[str, Any]] = {
        "token": {"click_token": world.sealer.seal(ana)},
        "agreeing": {"click_token": world.sealer.seal(bo), "email_hash": "h-bo", "customer": f"u-{month}"},
        "customer": {"customer": f"u-{month}", "placed_at": at + HOUR},
        "conflicting": {"click_token": world.sealer.seal(ana), "voucher": "BO-1"},
        "shared": {"click_token": world.sealer.seal(ana), "email_hash": "h-bo"},
        "forwarded": {"click_token": world.sealer.seal(ana), "email_hash": "h-nobody"},
        "coupon": {"voucher": "BO-1"},
        "campaign": {"voucher": "ALL"},
        "email": {"email_hash": "h-o", "currency": "USD"},
        "alias": {"email_hash": "h-else", "alias_hash": "a-al"},
        "bot": {"email_hash": "h-cy"},
        "link": {"click_token": world.sealer.seal(about)},
        "unknown": {"click_token": world.sealer.seal(unknown)},
        "foreign": {"click_token": world.sealer.seal(foreign)},
        "long": {"click_token": world.sealer.seal(long)},
        "nobody": {"click_token": world.sealer.seal(nobody)},
        "invalid": {"click_token": "x"},
        "opted-out": {"click_token": world.sealer.seal(ro)},
        "both": {"click_token": world.sealer.seal(dan), "email_hash": "h-ana"},
        "unpaid": {"click_token": world.sealer.seal(ana), "paid": False},
        "cancelled": {"click_token": world.sealer.seal(ana), "paid": False, "cancelled": True},
        "replacement": {"click_token": world.sealer.seal(ana), "replaces": f"{month}-token"},
        "refunded": {
            "click_token": world.sealer.seal(ana),
            "refunded": Decimal("59.80"),
            "updated_at": at + 2 * HOUR,
        },
        "cookie": {},
        "none": {},
    }
    if month == "A":
        del orders["unpaid"]  # not decided for good when its month is closed
    for name, changes in orders.items():
        values = {"placed_at": at, "updated_at": at, "issued_at": at, **changes}
        world.order(order(id=f"{month}-{name}", number=f"{month}-{name}", **values))
    world.hit(f"order={month}-cookie&IMPORTE=1", bo, serial + 50)
    world.hit("IMPORTE=x", None, serial + 51)
    world.hit("order=9", None, serial + 52, "unsigned")
    world.reconcile()


def as_sql(connection: sa.Connection) -> Iterator[str]:
    """An INSERT for each table, in the order of its key."""
    for table in metadata.sorted_tables:
        names = ", ".join(column.name for column in table.c)
        key = ", ".join(column.name for column in table.primary_key)
        query = sa.text(f"SELECT {names} FROM {table.name} ORDER BY {key}")  # noqa: S608
        rows = [_values(table, row) for row in connection.execute(query)]
        if rows:
            yield f"INSERT INTO {table.name} ({names}) VALUES\n" + ",\n".join(rows) + ";\n"


def _values(table: sa.Table, row: sa.Row[Any]) -> str:
    return f"({', '.join(_literal(column, value) for column, value in zip(table.c, row, strict=True))})"


def _literal(column: sa.Column[Any], value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(column.type, sa.Boolean):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    main()
