"""Ids of campaigns, links and shops."""

import secrets

_LENGTH = 12


def new_id() -> str:
    """A new id for a campaign, link or shop: 48 random bits as 12 hex digits.

    Random, not counted: links and tokens outlive a lost database, so an id must never be used twice.
    """
    return secrets.token_hex(6)


def is_id(text: str) -> bool:
    """True for the form of `new_id`; anything else needs no query."""
    return len(text) == _LENGTH and text.isascii() and text.isalnum()
