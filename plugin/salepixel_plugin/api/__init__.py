"""The API for programs: one file per noun, one door (door.py) for all."""

from salepixel_plugin.api import (
    accounts,
    campaigns,
    contacts,
    coupons,
    coverage,
    fragment,
    keys,
    losses,
    models,
    orders,
    outbox,
    policies,
    recipients,
    rejections,
    report,
    sales,
    shops,
)
from salepixel_plugin.api.door import blueprint

__all__ = [
    "accounts",
    "blueprint",
    "campaigns",
    "contacts",
    "coupons",
    "coverage",
    "fragment",
    "keys",
    "losses",
    "models",
    "orders",
    "outbox",
    "policies",
    "recipients",
    "rejections",
    "report",
    "sales",
    "shops",
]
