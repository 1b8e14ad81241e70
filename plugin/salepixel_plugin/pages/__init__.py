"""The pages for people: rendered here, readable without script, one door (door.py) for all."""

from salepixel_plugin.pages import (
    about,
    campaigns,
    coverage,
    failed,
    models,
    orders,
    outbox,
    policies,
    session,
)
from salepixel_plugin.pages.door import blueprint

__all__ = [
    "about",
    "blueprint",
    "campaigns",
    "coverage",
    "failed",
    "models",
    "orders",
    "outbox",
    "policies",
    "session",
]
