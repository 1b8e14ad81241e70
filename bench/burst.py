"""A burst on the whole stack: clicks and order webhooks as fast as possible, until the report is complete."""

import asyncio
import http.client
import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from bench.visitors import Crowd, Log
from kit.play import Player
from kit.saleor import Line, Signed, StandInSaleor
from kit.stack import Stack
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import load_keys
from salepixel.storage.database import Database, open_database
from salepixel.storage.schema import clicks, decisions

EMP = 7
RATE = 5_000  # clicks a second
CLICKS_PER_ORDER = 25
SENDERS = 8  # webhooks at a time
LIMIT_SECONDS = 300
POLL_SECONDS = 0.1


@dataclass
class _Burst:
    """What is sent, and when what was answered and decided (by the ids of orders, perf_counter)."""

    stack: Stack
    target: str
    orders: dict[str, Signed]
    answered: dict[str, float] = field(default_factory=dict)
    decided: dict[str, float] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    refused: int = 0

    def send(self, ids: Sequence[str]) -> None:
        """Send the deliveries of these orders, one after the other; a refused one is sent again."""
        with closing(
            http.client.HTTPConnection("127.0.0.1", self.stack.plugin_port, timeout=60)
        ) as connection:
            for its_id in ids:
                signed, begun = self.orders[its_id], time.perf_counter()
                while True:
                    connection.request("POST", self.target, signed.body, dict(signed.headers))
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 200:
                        break
                    self.refused += 1
                    time.sleep(0.05)
                self.answered[its_id] = time.perf_counter()
                self.waits.append(self.answered[its_id] - begun)


def play_burst(data: Path, url: str, count: int) -> dict[str, Any]:
    """Send `count` clicks and a 25th as many orders at once to a stack with the data in a folder.

    Returns the seconds from the answer of a webhook to the decision, and until everything was stored.
    """
    settings = {"SALEPIXEL_DATABASE_URL": url} if url else {}
    with (
        StandInSaleor() as shop,
        Stack(data, api_key="sp_bench_of_the_burst", settings=settings) as stack,
        closing(open_database(url, data)) as database,
    ):
        return _play(shop, stack, database, count, ClickSealer(load_keys(data / "keys.json")))


def _play(
    shop: StandInSaleor, stack: Stack, database: Database, count: int, sealer: ClickSealer
) -> dict[str, Any]:
    campaign, path = _set_up(shop, stack, count // CLICKS_PER_ORDER)
    buyers = count // CLICKS_PER_ORDER
    first = asyncio.run(_visit(stack, path, buyers // 2))
    tokens = {sealer.open(token.decode()).contact: token.decode() for token in first.tokens}
    burst = _Burst(
        stack, urlsplit(shop.target)._replace(scheme="", netloc="").geturl(), _sign(shop, tokens, buyers)
    )
    _wait_until(lambda: _count(database, campaign) >= len(tokens))
    log: list[Log] = []
    threads = [
        threading.Thread(target=burst.send, args=(list(burst.orders)[n::SENDERS],)) for n in range(SENDERS)
    ]
    threads.append(threading.Thread(target=lambda: log.append(asyncio.run(_visit(stack, path, count)))))
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    whole = {"clicks": 0.0, "orders": 0.0}
    while not all(whole.values()) and time.perf_counter() - begun < LIMIT_SECONDS:
        time.sleep(POLL_SECONDS)
        _note_decided(database, burst)
        now = time.perf_counter() - begun
        if len(burst.decided) == len(burst.orders):
            whole["orders"] = whole["orders"] or now
        if not whole["clicks"] and _count(database, campaign) >= count + len(tokens):
            whole["clicks"] = now
    for thread in threads:
        thread.join()
    lags = sorted(at - burst.answered[key] for key, at in burst.decided.items() if key in burst.answered)
    return {
        "clicks": count,
        "orders": buyers,
        "row_after_webhook_s": {"p50": _share(lags, 0.5), "p99": _share(lags, 0.99), "most": _share(lags, 1)},
        "webhook_ms": {"p50": _share(burst.waits, 0.5, 1e3), "p99": _share(burst.waits, 0.99, 1e3)},
        "click_ms": {"p50": round(log[0].median_ms, 1), "p99": round(log[0].quantile_ms(0.99), 1)},
        "all_answered_s": round(max(log[0].took, max(burst.answered.values()) - begun), 1),
        "whole_s": {name: round(at, 1) for name, at in whole.items()},
        "undecided": len(burst.orders) - len(burst.decided),
        "refused": burst.refused + log[0].failed,
    }


def _set_up(shop: StandInSaleor, stack: Stack, contacts: int) -> tuple[str, str]:
    """Create an account with a shop and contacts; returns its campaign, and the start of a link's path."""
    player = Player(stack, shop, EMP)
    player.api("POST", "/accounts", {"empId": EMP, "name": "Burst", "currency": "EUR"})
    for start in range(1, contacts + 1, 1000):
        some = range(start, min(start + 1000, contacts + 1))
        people = [{"ref": f"p{n}", "email": f"p{n}@shop.test"} for n in some]
        player.api("POST", "/contacts", {"empId": EMP, "contacts": people})
    links = [{"url": "https://shop.test/p/1", "label": "Hero", "sale_pixel": True}]
    made = player.api(
        "POST", "/campaigns", {"empId": EMP, "name": "Burst", "mailer": "plain", "links": links}
    )
    added = player.api("POST", "/shops", {"empId": EMP, "platform": "saleor", "api_url": shop.api_url})
    shop.install(added["manifest_url"]).raise_for_status()
    player.close()
    tracked = made["links"][0]["tracked_url"]
    return made["id"], "/c/" + tracked.partition("/c/")[2].replace("{contact}", "p")


def _sign(shop: StandInSaleor, tokens: dict[str, str], count: int) -> dict[str, Signed]:
    lines = [Line("Shoes", 2, Decimal("39.80"), "R-1"), Line("Laces", 1, Decimal("4.50"))]
    found = {}
    for n in range(1, count + 1):
        order = shop.order(f"b{n}", lines, email=f"p{n}@shop.test", token=tokens.get(f"p{n}"))
        found[str(order["id"])] = shop.sign("order_fully_paid", {"order": order})
    return found


async def _visit(stack: Stack, path: str, count: int) -> Log:
    return await Crowd(stack.edge_port, path).visit(RATE, count / RATE)


def _count(database: Database, campaign: str) -> int:
    with database.read() as connection:
        its = sa.select(sa.func.count()).select_from(clicks).where(clicks.c.campaign_id == campaign)
        return connection.scalar(its) or 0


def _note_decided(database: Database, burst: _Burst) -> None:
    with database.read() as connection:
        found = connection.scalars(sa.select(decisions.c.order_id).where(decisions.c.emp_id == EMP)).all()
    now = time.perf_counter()
    for its_id in found:
        burst.decided.setdefault(its_id, now)


def _wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _share(values: Sequence[float], share: float, scale: float = 1.0) -> float:
    """The value that this share of the values does not exceed."""
    if not values:
        return 0.0
    if share == 0.5:
        return round(statistics.median(values) * scale, 2)
    ordered = sorted(values)
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * scale, 2)
