"""A list is uploaded and imported by the whole stack: in flat memory, and once, whatever is killed."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import requests

from kit.stack import Stack
from tests.stack.test_stack import kill
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = [pytest.mark.long, pytest.mark.slow]  # each starts a stack

LINES = 6_000
"""30 steps of the import."""

MEGABYTES = int(os.environ.get("LIST_MEGABYTES", "32"))
"""The plugin may grow by a quarter of this."""


@pytest.fixture
def stack(tmp_path: Any) -> Iterator[Stack]:
    with Stack(tmp_path / "data", api_key="sp_test_of_the_lists") as running:
        yield running


def call(stack: Stack, method: str, path: str, **rest: Any) -> Any:
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    answer = requests.request(
        method, f"{stack.plugin_url}/api/v1{path}", headers=headers, timeout=PATIENCE_SECONDS, **rest
    )
    assert answer.ok, answer.text
    return answer.json()


def test_a_killed_worker_imports_each_line_once(stack: Stack) -> None:
    wanted = {"empId": 1, "name": "Autumn", "links": []}
    campaign = call(stack, "POST", "/campaigns", json=wanted)["id"]
    lines = "".join(f"c{n},c{n}@shop.test\n" if n % 100 else f"c{n},nobody\n" for n in range(LINES))
    body = f"reference,email\n{lines}".encode()
    its = call(stack, "PUT", f"/lists?empId=1&campaign={campaign}", data=body)["id"]
    call(stack, "POST", f"/lists/{its}/import", json={})

    def started() -> dict[str, Any]:
        found: dict[str, Any] = call(stack, "GET", f"/lists/{its}")["started"]
        return found

    kills = 0
    for share in (0.1, 0.4, 0.7):  # between any two steps, or within one
        assert until(lambda s=share: started()["done"] >= s * LINES)  # type: ignore[misc]
        kills += started()["state"] != "done" and kill(stack, "salepixel_worker.server") > 0
    assert kills
    assert until(lambda: started()["state"] == "done"), started()
    done = started()
    assert (done["stored"], done["problems"]) == (LINES - LINES // 100, {"email": LINES // 100})
    assert call(stack, "GET", f"/campaigns/{campaign}")["listed"] == LINES - LINES // 100
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    errors = requests.get(
        f"{stack.plugin_url}/api/v1/lists/{its}/errors.csv", headers=headers, timeout=PATIENCE_SECONDS
    ).text
    assert [line.split(",")[0] for line in errors.splitlines()[1:]] == [f"c{n}" for n in range(0, LINES, 100)]


def test_a_large_list_that_arrives_slowly_is_stored_in_flat_memory(
    stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    plugin = max(
        (
            one
            for one in psutil.Process(stack.pid).children(recursive=True)
            if "salepixel_plugin.server" in _of(one)
        ),
        key=lambda one: one.memory_info().rss,
    )
    line = b"c%012d,somebody%012d@shop.test,a column that nobody imports\n"
    megabyte = b"".join(line % (n, n) for n in range(14_000))

    def slowly() -> Iterator[bytes]:
        yield b"reference,email,note\n"
        for _ in range(MEGABYTES):
            yield megabyte
            time.sleep(0.01)

    call(stack, "PUT", "/lists?empId=1", data=b"reference\nc1\n")  # what the first list needs is loaded
    sizes, is_over = [plugin.memory_info().rss], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            sizes.append(plugin.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        shown = call(stack, "PUT", "/lists?empId=1&name=large.csv", data=slowly())
    finally:
        is_over.set()
        watching.join()
    size = MEGABYTES * len(megabyte)
    assert shown["lines"] == 14_000 * MEGABYTES + 1
    record_property("bytes", f"{size} sent, {sizes[0]} before, {max(sizes)} at most")
    assert max(sizes) - sizes[0] < size / 4, sizes


def _of(process: psutil.Process) -> str:
    return " ".join(process.cmdline())
