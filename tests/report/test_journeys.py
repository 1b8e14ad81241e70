"""Journeys, and the models that look at all of them together."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from itertools import combinations, pairwise
from math import factorial
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salepixel.accounts.policy import Model, Policy
from salepixel.report.journeys import (
    AN_ORDER,
    MARKOV,
    MAX_CAMPAIGNS,
    MIN_ORDERS,
    SHAPLEY,
    Journey,
    Paths,
    Purchase,
    Tally,
    Touch,
    intervals,
    journeys_of,
    markov_shares,
    shapley_shares,
    tally,
)
from tests.examples import costly
from tests.make import NOON

ORACLE = json.loads((Path(__file__).parents[1] / "data" / "models" / "oracle.json").read_text())
DAY = timedelta(days=1)
WEEK = 7 * DAY
EACH_A_WEEK: Mapping[str, timedelta] = {}
PATHS = st.lists(st.tuples(st.text("abcd", min_size=1, max_size=5), st.booleans()), min_size=1, max_size=30)


def touch(days: float, campaign: str = "a") -> Touch:
    """A click this many days before noon."""
    at = NOON - days * DAY
    return Touch(at.isoformat().encode() + campaign.encode(), at, campaign)


def purchase(days: float = 0, net: int = 1000, credited: Touch | None = None) -> Purchase:
    return Purchase(NOON - days * DAY, "EUR", net, credited or touch(days + 0.1))


def counted(reported: Iterable[tuple[str, bool]]) -> Paths:
    """Contacts with one journey each: ("ab", True) clicked a, then b, and bought."""
    found = Paths()
    for campaigns, bought in reported:
        found.add(campaigns, is_bought=bought)
    return found


def reported(paths: Iterable[tuple[Sequence[str], int, int]]) -> Paths:
    """Journeys of (campaigns, contacts that bought, contacts that did not)."""
    found = Paths()
    for path, orders, nothing in paths:
        for bought, number in ((True, orders), (False, nothing)):
            if number:
                found.add(path, is_bought=bought, times=number)
    return found


def in_groups(paths: Iterable[tuple[str, int, int]]) -> dict[int, Paths]:
    """The same, divided into the groups of the bootstrap."""
    found: dict[int, Paths] = {}
    for path, orders, nothing in paths:
        for number in range(orders + nothing):
            group = found.setdefault(crc32(f"{path}{number}".encode()) % 200, Paths())
            group.add(path, is_bought=number < orders)
    return found


def contact(path: str, net: int | None) -> list[Journey]:
    touches = tuple(touch(len(path) - i, campaign) for i, campaign in enumerate(path))
    return [Journey(touches, None if net is None else purchase(0, net, touches[-1]))]


def found_for(
    touches: list[Touch], purchases: list[Purchase], windows: Mapping[str, timedelta] = EACH_A_WEEK
) -> list[tuple[list[Touch], bool]]:
    """Journeys in the 30 days before noon and the day after it, with a window of a week or the campaign's."""
    policy = Policy(window=WEEK, windows=windows)
    found = journeys_of(touches, purchases, NOON - 30 * DAY, NOON + DAY, policy)
    return [(list(journey.touches), journey.purchase is not None) for journey in found]


def test_an_order_has_the_clicks_of_its_window_and_the_others_have_no_order() -> None:
    old, early, late = touch(20), touch(6, "b"), touch(1)
    assert found_for([old, early, late], [purchase(0, credited=late)]) == [
        ([early, late], True),
        ([old], False),
    ]


@pytest.mark.parametrize(
    ("days", "windows", "led_to_it"),
    [
        # a, b and c so many days before the order; c's click was credited.
        ((20, 6, 1), {}, "bc"),
        ((20, 6, 1), {"a": 30 * DAY}, "abc"),
        ((20, 6, 1), {"a": 20 * DAY}, "abc"),
        ((20, 6, 1), {"a": 19 * DAY}, "bc"),
        ((6, 4, 1), {"a": 5 * DAY, "b": 4 * DAY, "c": DAY}, "bc"),
        ((6, 4, 3), {"a": 5 * DAY, "b": 4 * DAY, "c": DAY}, "bc"),
        ((6, 4, 1), {"a": DAY, "b": DAY, "c": DAY}, "c"),
        ((20, 6, 1), {"other": 300 * DAY}, "bc"),
    ],
)
def test_each_campaign_has_its_own_window(
    days: Sequence[float], windows: Mapping[str, timedelta], led_to_it: str
) -> None:
    clicks = [touch(at, campaign) for at, campaign in zip(days, "abc", strict=True)]
    before = [click for click in clicks if click.campaign in led_to_it]
    rest = [click for click in clicks if click.campaign not in led_to_it]
    expected = [(before, True), (rest, False)] if rest else [(before, True)]
    assert found_for(clicks, [purchase(0, credited=clicks[2])], windows) == expected


