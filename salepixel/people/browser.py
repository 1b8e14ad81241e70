"""The name of a browser in the list of sessions, from its User-Agent header (RFC 9110, 10.1.5)."""

from salepixel.reading.text import read_text

_NAMED = 80

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Sorted: a browser also names those that it wants to be taken for."""

_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def describe_browser(agent: str) -> str:
    """Such as "Firefox, Windows"; the beginning of an unknown header, or an empty text."""
    found = [next((name for mark, name in known if mark in agent), None) for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or read_text(agent, _NAMED)
