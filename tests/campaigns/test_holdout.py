"""The random assignment is permanent, and the lift says what it cannot know."""

import random

import pytest

from salepixel.campaigns.holdout import Arm, draw_lot, is_held_out, lift

SECRET = bytes(range(32))


def test_the_random_assignment_is_stable_and_independent_for_each_campaign() -> None:
    out = {f"c{n}" for n in range(20_000) if is_held_out(draw_lot(SECRET, "first", f"c{n}"), 10)}
    assert 1850 < len(out) < 2150
    assert sorted(out, key=lambda contact: int(contact[1:]))[:5] == ["c13", "c30", "c38", "c54", "c55"]
    again = {contact for contact in out if is_held_out(draw_lot(SECRET, "second", contact), 10)}
    assert 130 < len(again) < 270
    assert all(is_held_out(draw_lot(SECRET, "first", contact), 30) for contact in out), (
        "more percent keep who was out"
    )
    assert not any(is_held_out(draw_lot(SECRET, "first", f"c{n}"), 0) for n in range(1000))


@pytest.mark.parametrize(
    ("mailed", "held_out", "low", "high"),
    [
        # Newcombe 1998, table II, method 10.
        (Arm(70, 56), Arm(80, 48), 0.0524, 0.3339),
        (Arm(10, 9), Arm(10, 3), 0.1705, 0.8090),
        (Arm(56, 5), Arm(29, 0), -0.0381, 0.1926),
        (Arm(10, 10), Arm(10, 0), 0.6075, 1.0),
    ],
)
def test_the_interval_matches_published_examples(mailed: Arm, held_out: Arm, low: float, high: float) -> None:
    found = lift(mailed, held_out)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_the_needed_number_of_recipients_is_computed() -> None:
    found = lift(Arm(1000, 22), Arm(1000, 20))
    assert found is not None
    assert not found.is_clear
    # 2 x 16 x 0.021 x 0.979 / 0.002^2
    assert found.needed == pytest.approx(2 * 82_236, abs=2)
    # Nine in ten are mailed: 1 / 0.1 + 1 / 0.9 in place of 1 / 0.5 + 1 / 0.5.
    uneven = lift(Arm(9000, 198), Arm(1000, 20))
    assert uneven is not None
    assert uneven.needed == pytest.approx(82_236 / 2 * (10 + 10 / 9), abs=2)
    same = lift(Arm(10, 1), Arm(10, 1))
    assert same is not None
    assert (same.difference, same.needed) == (0, None)
    assert lift(Arm(0, 0), Arm(10, 1)) is None


def test_the_interval_contains_the_truth_in_nineteen_of_twenty_worlds() -> None:
    chance = random.Random(3)  # noqa: S311  # a test, no secret
    true, held = 0.03, 0
    for _ in range(600):
        mailed = Arm(1500, sum(chance.random() < 0.05 for _ in range(1500)))
        left = Arm(500, sum(chance.random() < 0.02 for _ in range(500)))
        found = lift(mailed, left)
        assert found is not None
        held += found.low <= true <= found.high
    assert 0.92 < held / 600 < 0.98
