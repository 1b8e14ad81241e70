"""The time of an order webhook, compared with an RS256 verification and one durable insert.

The client is http.client, which takes a third of the time of `requests`. The yardstick inserts the raw body
with SQLAlchemy, into its own table with one key.
"""

import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import sqlalchemy as sa
from redis import Redis

from bench.rounds import Ratio, in_turn
from kit.play import Player
from kit.saleor import Line, Signed, StandInSaleor
from kit.stack import Stack
from salepixel.storage.database import open_database

DELIVERIES = 200

_KEPT = sa.Table(
    "kept",
    sa.MetaData(),
    sa.Column("signature", sa.Text, primary_key=True),
    sa.Column("event", sa.Text),
    sa.Column("body", sa.LargeBinary),
    sa.Column("received_at", sa.DateTime),
)


def run(_redis: Redis) -> Ratio:
    """Microseconds of wall time per delivery over HTTP, one after the other."""
    with (
        tempfile.TemporaryDirectory() as folder,
        StandInSaleor() as shop,
        Stack(Path(folder) / "data", api_key="sp_bench_of_the_plugin") as stack,
    ):
        return _measure(Path(folder), stack, shop)


def _measure(folder: Path, stack: Stack, shop: StandInSaleor) -> Ratio:
    player = Player(stack, shop)
    added = player.api("POST", "/shops", {"empId": 1, "platform": "saleor", "api_url": shop.api_url})
    shop.install(added["manifest_url"]).raise_for_status()
    player.close()
    serial = 0
    database = open_database("", folder / "yardstick")
    with database.write() as connection:
        _KEPT.create(connection)

    def deliveries() -> list[Signed]:
        nonlocal serial
        serial += 1
        lines = [Line("Shoes", 2, Decimal("39.80"), "R-1"), Line("Laces", 1, Decimal("4.50"))]
        return [
            shop.sign("order_paid", {"order": shop.order(f"{serial}-{n}", lines)}) for n in range(DELIVERIES)
        ]

    def ours() -> float:
        made, target = deliveries(), urlsplit(shop.target)
        client = HTTPConnection(target.netloc, timeout=20)
        begun = time.perf_counter()
        for signed in made:
            client.request("POST", f"{target.path}?{target.query}", signed.body, dict(signed.headers))
            answer = client.getresponse()
            answer.read()
            assert answer.status == 200, answer.status  # noqa: S101
        took = time.perf_counter() - begun
        client.close()
        return took / DELIVERIES * 1e6

    def yardstick() -> float:
        made = deliveries()
        key = jwt.PyJWK(shop.key.jwk).key
        begun = time.perf_counter()
        for signed in made:
            signature = signed.headers["Saleor-Signature"]
            jwt.PyJWS().decode_complete(signature, key, algorithms=["RS256"], detached_payload=signed.body)
            with database.write() as connection:
                connection.execute(
                    sa.insert(_KEPT),
                    {
                        "signature": signature,
                        "event": "order_paid",
                        "body": signed.body,
                        "received_at": datetime.now(UTC).replace(tzinfo=None),
                    },
                )
        return (time.perf_counter() - begun) / DELIVERIES * 1e6

    found = in_turn("a webhook over HTTP", ours, "verify + one durable insert", yardstick, "us")
    database.close()
    return found
