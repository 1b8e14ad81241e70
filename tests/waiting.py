"""Waiting for a condition, never for a time.

Each pause is a tenth of the time waited so far, from 20 to 250 ms: asking a stack more often slows it down.
"""

import asyncio
import time
from collections.abc import Callable

PATIENCE_SECONDS = 300.0
"""Only ends what would never end: with a load of 18, a virtual environment took 120 s."""


def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether a condition becomes true in time."""
    begun = time.monotonic()
    while not condition():
        waited = time.monotonic() - begun
        if waited > seconds:
            return False
        time.sleep(_pause(waited))
    return True


async def until_async(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """The same within an event loop, which keeps running meanwhile."""
    begun = time.monotonic()
    while not condition():
        waited = time.monotonic() - begun
        if waited > seconds:
            return False
        await asyncio.sleep(_pause(waited))
    return True


def _pause(waited: float) -> float:
    return min(max(0.02, waited / 10), 0.25)
