"""Wrong keys limit their IP address for a while, in a table of bounded size."""

import pytest

from salepixel_plugin.windows import REMEMBERED
from salepixel_plugin.wrong_keys import MAX_VALID_KEYS, MAX_WRONG_KEYS, WINDOW_SECONDS, WrongKeys


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _slow_down(table: WrongKeys, address: str) -> None:
    assert [table.record_invalid(address) for _ in range(MAX_WRONG_KEYS)] == [False] * (
        MAX_WRONG_KEYS - 1
    ) + [True]


def test_an_ip_address_is_limited_until_its_window_ends() -> None:
    clock = Clock()
    table = WrongKeys(clock)
    _slow_down(table, "192.0.2.1")
    assert 0 < table.seconds_left("192.0.2.1", "a") <= WINDOW_SECONDS + 1
    assert table.seconds_left("192.0.2.2", "a") == 0
    clock.now += WINDOW_SECONDS
    assert table.seconds_left("192.0.2.1", "a") == 0
    _slow_down(table, "192.0.2.1")


def test_occasional_wrong_keys_limit_nobody() -> None:
    clock = Clock()
    table = WrongKeys(clock)
    for _ in range(10 * MAX_WRONG_KEYS):
        assert not table.record_invalid("192.0.2.1")
        clock.now += WINDOW_SECONDS / (MAX_WRONG_KEYS - 2)
        assert table.seconds_left("192.0.2.1", "a") == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1:4711", "192.0.2.2:4711", False),
        ("192.0.2.1:4711", "192.0.2.1:4712", True),
        ("[2001:db8::1]:443", "[2001:db8:0:1::1]:443", False),
        ("[2001:db8::1]:443", "2001:db8::2", True),
        ("", "nonsense", True),
    ],
)
def test_an_ipv6_address_counts_by_its_64_bit_network(one: str, other: str, same: bool) -> None:
    table = WrongKeys(Clock())
    _slow_down(table, one)
    assert (table.seconds_left(other, "a") > 0) is same


def test_the_table_is_bounded_and_drops_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert REMEMBERED <= 10_000
    assert MAX_VALID_KEYS <= 10_000
    table = WrongKeys(Clock())
    monkeypatch.setattr(table._tries, "remembered", 3)
    for number in range(5):
        _slow_down(table, f"192.0.2.{number}")
    assert [table.seconds_left(f"192.0.2.{number}", "a") > 0 for number in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]
