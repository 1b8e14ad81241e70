"""Verdicts: which clicks were made by people. Pure; the fold calls it with all it knows of a contact."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

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
    bursting = _bursting([click for click, _ in clicks]) if len(clicks) >= BURST_LINKS else ()
    results = []
    for index, (_, signals) in enumerate(clicks):
        reasons = _certain_reasons(int(signals))
        if index in bursting:
            reasons = (*reasons, "burst_of_links")
        results.append(Judged(Verdict.MACHINE if reasons else Verdict.HUMAN, reasons))
    return results


@cache
def _certain_reasons(signals: int) -> tuple[str, ...]:
    return tuple(name for signal, name in _CERTAIN.items() if signals & signal)


def _bursting(clicks: Sequence[Click]) -> set[int]:
    times = [click.clicked_at for click in clicks]
    found: set[int] = set()
    for start, begun in enumerate(times):
        end = bisect_left(times, begun + BURST_WINDOW + timedelta(microseconds=1), start)
        if len({click.link for click in clicks[start:end]}) >= BURST_LINKS:
            found.update(range(start, end))
    return found
