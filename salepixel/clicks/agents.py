"""Signals from the user agent of a click: a known bot, missing Sec-Fetch headers, an outdated browser."""

import re
from functools import lru_cache

from crawleruseragents import is_crawler

from salepixel.clicks.tokens import Signal

# Mail gateways that are missing in the crawler list (gophish#973, laravel-passwordless-login#79 and the
# vendors' own names). Never just "bot": CUBOT is a brand of phones.
_GATEWAYS = re.compile(
    r"barracuda|proofpoint|mimecast|safelinks|urldefense|ms-office|symantec|trend ?micro|forcepoint"
    r"|sophos|zscaler",
    re.IGNORECASE,
)

# The first versions of browsers that send Sec-Fetch-* on every navigation over https (MDN
# browser-compat-data, http/headers/Sec-Fetch-Dest). Edge, Opera and Samsung Internet also contain "Chrome".
_CHROME = re.compile(r"\bChrom(?:e|ium)/(\d+)")
_FIREFOX = re.compile(r"\bFirefox/(\d+)")
_SAFARI = re.compile(r"\bVersion/(\d+)(?:\.(\d+))?.* Safari/")
_FIRST_CHROME, _FIRST_FIREFOX, _FIRST_SAFARI = 80, 90, (16, 4)

# In-app browsers, which may change the headers: Android's WebView and those that name themselves.
_INSIDE = re.compile(
    r"; wv\)|\bFB[A-Z_]*AV?/|\bFB_IAB|Instagram|\bLine/|\bGSA/|Snapchat|MicroMessenger|Electron/"
)


@lru_cache(maxsize=4096)
def agent_signals(seen: Signal, agent: str) -> Signal:
    """The signals of the edge, plus those from the user agent."""
    if agent and is_known_agent(agent):
        seen |= Signal.KNOWN_AGENT
    if Signal.NO_FETCH in seen and sends_fetch_headers(agent):
        seen |= Signal.FETCH_MISSING
    if is_old_agent(agent):
        seen |= Signal.OLD_AGENT
    # After an opt-out or with Sec-GPC, nothing that identifies the contact is stored.
    return seen if Signal.PRIVACY in seen else seen | browser_family(agent)


def browser_family(agent: str) -> Signal:
    """The browser family of a user agent: each has its own rules for cookies. Signal(0): any other."""
    # On an iPhone, all browsers use Safari's engine (CriOS, FxiOS, EdgiOS and in-app browsers).
    if "AppleWebKit/" in agent and ("iPhone" in agent or "iPad" in agent):
        return Signal.SAFARI
    if _CHROME.search(agent):
        return Signal.CHROMIUM
    if _FIREFOX.search(agent):
        return Signal.FIREFOX
    return Signal.SAFARI if _SAFARI.search(agent) else Signal(0)


def is_known_agent(agent: str) -> bool:
    """True if a user agent names a crawler, a link previewer or a mail gateway."""
    return bool(_GATEWAYS.search(agent)) or bool(is_crawler(agent))


def sends_fetch_headers(agent: str) -> bool:
    """True if a browser sends Sec-Fetch-* with every click on an https link; False if unsure."""
    if _INSIDE.search(agent):
        return False
    if chrome := _CHROME.search(agent):
        return int(chrome[1]) >= _FIRST_CHROME
    if firefox := _FIREFOX.search(agent):
        return int(firefox[1]) >= _FIRST_FIREFOX
    if safari := _SAFARI.search(agent):
        return (int(safari[1]), int(safari[2] or 0)) >= _FIRST_SAFARI
    return False


def is_old_agent(agent: str) -> bool:
    """True for a Chrome from before 2020 or a Firefox from before mid-2021: both update automatically.

    Safe Links uses Chrome 57 (gophish#973). Safari is left out: it is as old as its phone.
    """
    if chrome := _CHROME.search(agent):
        return int(chrome[1]) < _FIRST_CHROME
    firefox = _FIREFOX.search(agent)
    return firefox is not None and int(firefox[1]) < _FIRST_FIREFOX
