"""Verdicts: which clicks are human and which are bots'. Pure: the store passes in all it knows.

Every reason has a weight: the probability that a bot made a click, when nothing else is known about it.
Independent reasons add up as in a noisy or, 1 - (1-a)(1-b)...; the result is the click's score. The
weights are ours. Where they come from, and what they do to a set of labelled clicks, stands in
docs/explanation/human-and-bot-clicks.md.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from math import prod

from salepixel.clicks.tokens import Click, Signal, Verdict

WEIGHTS = {
    # What no person's browser does when its owner follows a link.
    "head_request": 0.99,
    "prefetch": 0.99,
    "unrendered_tag": 0.95,
    "no_agent": 0.95,
    "known_agent": 0.95,
    "gateway_network": 0.95,
    # What browsers hardly ever do, but proxies and privacy extensions can.
    "fetch_missing": 0.6,
    "old_agent": 0.5,
    "likely_gateway_network": 0.5,
    # What people hardly ever do.
    "burst_of_links": 0.8,
    "quick_links": 0.4,
    "soon_after_sending": 0.25,
}
"""The reasons that point to a bot, each with its weight."""

BOT_FROM = 0.6
"""A click with this score or more is a bot click."""

UNKNOWN_FROM = 0.3
"""A score from which we do not know. Below it the click is a person's."""

BOUGHT = "bought"
"""The reason of a click that a paid order has cleared: bots do not buy."""

LINKS_WINDOW = timedelta(seconds=10)
"""Clicks further apart than this do not bear on each other."""

SOON_AFTER_SENDING = timedelta(seconds=10)
"""A mail takes seconds to be delivered, opened and read, and gateways look into it before all that."""

FINAL_AFTER = timedelta(minutes=10)
"""A click's age at which its verdict is final: all edges have shipped by then what they saw around it."""

_BY_SIGNAL = {
    Signal.HEAD: "head_request",
    Signal.PREFETCH: "prefetch",
    Signal.UNRENDERED: "unrendered_tag",
    Signal.NO_AGENT: "no_agent",
    Signal.KNOWN_AGENT: "known_agent",
    Signal.GATEWAY: "gateway_network",
    Signal.FETCH_MISSING: "fetch_missing",
    Signal.OLD_AGENT: "old_agent",
    Signal.GATEWAY_LIKELY: "likely_gateway_network",
}

# So many different links of one mail within so many milliseconds. Nobody reads that fast; but people do
# open three products in tabs, one after the other.
_BURST = ((3, 2_000), (5, 10_000))
_QUICK = ((2, 1_000), (3, 10_000))


@dataclass(frozen=True, slots=True)
class JudgedClick:
    """A verdict, the names of its reasons, and the score: 0.0 human, 1.0 bot."""

    verdict: Verdict
    reasons: tuple[str, ...]
    score: float


def judge(clicks: Sequence[tuple[Click, Signal]], sent_at: datetime | None = None) -> list[JudgedClick]:
    """Judge the clicks, one or more, of ONE contact on ONE campaign, sorted by time; one result per click.

    `sent_at`: when the campaign's mails began to go out, if that is known. Clicks of unknown contacts must
    be judged one by one: strangers are no burst.
    """
    at_once = _links_at_once(clicks) if len(clicks) > 1 else [()]
    return [
        weigh(signals, company + _soon(click, sent_at))
        for (click, signals), company in zip(clicks, at_once, strict=True)
    ]


@cache
def weigh(signals: int, company: tuple[str, ...] = ()) -> JudgedClick:
    """Judge by what the edge and the fold saw of a request, and by reasons that lie in other clicks."""
    reasons = (*(name for signal, name in _BY_SIGNAL.items() if signals & signal), *company)
    score = round(1 - prod(1 - WEIGHTS[name] for name in reasons), 4)
    if score >= BOT_FROM:
        return JudgedClick(Verdict.BOT, reasons, score)
    return JudgedClick(Verdict.UNKNOWN if score >= UNKNOWN_FROM else Verdict.HUMAN, reasons, score)


def cleared(judged: JudgedClick) -> JudgedClick:
    """The same click when a paid order carries its token: a person's, with all that spoke against it."""
    if judged.verdict is Verdict.HUMAN:
        return judged
    return JudgedClick(Verdict.HUMAN, (*judged.reasons, BOUGHT), 0.0)


def _soon(click: Click, sent_at: datetime | None) -> tuple[str, ...]:
    # Not before it: the sender tries the links.
    if sent_at is not None and timedelta(0) <= click.clicked_at - sent_at < SOON_AFTER_SENDING:
        return ("soon_after_sending",)
    return ()


def _links_at_once(clicks: Sequence[tuple[Click, Signal]]) -> list[tuple[str, ...]]:
    burst, quick = _at_once(clicks, _BURST), _at_once(clicks, _QUICK)
    return [
        ("burst_of_links",) if index in burst else ("quick_links",) if index in quick else ()
        for index in range(len(clicks))
    ]


def _at_once(clicks: Sequence[tuple[Click, Signal]], rules: Sequence[tuple[int, int]]) -> set[int]:
    times = [click.clicked_ms for click, _ in clicks]
    found: set[int] = set()
    for links, window in rules:
        # A window that moves on: a program may follow one contact's links thousands of times in seconds.
        inside: Counter[str] = Counter()
        end = marked = 0
        for start, (first, _) in enumerate(clicks):
            while end < len(clicks) and times[end] <= times[start] + window:
                inside[clicks[end][0].link] += 1
                end += 1
            if len(inside) >= links:
                found.update(range(max(start, marked), end))
                marked = end
            inside[first.link] -= 1
            if not inside[first.link]:
                del inside[first.link]
    return found
