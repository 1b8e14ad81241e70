"""Verdicts: which clicks were made by people. Pure; the fold calls it with all it knows of a contact."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from salepixel.clicks import Click, Signal, Verdict

BURST_LINKS = 3
BURST_WINDOW = timedelta(seconds=10)
"""So many different links of one e-mail within this time: nobody reads that fast, scanners do."""

_CERTAIN = {
    Signal.HEAD: "head_request",
    Signal.PREFETCH: "prefetch",
    Signal.UNRENDERED: "unrendered_tag",
    Signal.NO_AGENT: "no_agent",
    Signal.KNOWN_AGENT: "known_agent",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with the names of its reasons, none for a click that looks like a person's."""

    verdict: Verdict
    reasons: tuple[str, ...]


def judge(clicks: Sequence[tuple[Click, Signal]]) -> list[Judged]:
    """Judge the clicks of ONE contact on ONE campaign, sorted by time; one result per click.

    A click is a machine's by what its request was, or by a burst of BURST_LINKS different links within
    BURST_WINDOW around it. Clicks of unknown contacts must be judged one by one: strangers are no burst.
    """
    times = [click.clicked_at for click, _ in clicks]
    bursting: set[int] = set()
    for start, begun in enumerate(times):
        end = bisect_left(times, begun + BURST_WINDOW + timedelta(microseconds=1), start)
        if len({click.link for click, _ in clicks[start:end]}) >= BURST_LINKS:
            bursting.update(range(start, end))
    results = []
    for index, (_, signals) in enumerate(clicks):
        reasons = [name for signal, name in _CERTAIN.items() if signals & signal]
        if index in bursting:
            reasons.append("burst_of_links")
        results.append(Judged(Verdict.MACHINE if reasons else Verdict.HUMAN, tuple(reasons)))
    return results
