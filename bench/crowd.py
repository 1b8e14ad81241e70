"""Thousands of hostile clients beside a shop's webhooks: `python -m bench.crowd`.

Not part of `make bench`: it takes two minutes and 12,000 open files.
"""

import resource
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path

import psutil
import requests

from kit.play import Player
from kit.saleor import Line, StandInSaleor
from kit.stack import Stack
from salepixel_plugin.reception import MAX_DELIVERY_BYTES

IDLE, HALF = 5_000, 500
DELIVERIES = 50
LINES = [Line("Shoes", 2, Decimal("39.80"), "R-1"), Line("Laces", 1, Decimal("4.50"))]


def main() -> None:
    """Print a webhook's time alone and beside the crowd, when the crowd was closed, and the memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, IDLE + HALF + 500)), hard))
    with (
        tempfile.TemporaryDirectory() as folder,
        StandInSaleor() as shop,
        Stack(Path(folder) / "data", api_key="sp_bench_of_the_crowd") as stack,
    ):
        player = Player(stack, shop)
        made = player.api("POST", "/shops", {"empId": 1, "platform": "saleor", "api_url": shop.api_url})
        _install(shop, stack, made)
        plugin = _process(stack, "salepixel_plugin.server")
        print(f"memory at rest: {_megabytes(plugin)} MB")
        print(f"alone: {_measure(shop, stack, 'a')}")
        with _crowd(stack.plugin_port) as clients:
            begun = time.monotonic()
            result = _measure(shop, stack, "b")
            left = sum(map(_is_open, clients))
            print(f"beside {IDLE} idle and {HALF} half-sent: {result}; {left} of them still open")
            print(f"memory: {_megabytes(plugin)} MB")
            while any(map(_is_open, clients)) and time.monotonic() - begun < 90:
                time.sleep(0.5)
            print(f"all closed after {time.monotonic() - begun:.0f} s: {not any(map(_is_open, clients))}")
        _measure_large(shop, stack, plugin)
        player.close()


def _install(shop: StandInSaleor, stack: Stack, made: object) -> None:
    assert isinstance(made, dict)  # noqa: S101
    shop.install(str(made["manifest_url"])).raise_for_status()


def _measure(shop: StandInSaleor, stack: Stack, prefix: str) -> str:
    times = []
    for number in range(DELIVERIES):
        signed = shop.sign("order_paid", {"order": shop.order(f"{prefix}{number}", LINES)})
        begun = time.perf_counter()
        shop.send(stack.plugin_url, signed).raise_for_status()
        times.append((time.perf_counter() - begun) * 1000)
    return f"a webhook takes {statistics.median(times):.0f} ms at the median, {max(times):.0f} ms at most"


@contextmanager
def _crowd(port: int) -> Iterator[list[socket.socket]]:
    half = (
        b"POST /saleor/webhooks HTTP/1.1\r\nHost: x\r\n"
        b"Saleor-Signature: a..b\r\nContent-Length: 2000\r\n\r\n{"
    )
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(IDLE + HALF)
        ]
        for client in clients[IDLE:]:
            client.sendall(half)
        for client in clients:
            client.setblocking(False)
        yield clients


def _is_open(client: socket.socket) -> bool:
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _measure_large(shop: StandInSaleor, stack: Stack, plugin: psutil.Process) -> None:
    """Four simultaneous deliveries of 32 MB: an order with as many notes in its metadata as fit."""
    order = shop.order("large", LINES)
    body = shop.sign("order_updated", {"order": order}).body
    filler = [{"key": f"k{n}", "value": "x" * 20} for n in range((MAX_DELIVERY_BYTES - len(body)) // 60)]
    order["metadata"] = filler
    signed = shop.sign("order_updated", {"order": order})
    size, most, done = len(signed.body), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            most[0] = max(most[0], _megabytes(plugin))

    def send(number: int) -> None:
        with requests.Session() as session:
            begun = time.perf_counter()
            answer = session.post(
                f"{stack.plugin_url}/saleor/webhooks",
                data=signed.body,
                headers=dict(signed.headers),
                timeout=120,
            )
            print(f"  {answer.status_code} after {time.perf_counter() - begun:.1f} s")

    watcher = threading.Thread(target=watch)
    watcher.start()
    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    watcher.join()
    print(f"four deliveries of {size / 1e6:.1f} MB at a time: {most[0]} MB at most")


def _process(stack: Stack, module: str) -> psutil.Process:
    children = psutil.Process(stack.pid).children(recursive=True)
    return next(child for child in children if module in child.cmdline())


def _megabytes(process: psutil.Process) -> int:
    return int(process.memory_info().rss / 1e6)


if __name__ == "__main__":
    main()
