"""Ids of what we create."""

import secrets

_LENGTH = 12


def new_id() -> str:
    """A new id for a campaign, link or shop: 48 random bits as 12 hex digits.

    Random, not counted: ids live on in links and tokens, and must not be given again by an
    installation that lost its database.
    """
    return secrets.token_hex(6)


def is_id(text: str) -> bool:
    """True for what `new_id` may give; anything else is not worth a question to the database."""
    return len(text) == _LENGTH and text.isascii() and text.isalnum()
