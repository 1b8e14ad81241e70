"""Verdicts: whether a human or a bot made a click. Pure: the caller passes in everything.

Every reason has a weight: the probability that a bot made a click with only this reason. Independent reasons
combine as a noisy or, 1 - (1-a)(1-b)...; the result is the click's score. We chose the weights.
docs/explanation/human-and-bot-clicks.md explains why, and shows their results on a set of labelled clicks.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from math import prod

from salepixel.clicks.tokens import Click, Signal, Verdict

WEIGHTS = {
    # A browser never does this when a person follows a link.
    "head_request": 0.99,
    "prefetch": 0.99,
    "unrendered_tag": 0.95,
    "no_agent": 0.95,
    "known_agent": 0.95,
    "gateway_network": 0.95,
    # A browser hardly ever does this, but a proxy or privacy extension may.
    "fetch_missing": 0.6,
    "old_agent": 0.5,
    "likely_gateway_network": 0.5,
    # A person hardly ever does this.
    "burst_of_links": 0.8,
    "quick_links": 0.4,
    "soon_after_sending": 0.25,
}
"""The reasons that point to a bot, each with its weight."""

BOT_FROM = 0.6
"""A click with this score or more is a bot click."""

UNKNOWN_FROM = 0.3
"""A click with this score or more, but below BOT_FROM, is unknown. Below it, the click is human."""

BOUGHT = "bought"
"""The reason of a click that a paid order made human: bots do not buy."""

LINKS_WINDOW = timedelta(seconds=10)
"""Clicks that are further apart do not affect each other's verdicts."""

SOON_AFTER_SENDING = timedelta(seconds=10)
"""People need longer than this to receive, open and read an e-mail; gateways check it on delivery."""

FINAL_AFTER = timedelta(minutes=10)
"""The age at which a click's verdict is final: by then, all edges have shipped the clicks around it."""

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

# (different links of one e-mail, milliseconds). Nobody reads that fast, but people do open three products in
# tabs, one after the other.
_BURST = ((3, 2_000), (5, 10_000))
_QUICK = ((2, 1_000), (3, 10_000))


AsStored = tuple[str, str, float]
"""Verdict, reasons and score, as stored in a row."""


@dataclass(frozen=True)
class JudgedClick:
    """A verdict, the names of its reasons, and the score: 0.0 human, 1.0 bot."""

    verdict: Verdict
    reasons: tuple[str, ...]
    score: float

    @cached_property
    def as_stored(self) -> AsStored:
        """Cached, because thousands of clicks of a fold have few different results."""
        return str(self.verdict), " ".join(self.reasons), self.score


def judge(clicks: Sequence[tuple[Click, Signal]], sent_at: datetime | None = None) -> list[JudgedClick]:
    """Judge the clicks (at least one) of ONE contact on ONE campaign, sorted by time; one result per click.

    `sent_at`: when sending of the campaign began, if known. Judge clicks without a contact one by one:
    clicks of different people are not a burst.
    """
    at_once = _links_at_once(clicks) if len(clicks) > 1 else [()]
    return [
        weigh(signals, company + _soon(click, sent_at))
        for (click, signals), company in zip(clicks, at_once, strict=True)
    ]


@cache
def weigh(signals: int, company: tuple[str, ...] = ()) -> JudgedClick:
    """Judge a click by its own signals and by reasons from other clicks (`company`)."""
    reasons = (*(name for signal, name in _BY_SIGNAL.items() if signals & signal), *company)
    score = round(1 - prod(1 - WEIGHTS[name] for name in reasons), 4)
    if score >= BOT_FROM:
        return JudgedClick(Verdict.BOT, reasons, score)
    return JudgedClick(Verdict.UNKNOWN if score >= UNKNOWN_FROM else Verdict.HUMAN, reasons, score)


def cleared(judged: JudgedClick) -> JudgedClick:
    """The same click, human because a paid order carries its token; its earlier reasons stay."""
    if judged.verdict is Verdict.HUMAN:
        return judged
    return JudgedClick(Verdict.HUMAN, (*judged.reasons, BOUGHT), 0.0)


def _soon(click: Click, sent_at: datetime | None) -> tuple[str, ...]:
    # Not for clicks before sending: the sender tests the links.
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
        # A sliding window, linear in the clicks: a bot may follow links thousands of times in seconds.
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
