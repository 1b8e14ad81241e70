"""Use cases of the attribution settings. Each raises Declined."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.accounts.audit import Action, differences, record
from salepixel.accounts.declined import BadField, Conflict, Invalid, NotFound
from salepixel.accounts.pixel_secret import new_pixel_secret
from salepixel.accounts.principal import Change, Principal
from salepixel.accounts.store import Account
from salepixel.accounts.use_cases import change_account, see_account
from salepixel.attribution import policies, previews
from salepixel.attribution.decided import Decided, Undecidable, find_decided
from salepixel.attribution.explanation import without_contacts
from salepixel.attribution.policies import PolicyVersion, Preview
from salepixel.campaigns.store import Campaign, CampaignLink, get_campaign
from salepixel.campaigns.use_cases import see_link
from salepixel.clicks.hit_store import StoredHit, hits_making, hits_naming
from salepixel.computations.store import Wanted
from salepixel.computations.use_cases import Computed, find_result
from salepixel.computations.work import Task, Tools, compute
from salepixel.keys import Keys
from salepixel.orders.bounds import MAX_REFERENCE_BYTES
from salepixel.orders.deliveries import read_delivery
from salepixel.orders.packing import Damaged
from salepixel.orders.queue import failed_before
from salepixel.orders.requeue import requeue_account
from salepixel.orders.shown import show_body, show_headers
from salepixel.orders.store import OrderPlace, StoredOrder, find_order
from salepixel.shops.use_cases import see_shop
from salepixel.storage.ids import is_id

MAX_NAMED = 10
"""The most orders named in one answer when a month cannot be closed."""

CHOSEN_ONCE = {"sale_when", "tax", "shipping"}
"""Settings that cannot change once the account has sales: the amounts of an order that count."""

MAY_HAVE_SECRETS = {"forward_url", "hosted_pixel"}
"""Addresses of other servers, often with a key in them."""


def edit_account(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    emp_id: int,
    changes: Mapping[str, Any],
    at: datetime,
    *,
    renew_pixel_secret: bool = False,
) -> Account:
    """Change these values of an account; returns the changed account. Requeues its orders if needed.

    Raises NotFound, or Conflict for settings that can no longer change.
    """
    change_account(connection, principal, emp_id)
    if renew_pixel_secret:
        principal.require_change(emp_id, Change.ACCESS)
    accounts.lock_account(connection, emp_id, exclusive=True)
    before = see_account(connection, principal, emp_id)  # read after the lock
    values = dict(changes)
    changed = {name for name in values if values[name] != getattr(before, name)}
    if changed & CHOSEN_ONCE and accounts.has_sales(connection, emp_id):
        raise Conflict("chosen_once", names=", ".join(sorted(changed & CHOSEN_ONCE)), emp_id=emp_id)
    if "currency" in changed and before.closed_before is not None:
        raise Conflict("months_closed", emp_id=emp_id, currency=before.currency)
    if changed & {*CHOSEN_ONCE, "currency", "pixel_amount"}:
        requeue_account(connection, emp_id)
    # Without a secret, no pixel could be signed, so all would be rejected.
    if renew_pixel_secret or (values.get("pixel_signed") and not before.pixel_secret):
        values["pixel_secret"] = new_pixel_secret(keys, emp_id)
    if "window_days" in values:
        policies.apply_policy(connection, emp_id, {"window_days": values.pop("window_days")}, at)
    if values:
        accounts.change_account(connection, emp_id, values)
    after = see_account(connection, principal, emp_id)
    if after.pixel_secret != before.pixel_secret:
        record(connection, principal, emp_id, Action.PIXEL_SECRET_RENEWED, str(emp_id), after.name)
    differs = differences(before, after, changes, MAY_HAVE_SECRETS)
    record(connection, principal, emp_id, Action.ACCOUNT_CHANGED, str(emp_id), after.name, differs)
    return after


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """The preview of a change; `account` is the present one, `changed` the future one."""

    account: Account
    changed: Account
    computed: Computed[Preview]


def see_policies(
    connection: sa.Connection, principal: Principal, emp_id: int
) -> tuple[Account, list[PolicyVersion]]:
    """An account with all versions of its policy, the current one first. Raises NotFound."""
    return see_account(connection, principal, emp_id), policies.list_policies(connection, emp_id)


def preview_policy_change(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    change: Mapping[str, Any],
    tools: Tools,
    limit: int,
    after: OrderPlace | None,
    now: datetime,
) -> PolicyPreview:
    """The effect of a change on `limit` orders of open months, newest first. Nothing is applied.

    At once for few orders; otherwise the last result of the worker. `change` has windows in days, like
    PolicyVersion. Raises NotFound or BadField.
    """
    account = see_account(connection, principal, emp_id)
    columns = _as_columns(connection, account, change)
    changed = policies.with_policy(account, columns)
    if changed.policy_version == account.policy_version:
        return PolicyPreview(account, changed, Computed(Preview(0, [], None), now))
    parameters = previews.parameters_of(account, columns, limit, after)
    if previews.is_small(connection, account, limit, after):
        result = compute(connection, tools, previews.step, Task(emp_id, parameters, now))
        return PolicyPreview(account, changed, Computed(previews.read_preview(result), now))
    wanted = Wanted(emp_id, previews.KIND, parameters)
    computed = find_result(connection, principal, wanted, previews.read_preview, now)
    return PolicyPreview(account, changed, computed)


@dataclass(frozen=True, slots=True)
class LinkPreview:
    """The preview of switching a link: on if it is no sales link now, otherwise off."""

    campaign: Campaign
    link: CampaignLink
    computed: Computed[Preview]


def preview_link_switch(
    connection: sa.Connection,
    principal: Principal,
    campaign_id: str,
    link_id: str,
    tools: Tools,
    limit: int,
    after: OrderPlace | None,
    now: datetime,
) -> LinkPreview:
    """The effect of making a link a sales link, or of stopping that, on `limit` orders of open months.

    As `preview_policy_change`. Raises NotFound.
    """
    campaign, link = see_link(connection, principal, campaign_id, link_id)
    account = see_account(connection, principal, campaign.emp_id)
    switched = {link.id: not link.sale_pixel}
    parameters = previews.parameters_of(account, {}, limit, after, switched)
    if previews.is_small(connection, account, limit, after):
        result = compute(connection, tools, previews.step, Task(account.emp_id, parameters, now))
        return LinkPreview(campaign, link, Computed(previews.read_preview(result), now))
    wanted = Wanted(account.emp_id, previews.KIND, parameters)
    found = find_result(connection, principal, wanted, previews.read_preview, now)
    return LinkPreview(campaign, link, found)


def change_policy(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    change: Mapping[str, Any],
    at: datetime,
    seen: int | None = None,
) -> PolicyVersion:
    """Apply a changed policy; returns the current one. Orders of open months are decided again.

    Raises NotFound or BadField, or Conflict if version `seen` is no longer current.
    """
    account = change_account(connection, principal, emp_id)
    columns = _as_columns(connection, account, change)
    if not policies.apply_policy(connection, emp_id, columns, at, seen):
        raise Conflict("policy_changed")
    after = see_account(connection, principal, emp_id)
    differs, version = differences(account, after, accounts.POLICY), str(after.policy_version)
    record(connection, principal, emp_id, Action.POLICY_CHANGED, version, version, differs)
    return policies.list_policies(connection, emp_id)[0]


def close_month(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    month: str,
    at: datetime,
    *,
    without_failed: bool = False,
) -> datetime | None:
    """Close a month (UTC, "2026-10") and all earlier months permanently; returns the end of the closed time.

    Raises NotFound; Invalid for a month that is not over; Conflict if orders of that time are undecided
    (`orders_waiting`), or failed (`orders_failed`) and are not left out.
    """
    year, number = map(int, month.split("-"))
    until = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    if until > at:
        raise Invalid("month_not_over", month=month)
    change_account(connection, principal, emp_id)
    waiting = policies.close_months(connection, emp_id, until, without_failed=without_failed)
    failed = [] if without_failed else failed_before(connection, emp_id, until, waiting)
    if failed and len(failed) == waiting:
        named = ", ".join(order.number for order in failed[:MAX_NAMED])
        more = " …" if waiting > MAX_NAMED else ""
        raise Conflict("orders_failed", count=waiting, orders=named + more)
    if waiting:
        raise Conflict("orders_waiting", waiting=waiting)
    record(connection, principal, emp_id, Action.MONTH_CLOSED, month, month)
    return see_account(connection, principal, emp_id).closed_before


def see_decided(
    connection: sa.Connection, principal: Principal, shop_id: str, name: str, now: datetime
) -> Decided | Undecidable:
    """An order, by its id or number, with its decision, or why it has none. Raises NotFound.

    Without its contacts if the principal may not see them.
    """
    shop = see_shop(connection, principal, shop_id)
    found = find_decided(connection, shop, name, now)
    if isinstance(found, Undecidable) or principal.sees_contacts(found.stored.emp_id):
        return found
    return replace(found, decision=without_contacts(found.decision))


def see_hits(
    connection: sa.Connection, principal: Principal, shop_id: str, order: StoredOrder
) -> list[StoredHit]:
    """The counted pixel hits that name an order of a shop, or that made it, oldest first. Raises NotFound."""
    shop = see_shop(connection, principal, shop_id)
    if shop.platform == "pixel":
        return hits_making(connection, shop.emp_id, [order.order.id])[order.order.id]
    name = order.order.id, order.order.number
    return hits_naming(connection, shop.emp_id, [name])[name]


@dataclass(frozen=True, slots=True)
class ShownDelivery:
    """The delivery with an order's newest snapshot. `headers` are without credentials; `body` is text.

    `contacts_hidden`: buyers were removed, because the principal may not see contacts. `erased`: parts of the
    body were deleted, by an erasure or by retention.
    """

    order: StoredOrder
    digest: str
    event: str
    received_at: datetime
    headers: dict[str, str]
    body: str
    erased: bool
    contacts_hidden: bool


def see_delivery(
    connection: sa.Connection, principal: Principal, shop_id: str, name: str
) -> ShownDelivery | None:
    """The delivery with the newest snapshot of an order, found by id or number.

    None if no delivery brought it (it was fetched from the shop, or made from pixel hits), or if the delivery
    is damaged. Raises NotFound.
    """
    shop = see_shop(connection, principal, shop_id)
    readable = name.isprintable() and len(name) <= MAX_REFERENCE_BYTES
    stored = find_order(connection, shop.id, name) if readable else None
    if stored is None:
        raise NotFound("order")
    try:
        kept = read_delivery(connection, stored.delivery) if stored.delivery else None
    except Damaged:
        kept = None
    if kept is None:
        return None
    may_see = principal.sees_contacts(stored.emp_id)
    return ShownDelivery(
        stored,
        kept.digest,
        kept.event,
        kept.received_at,
        show_headers(kept.headers),
        show_body(kept.body, with_buyers=may_see),
        kept.erased,
        not may_see,
    )


def _as_columns(connection: sa.Connection, account: Account, change: Mapping[str, Any]) -> dict[str, Any]:
    """A change as columns of the account. Raises BadField for a campaign of another account."""
    values = dict(change)
    if "campaign_windows" in values:
        for campaign_id in values["campaign_windows"]:
            campaign = get_campaign(connection, campaign_id) if is_id(campaign_id) else None
            if campaign is None or campaign.emp_id != account.emp_id:
                problem = f"the account has no campaign {campaign_id}"
                raise BadField("campaign_windows", problem, part=campaign_id)
        values["campaign_windows"] = json.dumps(values["campaign_windows"], sort_keys=True)
    return values
