"""An order webhook: verified, stored and answered, against an RS256 verification and one durable insert."""

import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import jwt
import requests
from redis import Redis

from bench.rounds import Ratio, in_turn
from kit.play import Player
from kit.saleor import Line, Signed, StandInSaleor
from kit.stack import Stack
from salepixel.orders.deliveries import store_delivery
from salepixel.storage.database import migrate, open_database

DELIVERIES = 200


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
    migrate(database)

    def deliveries() -> list[Signed]:
        nonlocal serial
        serial += 1
        lines = [Line("Shoes", 2, Decimal("39.80"), "R-1"), Line("Laces", 1, Decimal("4.50"))]
        return [
            shop.sign("order_paid", {"order": shop.order(f"{serial}-{n}", lines)}) for n in range(DELIVERIES)
        ]

    def ours() -> float:
        made = deliveries()
        with requests.Session() as session:
            begun = time.perf_counter()
            for signed in made:
                answer = session.post(
                    shop.target,
                    data=signed.body,
                    headers=dict(signed.headers),
                    timeout=20,
                )
                answer.raise_for_status()
            return (time.perf_counter() - begun) / DELIVERIES * 1e6

    def yardstick() -> float:
        made = deliveries()
        key = jwt.PyJWK(shop.key.jwk).key
        begun = time.perf_counter()
        for signed in made:
            signature = signed.headers["Saleor-Signature"]
            jwt.PyJWS().decode_complete(signature, key, algorithms=["RS256"], detached_payload=signed.body)
            with database.write() as connection:
                store_delivery(
                    connection,
                    digest=signature,
                    shop_id="s",
                    event="order_paid",
                    headers={},
                    body=signed.body,
                    at=datetime.now(UTC),
                )
        return (time.perf_counter() - begun) / DELIVERIES * 1e6

    found = in_turn("a webhook over HTTP", ours, "verify + one durable insert", yardstick, "us")
    database.close()
    return found