def test_the_credited_click_is_in_the_journey_even_of_another_contact() -> None:
    other = touch(2, "other")
    assert found_for([touch(3), touch(1)], [purchase(0, credited=other)]) == [
        ([touch(3), other, touch(1)], True)
    ]
    assert found_for([], [purchase(0, credited=other)]) == [([other], True)]


def test_a_click_may_precede_two_orders_and_an_order_after_the_period_uses_its_clicks() -> None:
    first = touch(3)
    both = [purchase(2, credited=first), purchase(1, credited=first)]
    assert found_for([first], both) == [([first], True), ([first], True)]
    assert found_for([touch(0.5)], [purchase(-3, credited=touch(0.5))]) == []


def test_a_click_before_the_period_is_not_counted_without_an_order() -> None:
    assert found_for([touch(33)], []) == []
    assert found_for([touch(33)], [purchase(29, credited=touch(33))]) == [([touch(33)], True)]


def test_the_removal_effect_matches_a_published_example() -> None:
    """serhiipuzyrov.com, "Markov chain attribution", 2019: P = 0.8; without mailing 0.4, without ads 0.2."""
    patterns = reported([("G", 2, 1), ("M", 1, 0), ("GM", 1, 0)])
    assert markov_shares(patterns) == pytest.approx({"G": 0.75 / 1.25, "M": 0.5 / 1.25})


def test_journeys_without_an_order_count_for_markov_and_not_for_shapley() -> None:
    bought = reported([("a", 5, 0), ("b", 5, 0), ("ab", 1, 0)])
    also_nothing = reported([("a", 5, 0), ("b", 5, 20), ("ab", 1, 0)])
    assert markov_shares(bought)["b"] != pytest.approx(markov_shares(also_nothing)["b"], abs=0.01)
    assert shapley_shares(bought) == shapley_shares(also_nothing)


@pytest.mark.parametrize(("name", "precision"), [("complete", 2e-6), ("cyclic", 0.02)])
def test_markov_matches_mta_0_0_9(name: str, precision: float) -> None:
    known = ORACLE[name]
    assert markov_shares(reported(known["paths"])) == pytest.approx(known["markov"], abs=precision)


@pytest.mark.parametrize("name", ORACLE)
def test_shapley_matches_shapley_attribution_2_1_0(name: str) -> None:
    known = ORACLE[name]
    assert shapley_shares(reported(known["paths"])) == pytest.approx(known["shapley"])


@given(PATHS.filter(lambda paths: any(bought for _, bought in paths)))
def test_the_short_formula_equals_the_sum_over_all_coalitions(paths: list[tuple[str, bool]]) -> None:
    players = sorted({campaign for path, _ in paths for campaign in path})
    orders = [set(path) for path, bought in paths if bought]

    def value(coalition: Iterable[str]) -> int:
        return sum(campaigns <= set(coalition) for campaigns in orders)

    n = len(players)
    for player in players:
        rest = [other for other in players if other != player]
        exact = sum(
            Fraction(factorial(size) * factorial(n - size - 1), factorial(n))
            * (value((*some, player)) - value(some))
            for size in range(n)
            for some in combinations(rest, size)
        )
        assert shapley_shares(counted(paths))[player] == pytest.approx(float(exact / len(orders)))


@given(PATHS.filter(lambda paths: any(bought for _, bought in paths)))
def test_removing_a_campaign_by_rewiring_the_chain_gives_the_same(paths: list[tuple[str, bool]]) -> None:
    """The definition itself: every path that enters the removed campaign ends without an order."""
    campaigns = {campaign for path, _ in paths for campaign in path}
    whole = chance_of_order(paths, None)
    effects = {campaign: 1 - chance_of_order(paths, campaign) / whole for campaign in campaigns}
    expected = {campaign: effect / sum(effects.values()) for campaign, effect in effects.items()}
    assert markov_shares(counted(paths)) == pytest.approx(expected, abs=1e-6)


def chance_of_order(paths: list[tuple[str, bool]], removed: str | None) -> float:
    steps: dict[str, list[str]] = {}
    for path, bought in paths:
        walk = ["start", *path, "order" if bought else "nothing"]
        for here, there in pairwise(walk):
            steps.setdefault(here, []).append(there)
    at, arrived = {"start": 1.0}, 0.0
    while sum(at.values()) > 1e-10:
        after: dict[str, float] = {}
        for here, chance in at.items():
            for there in steps[here]:
                after[there] = after.get(there, 0.0) + chance / len(steps[here])
        arrived += after.pop("order", 0.0)
        at = {state: chance for state, chance in after.items() if state not in ("nothing", removed)}
    return arrived


