"""Input of any client is parsed in linear time: the edge has one thread for all visitors."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from salepixel.campaigns.links import read_destination
from salepixel.reading.order_numbers import read_order_number
from salepixel.reading.references import normal_reference
from salepixel.reading.text import read_text
from salepixel_edge.request import read_altered_path, read_link_query

MARKS = "\u0301\u0316"
"""Out of their canonical sequence, which is restored by exchanging neighbours."""


@pytest.mark.parametrize(
    "read",
    [
        lambda n: read_altered_path(b"-" * n + b"!a"),
        lambda n: read_altered_path(b"a" + b"%2D" * n + b"%21a"),
        lambda n: read_link_query(b"k=" + b")" * n),
        lambda n: read_link_query(b"k=a&" + b"?" * n),
        lambda n: normal_reference("a" + "]}" * (n // 2)),
        lambda n: normal_reference("a" + MARKS * (n // 2)),
        lambda n: read_text("a" + MARKS * (n // 2), 200),
        lambda n: read_text(MARKS * (n // 2) + "\n", 200),
        lambda n: read_order_number("@" * n + "1"),
        lambda n: read_destination("https://shop.test/?c=" + "{{" * (n // 2), "spx"),
        lambda n: read_destination("https://shop.test/?c=" + "[" * n, "spx"),
        lambda n: read_destination("https://shop.test/?c=" + "*|" * (n // 2), "spx"),
    ],
)
def test_the_time_to_parse_a_text_does_not_grow_with_its_square(read: Callable[[int], object]) -> None:
    """A quadratic parser takes 256 times as long: eleven seconds for 16,000 hyphens."""
    short, long = _seconds(read, 1_000), _seconds(read, 16_000)
    assert long < 80 * short + 0.05


def _seconds(read: Callable[[int], object], length: int) -> float:
    """The CPU time of this process, the least of several tries, so that other load is not measured."""
    tries = []
    for _ in range(3):
        begun = time.process_time()
        with suppress(ValueError):
            read(length)
        tries.append(time.process_time() - begun)
    return min(tries)
