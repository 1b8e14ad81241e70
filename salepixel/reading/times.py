"""Times as programs write and read them."""

from datetime import datetime


def rfc3339(time: datetime) -> str:
    """An aware UTC time with a Z, without fractions that are zero."""
    return time.isoformat().replace("+00:00", "Z")
