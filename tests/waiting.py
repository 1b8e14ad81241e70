"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Callable

PATIENCE_SECONDS = 300.0
"""Only ends what would never end: with a load of 18, a virtual environment took 120 s."""


def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether a condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


async def until_async(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """The same within an event loop, which keeps running meanwhile."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True
