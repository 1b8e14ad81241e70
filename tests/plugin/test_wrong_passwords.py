"""Wrong passwords slow down names and networks, but not a browser that the person has used before."""

import pytest

from salepixel.keys import Keys
from salepixel_plugin.known_browsers import find_mark, new_mark
from salepixel_plugin.wrong_passwords import MAX_OF_NAME, MAX_OF_NETWORK, WINDOW_SECONDS, WrongPasswords

HOME, OFFICE = "192.0.2.1", "198.51.100.7"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(clock: Clock) -> WrongPasswords:
    return WrongPasswords(clock)


def test_a_name_is_slowed_down_from_everywhere_until_its_window_ends(
    table: WrongPasswords, clock: Clock
) -> None:
    for number in range(MAX_OF_NAME):
        assert table.seconds_left(HOME, "ana", "") == 0
        table.record(f"203.0.113.{number}", "ana", "")
    assert table.seconds_left(HOME, "ana", "") > 0
    assert table.seconds_left(HOME, "bo", "") == 0
    clock.now += WINDOW_SECONDS
    assert table.seconds_left(HOME, "ana", "") == 0


def test_a_network_is_slowed_down_for_all_names(table: WrongPasswords) -> None:
    for number in range(MAX_OF_NETWORK):
        assert table.seconds_left(OFFICE, "ana", "") == 0
        table.record(OFFICE, f"name {number}", "")
    assert table.seconds_left(OFFICE, "ana", "") > 0
    assert table.seconds_left(HOME, "ana", "") == 0


def test_a_stranger_behind_the_same_router_does_not_lock_a_known_browser_out(table: WrongPasswords) -> None:
    for _ in range(10 * MAX_OF_NETWORK):
        table.record(OFFICE, "ana", "")
    assert table.seconds_left(OFFICE, "ana", "") > 0
    assert table.seconds_left(OFFICE, "ana", "a mark of hers") == 0


def test_a_known_browser_has_a_limit_of_its_own(table: WrongPasswords) -> None:
    for _ in range(MAX_OF_NAME):
        table.record(HOME, "ana", "a stolen mark")
    assert table.seconds_left(HOME, "ana", "a stolen mark") > 0
    assert table.seconds_left(HOME, "ana", "her other mark") == 0
    assert table.seconds_left(HOME, "ana", "") == 0


def test_a_mark_is_of_one_name_and_cannot_be_made_by_others(keys: Keys) -> None:
    mark = new_mark(keys, "ana@shop.test")
    assert find_mark(keys, mark, " ANA@shop.test")
    others = Keys(1, {1: b"o" * 32})
    for cookie, email in ((mark, "bo@shop.test"), (mark + "0", "ana@shop.test"), ("", "ana@shop.test")):
        assert find_mark(keys, cookie, email) == ""
    assert find_mark(others, mark, "ana@shop.test") == ""


def test_marks_stay_valid_when_keys_are_rotated(keys: Keys) -> None:
    rotated = Keys(200, {**keys.secrets, 200: b"n" * 32})
    assert find_mark(rotated, new_mark(keys, "ana@shop.test"), "ana@shop.test")
