"""The merge tag that a campaign's links have, which the e-mail platform replaces by the contact's reference.

A tag is written into the link literally, as the last query parameter: a platform looks for exactly these
characters, and url-encoding would hide them.
"""

import re

from salepixel.mailers.known import PLATFORMS

_UNSAFE = re.compile(r"[&#\"'<>\\]|%[0-9A-Fa-f]{2}")


class BadTag(ValueError):
    """An e-mail platform or merge tag that cannot be used; `field` names it, the message says what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def contact_tag(mailer: str, given: str | None) -> str:
    """The tag for a platform, by its key: the one that is given, else the platform's own. Raises BadTag."""
    if mailer not in PLATFORMS:
        raise BadTag(
            "mailer", f"must be one of {', '.join(PLATFORMS)}; with `other`, send your own `contact_tag`"
        )
    tag = given or PLATFORMS[mailer].contact_tag
    if tag is None:
        raise BadTag(
            "contact_tag", f"is required: {mailer} has no documented merge tag for a contact's reference"
        )
    # %CA in "%CAMPAIGNID%" is an encoded byte to everything that reads the link before the mailer does.
    if not tag.isascii() or _UNSAFE.search(tag):
        raise BadTag(
            "contact_tag", "must be ASCII, without & # \" ' < > \\ and without % followed by two hex digits"
        )
    return tag
