"""One small world over HTTP, from the click to the score."""

from pathlib import Path

import pytest

import truth.__main__ as run
from kit.stack import Stack

pytestmark = [pytest.mark.long, pytest.mark.slow]  # it measures: a world of 80 contacts on a whole stack


def test_a_world_is_played_over_http_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "CONTACTS", 80)
    with Stack(tmp_path / "data", api_key="sp_truth_of_the_world") as stack:
        results, kept = run.play_all(stack, [1])
    assert kept == [], "nothing is stored of who opted out"
    report = run.summarise(results, 1)
    overall = report["overall"]
    assert overall["orders"] == len(results) > 30
    assert {
        "precision",
        "recall",
        "baseline_cross_site_recall",
        "baseline_same_site_recall",
        "calibration_error",
        "seeds",
    } <= set(overall)
    # Far below what is measured over many worlds: this one is small.
    assert overall["precision"] > 0.8
    assert overall["recall"] > 0.75
    assert overall["recall"] > overall["baseline_same_site_recall"] > overall["baseline_cross_site_recall"]
    assert "| overall |" in run.table(results, report)
    assert run.goals_missed(results, report | {"overall": overall | {"precision": 0.5}})[0] == (
        "precision 0.500, goal 0.97"
    )
