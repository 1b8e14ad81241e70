"""The arithmetic of the score, by hand."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from truth import score
from truth.browsers import BROWSERS
from truth.play import Answer
from truth.score import Result
from truth.world import Click, Order, Truth

CHROME = next(browser for browser in BROWSERS if browser.name == "chrome")
SAFARI = next(browser for browser in BROWSERS if browser.name == "safari")
BLOCKER = next(browser for browser in BROWSERS if browser.name == "list_blocker")
CLICK = Click(1.0, "ana", "ana", 1, 0, "home")
EARNED = Truth(CLICK, 1, "ana")
RIGHT = Answer(1, "ana", "id", 0.9, "token")


def order(**changes: Any) -> Order:
    values: dict[str, Any] = {
        "at": 2.0,
        "number": "1",
        "who": "ana",
        "email": "ana@example.com",
        "customer": None,
        "device": "home",
        "browser": CHROME,
        "cookies": True,
        "privacy": False,
        "passes_token": True,
        "thanks_seen": True,
        "code": None,
        "paid": True,
        "refunded": False,
        "amount": Decimal(10),
        "truth": EARNED,
        "last": CLICK,
    }
    return Order(**(values | changes))


def result(answer: Answer = RIGHT, click: str | None = "id", seed: int = 1, **changes: Any) -> Result:
    return Result(seed, order(**changes), answer, click, "code click")


FORWARDED = Truth(CLICK, 1, None)
BY_CODE = Truth(CLICK, 1, "ana", code_used=True)


@pytest.mark.parametrize(
    ("truth", "answer", "levels"),
    [
        (EARNED, RIGHT, {"click", "contact", "campaign"}),
        (EARNED, replace(RIGHT, click="other"), {"contact", "campaign"}),
        (EARNED, replace(RIGHT, contact="bo"), {"click", "campaign"}),
        (EARNED, replace(RIGHT, campaign=2, click="other"), {"contact"}),
        (EARNED, Answer(), set()),
        (Truth(), RIGHT, set()),
        (Truth(), Answer(), set()),
        (FORWARDED, replace(RIGHT, contact=None), {"click", "contact", "campaign"}),
        (BY_CODE, Answer(0, "ana", None, 0.95), {"click", "contact", "campaign"}),
        (BY_CODE, Answer(0, "ana", "code click", 0.95), {"click", "contact", "campaign"}),
        (BY_CODE, Answer(0, "ana", "other", 0.95), {"contact", "campaign"}),
        (EARNED, Answer(0, "ana", None, 0.95), {"contact"}),
    ],
)
def test_an_answer_is_scored_separately_at_each_level(truth: Truth, answer: Answer, levels: set[str]) -> None:
    one = result(answer, truth=truth)
    assert {level for level in ("click", "contact", "campaign") if one.is_right(level)} == levels


def test_a_wrong_credit_lowers_precision_and_recall_and_a_missed_one_only_recall() -> None:
    wrong = result(replace(RIGHT, click="other"), amount=Decimal(30))
    false = result(truth=Truth(), amount=Decimal(20))
    missed = result(Answer(), amount=Decimal(40))
    some = [result(), wrong, false, missed]
    assert score.precision(some) == pytest.approx(1 / 3)
    assert score.recall(some) == pytest.approx(1 / 3)
    assert score.precision(some, weight=score.by_revenue) == pytest.approx(10 / 60)
    assert score.recall(some, weight=score.by_revenue) == pytest.approx(10 / 80)


def test_an_answer_without_a_contact_is_not_wrong_about_it() -> None:
    nobody = result(replace(RIGHT, contact=None))
    assert score.precision([result(), nobody], "contact") == 1
    assert score.recall([result(), nobody], "contact") == 0.5


@pytest.mark.parametrize(
    ("changes", "cross_site", "same_site"),
    [
        ({}, 1, 1),
        ({"browser": SAFARI}, 0, 1),
        ({"browser": BLOCKER}, 0, 0),
        ({"device": "phone"}, 0, 0),
        ({"cookies": False}, 0, 0),
        ({"thanks_seen": False}, 0, 0),
        ({"last": replace(CLICK, campaign=2)}, 0, 0),
        ({"last": replace(CLICK, campaign=2, device="phone")}, 1, 1),
    ],
)
def test_a_pixel_has_the_newest_cookie_of_its_own_browser(
    changes: dict[str, Any], cross_site: float, same_site: float
) -> None:
    one = result(**changes)
    assert (score.cross_site_recall([one]), score.same_site_recall([one])) == (cross_site, same_site)


def test_the_calibration_error_weights_the_gap_of_each_bin_by_its_size() -> None:
    sure = [result(replace(RIGHT, confidence=0.95)) for _ in range(3)]
    sure.append(result(replace(RIGHT, confidence=0.95, click="other")))
    unsure = [result(replace(RIGHT, confidence=0.65))]
    # |3.8 - 3| of four, |0.65 - 1| of one
    assert score.calibration_error([*sure, *unsure]) == pytest.approx((0.8 + 0.35) / 5)
    assert score.brier(unsure) == pytest.approx(0.35**2)


def test_an_interval_contains_the_figure_and_is_repeatable() -> None:
    some = [
        result(RIGHT if (seed + n) % 3 else Answer(), seed=seed)
        for seed in range(20)
        for n in range(seed + 5)
    ]
    low, high = score.interval(some, score.recall)
    assert low < score.recall(some) < high
    assert score.interval(some, score.recall) == (low, high)
