"""What a user agent says of a click: a program, a browser that should say more, one too old to be true."""

import re
from functools import lru_cache

from crawleruseragents import is_crawler

from salepixel.clicks.tokens import Signal

# Mail gateways that the crawler list does not have (gophish#973, laravel-passwordless-login#79 and the
# vendors' own names). Never the bare "bot": CUBOT makes telephones.
_GATEWAYS = re.compile(
    r"barracuda|proofpoint|mimecast|safelinks|urldefense|ms-office|symantec|trend ?micro|forcepoint"
    r"|sophos|zscaler",
    re.IGNORECASE,
)

# Browsers that send Sec-Fetch-* on every navigation over https, by the first version that does
# (MDN browser-compat-data, http/headers/Sec-Fetch-Dest). Edge, Opera and Samsung's say Chrome as well.
_CHROME = re.compile(r"\bChrom(?:e|ium)/(\d+)")
_FIREFOX = re.compile(r"\bFirefox/(\d+)")
_SAFARI = re.compile(r"\bVersion/(\d+)(?:\.(\d+))?.* Safari/")
_FIRST_CHROME, _FIRST_FIREFOX, _FIRST_SAFARI = 80, 90, (16, 4)

# Browsers inside of other programs, which may change what is sent: Android's WebView and those that say so.
_INSIDE = re.compile(
    r"; wv\)|\bFB[A-Z_]*AV?/|\bFB_IAB|Instagram|\bLine/|\bGSA/|Snapchat|MicroMessenger|Electron/"
)


@lru_cache(maxsize=4096)
def agent_signals(seen: Signal, agent: str) -> Signal:
    """What the edge saw of a request, and what follows from its user agent."""
    if agent and is_known_agent(agent):
        seen |= Signal.KNOWN_AGENT
    if Signal.NO_FETCH in seen and sends_fetch_headers(agent):
        seen |= Signal.FETCH_MISSING
    if is_old_agent(agent):
        seen |= Signal.OLD_AGENT
    # For a contact who opted out, nothing that identifies them is kept.
    return seen if Signal.PRIVACY in seen else seen | browser_family(agent)


def browser_family(agent: str) -> Signal:
    """Which family of browsers a user agent names: each has its own rules for cookies. Signal(0): another."""
    # On an iPhone all are Safari inside (CriOS, FxiOS, EdgiOS and pages within other programs).
    if "AppleWebKit/" in agent and ("iPhone" in agent or "iPad" in agent):
        return Signal.SAFARI
    if _CHROME.search(agent):
        return Signal.CHROMIUM
    if _FIREFOX.search(agent):
        return Signal.FIREFOX
    return Signal.SAFARI if _SAFARI.search(agent) else Signal(0)


def is_known_agent(agent: str) -> bool:
    """True for a user agent that names a crawler, a previewer or a mail gateway."""
    return bool(_GATEWAYS.search(agent)) or bool(is_crawler(agent))


def sends_fetch_headers(agent: str) -> bool:
    """True for a browser that sends Sec-Fetch-* with every click on an https link; False when in doubt."""
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
    """True for a Chrome from before 2020 or a Firefox from before mid-2021, which update themselves.

    Safe Links came as Chrome 57 (gophish#973). Safari is left out: its age is the telephone's.
    """
    if chrome := _CHROME.search(agent):
        return int(chrome[1]) < _FIRST_CHROME
    firefox = _FIREFOX.search(agent)
    return firefox is not None and int(firefox[1]) < _FIRST_FIREFOX
