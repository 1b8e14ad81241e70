"""Humans and bots: the kind of request, and how fast the clicks follow each other."""

import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.clicks.tokens import Click, Signal, Verdict
from salepixel.clicks.verdicts import (
    BOT_FROM,
    BOUGHT,
    LINKS_WINDOW,
    UNKNOWN_FROM,
    WEIGHTS,
    cleared,
    judge,
    weigh,
)
from tests.make import NOON, click_at

H, B, U = Verdict.HUMAN, Verdict.BOT, Verdict.UNKNOWN
NOON_CLICK = click_at(NOON)


def clicks(*seconds_and_links: tuple[float, int]) -> list[tuple[Click, Signal]]:
    return [
        (click_at(NOON + timedelta(seconds=second), link=f"{link:012x}", serial=index), Signal(0))
        for index, (second, link) in enumerate(seconds_and_links)
    ]


@pytest.mark.parametrize(
    ("signal", "reason", "verdict"),
    [
        (Signal.HEAD, "head_request", B),
        (Signal.PREFETCH, "prefetch", B),
        (Signal.UNRENDERED, "unrendered_tag", B),
        (Signal.NO_AGENT, "no_agent", B),
        (Signal.KNOWN_AGENT, "known_agent", B),
        (Signal.GATEWAY, "gateway_network", B),
        (Signal.FETCH_MISSING, "fetch_missing", B),
        (Signal.OLD_AGENT, "old_agent", U),
        (Signal.GATEWAY_LIKELY, "likely_gateway_network", U),
    ],
)
def test_some_signals_decide_the_verdict_alone(signal: Signal, reason: str, verdict: Verdict) -> None:
    (judged,) = judge([(click_at(NOON), signal)])
    assert (judged.verdict, judged.reasons, judged.score) == (verdict, (reason,), WEIGHTS[reason])


@pytest.mark.parametrize("signal", [Signal(0), Signal.PRIVACY, Signal.NO_FETCH])
def test_human_behaviour_is_not_judged_as_a_bot(signal: Signal) -> None:
    (judged,) = judge([(click_at(NOON), signal)])
    assert (judged.verdict, judged.reasons, judged.score) == (H, (), 0.0)


@pytest.mark.parametrize(
    ("some", "verdicts"),
    [
        (clicks((0, 1), (1, 2), (2, 3)), [B] * 3),
        (clicks((0, 1), (1, 2), (2.001, 3)), [U] * 3),
        (clicks((0, 1), (5, 2), (10, 3)), [U] * 3),
        (clicks((0, 1), (5, 2), (10.001, 3)), [H] * 3),
        (clicks((0, 1), (3, 2), (5, 3), (8, 4), (10, 5)), [B] * 5),
        (clicks((0, 1), (3, 2), (5, 3), (8, 4), (10.001, 5)), [U] * 5),
        (clicks((0, 1), (1, 2)), [U] * 2),
        (clicks((0, 1), (1.001, 2)), [H] * 2),
        (clicks((0, 1), (0.2, 1)), [H] * 2),
        (clicks((0, 1), (1, 1), (2, 1), (3, 1), (4, 1)), [H] * 5),
        (clicks((0, 1), (1, 2), (2, 3), (3600, 1)), [B, B, B, H]),
        (clicks((0, 1), (20, 2), (21, 3), (22, 4)), [H, B, B, B]),
    ],
)
def test_many_links_at_once_are_bot_clicks(some: list[tuple[Click, Signal]], verdicts: list[Verdict]) -> None:
    assert [judged.verdict for judged in judge(some)] == verdicts


@pytest.mark.parametrize(("seconds", "score"), [(-1, 0.0), (0, 0.25), (9.999, 0.25), (10, 0.0), (3600, 0.0)])
def test_a_click_within_seconds_of_sending_is_weak_evidence(seconds: float, score: float) -> None:
    (judged,) = judge([(click_at(NOON + timedelta(seconds=seconds)), Signal(0))], NOON)
    assert (judged.verdict, judged.score) == (H, score)


@pytest.mark.parametrize(
    ("signals", "company", "verdict"),
    [
        (Signal.GATEWAY_LIKELY, ("soon_after_sending",), B),
        (Signal.GATEWAY_LIKELY, ("quick_links",), B),
        (Signal.GATEWAY_LIKELY | Signal.OLD_AGENT, (), B),
        (Signal.OLD_AGENT, ("soon_after_sending",), B),
        (Signal(0), ("quick_links", "soon_after_sending"), U),
    ],
)
def test_weak_reasons_add_up(signals: Signal, company: tuple[str, ...], verdict: Verdict) -> None:
    assert weigh(signals, company).verdict is verdict


def test_a_purchase_clears_a_click_and_keeps_its_bot_reasons() -> None:
    scanner_like = weigh(Signal.FETCH_MISSING)
    assert (cleared(scanner_like).verdict, cleared(scanner_like).score) == (H, 0.0)
    assert cleared(scanner_like).reasons == ("fetch_missing", BOUGHT)
    assert cleared(cleared(scanner_like)) == cleared(scanner_like)
    assert cleared(weigh(Signal(0))) == weigh(Signal(0))


SIGNALS = st.builds(Signal, st.integers(0, 2 * int(max(Signal)) - 1))


@given(SIGNALS, SIGNALS, st.sets(st.sampled_from(["burst_of_links", "soon_after_sending"])))
def test_more_evidence_never_lowers_the_score(some: Signal, more: Signal, company: set[str]) -> None:
    few, many = weigh(some), weigh(some | more, tuple(sorted(company)))
    assert 0.0 <= few.score <= many.score <= 1.0
    assert (few.score >= BOT_FROM) == (few.verdict is B)
    assert (few.score < UNKNOWN_FROM) == (few.verdict is H)
    assert set(few.reasons) <= set(many.reasons) <= set(WEIGHTS)


STEPS = st.lists(st.tuples(st.integers(0, 12_000), st.integers(1, 6)), min_size=1, max_size=12)


@given(STEPS, st.integers(0, 11))
def test_only_neighbouring_clicks_affect_a_verdict(steps: list[tuple[int, int]], at: int) -> None:
    at_seconds, seconds = [], 0.0
    for milliseconds, link in steps:
        seconds += milliseconds / 1000
        at_seconds.append((seconds, link))
    everything = clicks(*at_seconds)
    chosen = everything[at % len(everything)]
    near = [pair for pair in everything if abs(pair[0].clicked_at - chosen[0].clicked_at) <= LINKS_WINDOW]
    assert judge(near)[near.index(chosen)] == judge(everything)[everything.index(chosen)]


def test_thousands_of_clicks_of_one_contact_are_judged_quickly() -> None:
    """The time grows linearly with their number. Quadratic growth took minutes."""
    flood = [(NOON_CLICK._replace(id=(at // 2).to_bytes(6) + bytes(10)), Signal(0)) for at in range(20_000)]
    begun = time.process_time()
    judge(flood)
    assert time.process_time() - begun < 5
