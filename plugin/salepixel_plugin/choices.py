"""The campaigns that a form offers."""

from collections.abc import Iterable

from salepixel.campaigns.store import Campaign
from salepixel.live.trial import NAME


def in_order(campaigns: Iterable[Campaign]) -> list[Campaign]:
    """The same campaigns, newest sent (or created) first; those of tests come last."""
    newest = sorted(campaigns, key=lambda one: one.sent_at or one.created_at, reverse=True)
    return sorted(newest, key=lambda one: one.name == NAME)
