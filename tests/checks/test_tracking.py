"""The checks of the tracking host say what is wrong, by name."""

from datetime import UTC, datetime

import pytest

from salepixel.checks.result import Finding, Result, State
from salepixel.checks.sentences import SENTENCES
from salepixel.checks.tracking import check_cookie, check_host, check_same_site

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BASE = "https://track.shop.test"
DONE, WAITING, BROKEN = State.DONE, State.WAITING, State.BROKEN


def _found(reason: str, target: str = BASE) -> Finding:
    return Finding(target, reason, NOW)


def _is(result: Result, state: State, reason: str) -> None:
    assert (result.state, result.reason) == (state, reason)
    for text in SENTENCES[reason]:
        assert text % result.words is not None


@pytest.mark.parametrize(
    ("base", "finding", "state", "reason"),
    [
        ("http://127.0.0.1:8080", None, WAITING, "host_local"),
        ("http://localhost:8080", None, WAITING, "host_local"),
        ("https://track", None, WAITING, "host_local"),
        (BASE, None, WAITING, "host_not_checked"),
        (BASE, _found("", "https://old.shop.test"), WAITING, "host_not_checked"),
        (BASE, _found("unreachable"), BROKEN, "host_unreachable"),
        (BASE, _found("too_slow"), BROKEN, "host_too_slow"),
        (BASE, _found("too_large"), BROKEN, "host_too_large"),
        (BASE, _found("bad_certificate"), BROKEN, "host_bad_certificate"),
        (BASE, _found("other_server"), BROKEN, "host_other_server"),
        ("http://track.shop.test", _found("", "http://track.shop.test"), WAITING, "host_not_https"),
        (BASE, _found("cookie_not_set"), DONE, "host_reached"),
        (BASE, _found(""), DONE, "host_reached"),
    ],
)
def test_a_tracking_host_is_reached_over_https(
    base: str, finding: Finding | None, state: State, reason: str
) -> None:
    _is(check_host(base, finding), state, reason)


@pytest.mark.parametrize(
    ("base", "site", "state", "reason"),
    [
        (BASE, "", WAITING, "site_needed"),
        ("http://127.0.0.1:8080", "shop.test", WAITING, "host_needed"),
        (BASE, "shop.test", DONE, "same_site"),
        (BASE, "www.shop.test", DONE, "same_site"),
        ("https://track.shop.co.uk", "shop.co.uk", DONE, "same_site"),
        ("https://track.other.co.uk", "shop.co.uk", BROKEN, "other_site"),
        ("https://track.mailer.test", "shop.test", BROKEN, "other_site"),
        ("https://track.shop.test", "shop.myshopify.com", BROKEN, "other_site"),
    ],
)
def test_a_tracking_host_is_on_the_shops_site(base: str, site: str, state: State, reason: str) -> None:
    _is(check_same_site(base, site), state, reason)


@pytest.mark.parametrize(
    ("finding", "browser", "state", "reason"),
    [
        (_found("cookie_not_set"), _found("", "track.shop.test"), BROKEN, "cookie_not_set"),
        (_found("cookie_not_read"), None, BROKEN, "cookie_not_read"),
        (_found(""), None, WAITING, "cookie_not_tried"),
        (_found(""), _found("", "old.shop.test"), WAITING, "cookie_not_tried"),
        (_found(""), _found("lost", "track.shop.test"), BROKEN, "cookie_lost"),
        (None, _found("", "track.shop.test"), DONE, "cookie_kept"),
    ],
)
def test_a_cookie_comes_back(
    finding: Finding | None, browser: Finding | None, state: State, reason: str
) -> None:
    _is(check_cookie(BASE, finding, browser), state, reason)
