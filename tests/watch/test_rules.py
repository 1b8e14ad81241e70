"""When an alert begins, and when it is over."""

import re

import pytest

from salepixel.watch.rules import Counts, Kind, are_silent, changes, has_dropped
from salepixel.watch.texts import BODIES, OVER, SUBJECTS, TEST, TITLES, write
from salepixel.watch.watcher import journal_problem


@pytest.mark.parametrize(
    ("earlier", "silent"),
    [
        ([], False),
        ([50], False),
        ([0, 0, 0, 0], False),
        ([12, 12, 12, 12], True),
        ([0, 12, 30, 15], True),
        ([11, 12, 40, 11], False),
        ([0, 0, 90, 90], False),
        ([5000, 11, 11, 11], False),
    ],
)
def test_webhooks_are_silent_against_the_habit_of_the_hour(earlier: list[int], silent: bool) -> None:
    assert are_silent(earlier) is silent


HABIT = Counts(orders=2800, credited=560, clicks=28_000, days=28)


@pytest.mark.parametrize(
    ("now", "habit", "dropped"),
    [
        (Counts(200, 40, 2000, 2), HABIT, False),
        (Counts(200, 0, 2000, 2), HABIT, True),
        (Counts(200, 15, 2000, 2), HABIT, True),
        (Counts(200, 21, 2000, 2), HABIT, False),
        (Counts(200, 0, 0, 2), HABIT, False),
        (Counts(200, 0, 999, 2), HABIT, False),
        (Counts(200, 0, 1000, 2), HABIT, True),
        (Counts(19, 0, 2000, 2), HABIT, False),
        (Counts(20, 0, 2000, 2), HABIT, False),
        (Counts(200, 0, 2000, 2), Counts(19, 19, 28_000, 28), False),
        (Counts(200, 0, 2000, 2), Counts(2800, 0, 28_000, 28), False),
        (Counts(20, 0, 2000, 2), Counts(2800, 2800, 28_000, 28), True),
        (Counts(0, 0, 0, 2), Counts(0, 0, 0, 28), False),
    ],
)
def test_evidence_has_dropped_if_people_click_as_usual(now: Counts, habit: Counts, dropped: bool) -> None:
    assert has_dropped(now, habit) is dropped


@pytest.mark.parametrize(
    ("known", "found", "asked", "begun", "ended"),
    [
        ([], [], ["disk"], set(), set()),
        ([], ["disk"], ["disk"], {"disk"}, set()),
        (["disk"], ["disk"], ["disk"], set(), set()),
        (["disk"], [], ["disk"], set(), {"disk"}),
        (["canary"], [], ["disk"], set(), set()),
        (["canary"], ["disk"], ["canary", "disk"], {"disk"}, {"canary"}),
    ],
)
def test_an_alert_begins_once_and_ends_when_its_cause_was_looked_at(
    known: list[str], found: list[str], asked: list[str], begun: set[str], ended: set[str]
) -> None:
    assert changes(known, found, asked) == (begun, ended)


@pytest.mark.parametrize(
    ("health", "problem"),
    [
        (None, ""),
        ({}, ""),
        ({"journals": [], "disk": "ok", "lag_seconds": 600}, ""),
        ({"journals": [], "disk": "refuses", "lag_seconds": 0}, "disk refuses"),
        ({"journals": [], "disk": "ok", "lag_seconds": 601.5}, "lag_seconds 601"),
    ],
)
def test_a_journal_is_judged_by_the_edges_health(health: dict[str, object] | None, problem: str) -> None:
    assert journal_problem(health) == problem


@pytest.mark.parametrize("texts", [SUBJECTS, TITLES, BODIES])
def test_both_languages_have_the_same_texts(texts: dict[str, dict[str, str]]) -> None:
    assert texts["en"].keys() == texts["es"].keys()
    for name, text in texts["en"].items():
        assert re.findall(r"%\(\w+\)s", text) == re.findall(r"%\(\w+\)s", texts["es"][name]), name
    assert set(TITLES["en"]) == set(BODIES["en"]) == set(Kind)
    assert TEST.keys() == OVER.keys() == {"en", "es"}


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("phase", ["begin", "end", "test"])
def test_every_message_is_written(language: str, phase: str) -> None:
    for kind in Kind:
        subject, body = write(
            language, phase, kind if phase != "test" else "", "Shoes 7", "5%", "2026-11-28 12:00"
        )
        assert "Shoes 7" in subject
        assert "%(" not in subject + body
