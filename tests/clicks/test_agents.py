"""What a user agent says about a click."""

import pytest

from salepixel.clicks.agents import agent_signals
from salepixel.clicks.tokens import Signal

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"{WINDOWS} {WEBKIT} Chrome/156.0.0.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "sends"),
    [
        (CHROME, True),
        (f"{CHROME} Edg/156.0.0.0", True),
        (f"{WINDOWS} {WEBKIT} Chrome/80.0.3987.87 Safari/537.36", True),
        (f"{WINDOWS} {WEBKIT} Chrome/79.0.3945.130 Safari/537.36", False),
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} SamsungBrowser/30.0 Chrome/140.0.0.0 Mobile", True),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", True),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:89.0) Gecko/20100101 Firefox/89.0", False),
        (f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", True),
        (f"{IPHONE} Version/16.4 Mobile/15E148 Safari/604.1", True),
        (f"{IPHONE} Version/16.3 Mobile/15E148 Safari/604.1", False),
        (f"{IPHONE} Version/15 Mobile/15E148 Safari/604.1", False),
        # In doubt: inside of other programs, and iPhones' other browsers, which hide WebKit's version.
        (f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/480.0.0.0.0]", False),
        (f"{IPHONE} CriOS/140.0.0.0 Mobile/15E148 Safari/604.1", False),
        (f"Mozilla/5.0 (Linux; Android 14; SM-S911B; wv) {WEBKIT} Version/4.0 Chrome/140.0 Mobile", False),
        (f"{WINDOWS} {WEBKIT} Mailspring/1.16 Chrome/126.0.6478.36 Electron/31.0.1 Safari/537.36", False),
        ("", False),
    ],
)
def test_missing_sec_fetch_counts_against_browsers_that_send_it(agent: str, sends: bool) -> None:
    assert (Signal.FETCH_MISSING in agent_signals(Signal.NO_FETCH, agent)) is sends
    assert Signal.FETCH_MISSING not in agent_signals(Signal(0), agent)


@pytest.mark.parametrize(
    ("agent", "old"),
    [
        (f"{WINDOWS} {WEBKIT} Chrome/57.0.2987.133 Safari/537.36", True),
        (f"{WINDOWS} {WEBKIT} Chrome/79.0.3945.130 Safari/537.36", True),
        (f"{WINDOWS} {WEBKIT} Chrome/109.0.0.0 Safari/537.36", False),  # the last one for Windows 7
        ("Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 Firefox/60.0", True),
        (f"{IPHONE} Version/12.1 Mobile/15E148 Safari/604.1", False),
        (CHROME, False),
        ("", False),
    ],
)
def test_a_browser_that_updates_itself_is_not_six_years_old(agent: str, old: bool) -> None:
    assert (Signal.OLD_AGENT in agent_signals(Signal(0), agent)) is old


def test_signals_from_the_edge_are_kept() -> None:
    assert agent_signals(Signal.PRIVACY | Signal.HEAD, CHROME) == Signal.PRIVACY | Signal.HEAD
    assert agent_signals(Signal.HEAD, "curl/8.5.0") == Signal.HEAD | Signal.KNOWN_AGENT


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        (CHROME, Signal.CHROMIUM),
        (f"{CHROME} Edg/156.0.0.0", Signal.CHROMIUM),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", Signal.FIREFOX),
        (f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", Signal.SAFARI),
        # Every browser of an iPhone is Safari's engine, with Safari's rules for cookies.
        (f"{IPHONE} CriOS/140.0.0.0 Mobile/15E148 Safari/604.1", Signal.SAFARI),
        (f"{IPHONE} FxiOS/140.0 Mobile/15E148 Safari/605.1.15", Signal.SAFARI),
        (f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/480.0.0.0.0]", Signal.SAFARI),
        ("curl/8.5.0", Signal(0)),
        ("", Signal(0)),
    ],
)
def test_only_the_browser_family_of_the_user_agent_is_stored(agent: str, family: Signal) -> None:
    assert agent_signals(Signal(0), agent) & (Signal.CHROMIUM | Signal.FIREFOX | Signal.SAFARI) == family
