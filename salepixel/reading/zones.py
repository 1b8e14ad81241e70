"""Time zones by their IANA names, such as Europe/Madrid."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def read_zone(text: str) -> str:
    """The name of a time zone. Raises ValueError for another text.

    `right/...` is refused, because its days have leap seconds.
    """
    try:
        if text == "UTC" or ("/" in text and not text.startswith(("right/", "posix/"))):
            return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder, such as America/Indiana
        pass
    raise ValueError("must be UTC or a name such as Europe/Madrid")
