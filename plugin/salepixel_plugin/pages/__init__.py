"""The pages for people: rendered here, readable without script, one door (door.py) for all."""

from salepixel_plugin.pages import campaigns, coverage, failed, models, orders, outbox, policies, session
from salepixel_plugin.pages.door import blueprint

__all__ = [
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
