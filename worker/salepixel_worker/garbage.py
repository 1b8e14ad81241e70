"""Python's garbage collector, while the worker works on a batch."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Collect no garbage meanwhile.

    All records of a batch live until it is stored, and none is in a cycle. The collector would check them
    again and again: a fifth of the time of a fold, a sixth of that of deciding orders.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
