"""The least that granian can do: a redirect to one address, with nothing checked and nothing kept."""

from typing import Any

HEADERS = [("location", "https://shop.test/p/1?spx=" + "x" * 100), ("cache-control", "no-store, private")]


async def app(_scope: Any, answer: Any) -> None:
    """Redirect."""
    answer.response_empty(302, HEADERS)
