"""People and machines: what a request was, and how fast somebody clicked."""

from datetime import timedelta

import pytest

from salepixel.clicks import Click, Signal, Verdict
from salepixel.verdicts import judge
from tests.make import NOON, click_at


def clicks(*seconds_and_links: tuple[float, int]) -> list[tuple[Click, Signal]]:
    return [
        (click_at(NOON + timedelta(seconds=second), link=f"{link:012x}", serial=index), Signal(0))
        for index, (second, link) in enumerate(seconds_and_links)
    ]


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        (Signal.HEAD, "head_request"),
        (Signal.PREFETCH, "prefetch"),
        (Signal.UNRENDERED, "unrendered_tag"),
        (Signal.NO_AGENT, "no_agent"),
        (Signal.KNOWN_AGENT, "known_agent"),
    ],
)
def test_a_request_that_no_person_makes_is_a_machines(signal: Signal, reason: str) -> None:
    (judged,) = judge([(click_at(NOON), signal)])
    assert (judged.verdict, judged.reasons) == (Verdict.MACHINE, (reason,))


def test_asking_for_privacy_makes_nobody_a_machine() -> None:
    assert judge([(click_at(NOON), Signal.PRIVACY)])[0].verdict is Verdict.HUMAN


@pytest.mark.parametrize(
    ("some", "machines"),
    [
        (clicks((0, 1), (1, 2), (2, 3)), [True] * 3),
        (clicks((0, 1), (5, 2), (10, 3)), [True] * 3),
        (clicks((0, 1), (5, 2), (10.01, 3)), [False] * 3),
        (clicks((0, 1), (1, 1), (2, 1), (3, 1)), [False] * 4),
        (clicks((0, 1), (1, 2)), [False] * 2),
        (clicks((0, 1), (1, 2), (2, 3), (3600, 1)), [True, True, True, False]),
        (clicks((0, 1), (8, 2), (16, 3), (17, 4)), [False, True, True, True]),
    ],
)
def test_many_links_at_once_are_a_machines(some: list[tuple[Click, Signal]], machines: list[bool]) -> None:
    assert [judged.verdict is Verdict.MACHINE for judged in judge(some)] == machines
