"""The pages for people: rendered here, readable without script, one blueprint (blueprint.py)."""

from salepixel_plugin.pages import (
    about,
    campaigns,
    coverage,
    failed,
    flows,
    link_settings,
    mails,
    manage,
    models,
    orders,
    outbox,
    people,
    platforms,
    policies,
    session,
    steps,
)
from salepixel_plugin.pages.blueprint import blueprint

__all__ = [
    "about",
    "blueprint",
    "campaigns",
    "coverage",
    "failed",
    "flows",
    "link_settings",
    "mails",
    "manage",
    "models",
    "orders",
    "outbox",
    "people",
    "platforms",
    "policies",
    "session",
    "steps",
]
