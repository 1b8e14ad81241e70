"""Formats times for programs."""

from datetime import datetime


def rfc3339(time: datetime) -> str:
    """An aware UTC time in RFC 3339, with Z; without fractions if they are zero."""
    return time.isoformat().replace("+00:00", "Z")
