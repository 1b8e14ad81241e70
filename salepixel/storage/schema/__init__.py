"""The tables, one file per package; columns.py defines how money and times are stored."""

from salepixel.storage.schema.accounts import accounts, api_keys, installation, policies, sessions
from salepixel.storage.schema.attribution import (
    BY_A_BOT,
    NAMED_BY_ORDER,
    candidates,
    decisions,
    sale_refunds,
    sales,
)
from salepixel.storage.schema.audit import audit
from salepixel.storage.schema.campaigns import (
    campaigns,
    contacts,
    coupons,
    links,
    page_candidates,
    recipients,
)
from salepixel.storage.schema.checks import findings
from salepixel.storage.schema.clicks import (
    bought,
    clicks,
    hits,
    journals,
    losses,
    unsettled_clicks,
    watermarks,
)
from salepixel.storage.schema.columns import EPOCH, Quantity, UtcTime, as_micros, metadata
from salepixel.storage.schema.computations import computation_parts, computations
from salepixel.storage.schema.destinations import outbox
from salepixel.storage.schema.flows import flow_parts, flows
from salepixel.storage.schema.lists import list_pieces, lists
from salepixel.storage.schema.mails import mail_links, mails
from salepixel.storage.schema.orders import deliveries, drafts, due, orders, refunds, rejections
from salepixel.storage.schema.people import (
    EVERYWHERE,
    identities,
    invitations,
    memberships,
    people,
    person_sessions,
    recovery_codes,
)
from salepixel.storage.schema.privacy import erased, erasures, retention
from salepixel.storage.schema.shops import polls, shop_days, shop_rejections, shops, unread_orders
from salepixel.storage.schema.smtp import smtp_servers
from salepixel.storage.schema.subscriptions import report_mails, subscriptions
from salepixel.storage.schema.sums import (
    buyers,
    campaign_sums,
    click_days,
    click_hours,
    click_sums,
    clickers,
    decision_sums,
    delay_sums,
    item_sums,
    link_sums,
    revenue_sums,
    sale_sums,
    seen_sums,
)
from salepixel.storage.schema.watch import alert_addresses, alert_messages, alerts, canaries, looks

__all__ = [
    "BY_A_BOT",
    "EPOCH",
    "EVERYWHERE",
    "NAMED_BY_ORDER",
    "Quantity",
    "UtcTime",
    "accounts",
    "alert_addresses",
    "alert_messages",
    "alerts",
    "api_keys",
    "as_micros",
    "audit",
    "bought",
    "buyers",
    "campaign_sums",
    "campaigns",
    "canaries",
    "candidates",
    "click_days",
    "click_hours",
    "click_sums",
    "clickers",
    "clicks",
    "computation_parts",
    "computations",
    "contacts",
    "coupons",
    "decision_sums",
    "decisions",
    "delay_sums",
    "deliveries",
    "drafts",
    "due",
    "erased",
    "erasures",
    "findings",
    "flow_parts",
    "flows",
    "hits",
    "identities",
    "installation",
    "invitations",
    "item_sums",
    "journals",
    "link_sums",
    "links",
    "list_pieces",
    "lists",
    "looks",
    "losses",
    "mail_links",
    "mails",
    "memberships",
    "metadata",
    "orders",
    "outbox",
    "page_candidates",
    "people",
    "person_sessions",
    "policies",
    "polls",
    "recipients",
    "recovery_codes",
    "refunds",
    "rejections",
    "report_mails",
    "retention",
    "revenue_sums",
    "sale_refunds",
    "sale_sums",
    "sales",
    "seen_sums",
    "sessions",
    "shop_days",
    "shop_rejections",
    "shops",
    "smtp_servers",
    "subscriptions",
    "unread_orders",
    "unsettled_clicks",
    "watermarks",
]
