"""The three months of the demo look like those of a small shop, and their truth needs no attribution."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import mean
from zoneinfo import ZoneInfo

import pytest

from demo.mails import MAILINGS
from demo.world import GATEWAY, Audience, Season, make_season, people, recipients_of
from salepixel.campaigns.holdout import Arm, lift
from salepixel.clicks.agents import agent_signals
from salepixel.clicks.tokens import Signal, Verdict
from salepixel.clicks.verdicts import weigh

ZONE = ZoneInfo("Europe/Madrid")
DAYS = [
    datetime(2026, month, day, hour, tzinfo=UTC) for month, day, hour in ((11, 28, 22), (3, 30, 3), (1, 1, 9))
]
"""A Saturday in autumn, the day after the clocks change, and the first day of a year."""


def audience() -> Audience:
    everybody = people()
    mailed = recipients_of(MAILINGS[3], everybody)
    held_out = frozenset(one.ref for one in mailed[::5])
    return Audience(everybody, frozenset(one.ref for one in mailed) - held_out, held_out, everybody[1])


@pytest.fixture(scope="module", params=DAYS, ids=str)
def season(request: pytest.FixtureRequest) -> Season:
    return make_season(audience(), request.param, ZONE)


def test_the_same_day_has_the_same_three_months() -> None:
    one, other = (make_season(audience(), DAYS[0], ZONE, 0.1) for _ in range(2))
    assert one == other


def test_a_tenth_of_the_shop_sells_by_each_newsletter_on_any_day() -> None:
    """The tests in a browser play it on the day of their run; on a Sunday one newsletter sold nothing."""
    readers = audience()
    for day in range(0, 365, 12):
        season = make_season(readers, DAYS[0] + timedelta(days=day), ZONE, 0.1)
        assert {one.mailing for one in season.purchases} >= set(range(len(MAILINGS))), day


def test_rates_are_those_of_small_shops(season: Season) -> None:
    humans, earned = people_who_click(season), Counter(one.mailing for one in season.purchases)
    for number, mailing in enumerate(MAILINGS):
        clickers = len(humans[number])
        sent = len(recipients_of(mailing, people())) * (100 - mailing.holdout) / 100
        assert 0.01 <= clickers / sent <= 0.04
        assert 0.008 <= earned[number] / clickers <= 0.05
    attributed = sum(one.mailing is not None for one in season.purchases)
    assert 0.1 < attributed / len(season.purchases) < 0.25


def people_who_click(season: Season) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {number: set() for number in range(len(MAILINGS) + 2)}
    for click in season.clicks:
        if not click.head and not click.address and click.agent != GATEWAY:
            found[click.mailing].add(click.ref)
    return found


def test_clicks_fall_off_after_sending_and_are_rare_at_night(season: Season) -> None:
    gifts = [one for one in season.clicks if one.mailing == 3 and not one.head and one.agent != GATEWAY]
    hours = [(one.at - season.sent[3]) / timedelta(hours=1) for one in gifts]
    in_four, in_a_day = (mean(hour < most for hour in hours) for most in (4, 24))
    assert 0.3 < in_four < 0.75
    assert 0.8 < in_a_day < 0.98
    at_night = mean(1 <= one.at.astimezone(ZONE).hour < 6 for one in gifts)
    assert at_night < 0.03


def test_who_is_held_out_never_clicks_and_buys_less(season: Season) -> None:
    held_out = audience().held_out
    assert not held_out & {click.ref for click in season.clicks}
    assert 1 <= sum(one.buyer.ref in held_out for one in season.purchases) <= 2


def test_every_kind_of_order_happens(season: Season) -> None:
    reasons = Counter(one.reason for one in season.purchases)
    assert reasons.keys() == {
        "click_token_on_order",
        "cookie_at_pixel",
        "email_match",
        "no_click",
        "bot_click",
        "outside_window",
        "not_a_sales_link",
        "opted_out",
        "invalid_token",
        "cancelled",
        "unpaid",
    }
    assert {one.currency for one in season.purchases if one.mailing is not None} == {"EUR", "USD"}
    assert {one.refund.half for one in season.purchases if one.refund} == {True, False}
    buyers = Counter(one.buyer.email for one in season.purchases)
    assert any(count > 1 for count in buyers.values())


def test_what_happens_later_has_not_happened_yet_at_any_hour() -> None:
    """A demo is played at any time of a day: an order of this morning is not cancelled tomorrow."""
    readers, waiting = audience(), 0
    for hour in range(0, 24 * 14, 5):
        now = DAYS[0] + timedelta(hours=hour)
        season = make_season(readers, now, ZONE, 0.3)
        assert all(one.refund.at < now for one in season.purchases if one.refund)
        assert all(one.cancelled < now for one in season.purchases if one.cancelled)
        assert all((one.reason == "cancelled") == bool(one.cancelled) for one in season.purchases)
        waiting += sum(one.payment != "bank transfer" for one in season.purchases if one.reason == "unpaid")
    assert waiting, "a later cancellation was in the way of one of these days"


def test_who_buys_after_a_click_clicked_no_other_mail_before(season: Season) -> None:
    clicked: dict[str, list[tuple[datetime, int]]] = {}
    for click in season.clicks:
        clicked.setdefault(click.ref, []).append((click.at, click.mailing))
    for one in season.purchases:
        before = {
            mailing
            for at, mailing in clicked.get(one.buyer.ref, [])
            if timedelta(0) <= one.at - at <= timedelta(days=7)
        }
        if one.mailing is not None and one.mailing < len(MAILINGS):
            assert before == {one.mailing}
        elif one.reason == "no_click":
            assert not before


def test_an_e_mail_address_alone_earns_only_with_the_click_of_a_person_on_any_day() -> None:
    """On 12 of these days, the click before such an order came from a browser so old that it may be a bot."""
    readers, by_address = audience(), 0
    for day in range(0, 365, 4):
        season = make_season(readers, DAYS[0] + timedelta(days=day), ZONE)
        for one in season.purchases:
            if one.click and one.reason == "email_match":
                by_address += 1
                assert weigh(agent_signals(Signal(0), one.click.agent)).verdict is Verdict.HUMAN, day
    assert by_address > 100


def test_the_control_group_shows_that_the_mail_caused_sales(season: Season) -> None:
    sent, found = season.sent[3], audience()
    week = {one.buyer.ref for one in season.purchases if timedelta(0) <= one.at - sent < timedelta(days=7)}
    mailed, held_out = (Arm(len(group), len(group & week)) for group in (found.mailed, found.held_out))
    measured = lift(mailed, held_out)
    assert measured is not None
    assert measured.low > 0