@given(PATHS.filter(lambda paths: any(bought for _, bought in paths)))
@example([("adcc", True), ("cdbbb", False)])  # b's was -4e-17
def test_shares_add_up_and_campaigns_that_swap_journeys_swap_shares(
    paths: list[tuple[str, bool]],
) -> None:
    swapped = [(path.translate(str.maketrans("ab", "ba")), bought) for path, bought in paths]
    for model in (markov_shares, shapley_shares):
        found, other = model(counted(paths)), model(counted(swapped))
        assert sum(found.values()) == pytest.approx(1)
        assert min(found.values()) >= 0
        renamed = {{"a": "b", "b": "a"}.get(name, name): share for name, share in other.items()}
        assert renamed == pytest.approx(found)


@costly(15)  # Markov chains
@given(st.lists(st.tuples(st.text("abcd", min_size=1, max_size=5), st.none() | st.integers(0, 10**9))))
def test_each_model_credits_every_cent_and_every_order(contacts: list[tuple[str, int | None]]) -> None:
    found = tally((str(n), contact(path, net)) for n, (path, net) in enumerate(contacts))
    nets = [net for _, net in contacts if net is not None]
    models = [*map(str, Model)]
    if nets:
        found.credit_together()
        models += [SHAPLEY, MARKOV]
    for model in models:
        assert sum(n for (name, *_), n in found.money.items() if name == model) == sum(nets)
        assert sum(n for (name, _), n in found.orders.items() if name == model) == len(nets) * AN_ORDER


def test_currencies_are_credited_separately() -> None:
    in_yen = Purchase(NOON, "JPY", 700, touch(1))
    found = tally([("ana", contact("ab", 1001)), ("bo", [Journey((touch(1),), in_yen)])])
    found.credit_together()
    assert found.money[SHAPLEY, "a", "EUR"] + found.money[SHAPLEY, "b", "EUR"] == 1001
    assert found.money[SHAPLEY, "a", "JPY"] == 700
    assert found.totals == {"EUR": 1001, "JPY": 700}


@pytest.mark.parametrize(
    ("orders", "campaigns", "reason"),
    [
        (MIN_ORDERS, MAX_CAMPAIGNS, None),
        (MIN_ORDERS - 1, MAX_CAMPAIGNS, "too_few_orders"),
        (MIN_ORDERS, MAX_CAMPAIGNS + 1, "too_many_campaigns"),
    ],
)
def test_too_few_orders_give_a_reason_and_no_shares(orders: int, campaigns: int, reason: str | None) -> None:
    names = "abcdefghijklmnopqrstuvwxyz"[:campaigns]
    found: Tally = tally((str(i), contact(names[i % campaigns], 100)) for i in range(orders))
    shortage = found.shortage()
    assert (shortage.reason if shortage else None) == reason


def test_an_interval_contains_its_share_is_repeatable_and_narrows_with_more_orders() -> None:
    few, many = (
        in_groups([("a", 30 * n, 60 * n), ("ab", 20 * n, 40 * n), ("b", 10 * n, 90 * n)]) for n in (1, 100)
    )
    for model in (SHAPLEY, MARKOV):
        wide, narrow = intervals(few)[model]["a"], intervals(many)[model]["a"]
        assert wide == intervals(few)[model]["a"]
        assert wide.low < wide.share < wide.high
        assert narrow.share == pytest.approx(wide.share)
        assert 5 < (wide.high - wide.low) / (narrow.high - narrow.low) < 20


def test_an_interval_is_as_wide_as_binomial_theory_predicts() -> None:
    """Shares of single-click buyers are binomial, so the interval's width is known: 1.96 * sqrt(pq/n)."""
    found = intervals(in_groups([("a", 120, 0), ("b", 280, 0)]))[SHAPLEY]["a"]
    half = 1.96 * (0.3 * 0.7 / 400) ** 0.5
    assert found.low == pytest.approx(0.3 - half, abs=0.4 * half)
    assert found.high == pytest.approx(0.3 + half, abs=0.4 * half)


def test_a_tally_is_the_same_in_whatever_sequence_and_after_a_pause() -> None:
    contacts = [(f"c{n}", contact("abc"[: 1 + n % 3], 100 * n if n % 2 else None)) for n in range(50)]
    at_once, backwards, resumed = tally(contacts), tally(reversed(contacts)), Tally()
    for name, journeys in contacts:
        resumed = Tally.from_json(json.loads(json.dumps(resumed.as_json())))
        resumed.add(name, journeys)
    found = [(one.credit_together(), one.orders, one.money) for one in (at_once, backwards, resumed)]
    assert found[0] == found[1] == found[2]


def test_a_tally_of_many_campaigns_and_contacts_stays_small() -> None:
    names = [f"{n:012x}" for n in range(MAX_CAMPAIGNS + 1)]
    journeys = [
        [Journey(tuple(touch(i, names[(n + i) % len(names)]) for i in range(5)), None)] for n in range(500)
    ]
    found = tally((str(n), one) for n, one in enumerate(journeys))
    assert not found.groups
    assert len(json.dumps(found.as_json())) < 1000
