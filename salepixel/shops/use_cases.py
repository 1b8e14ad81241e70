"""Use cases of shops and of orders reported through the sales API. Each raises Declined."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from salepixel.accounts.audit import Action, Changes, differences, record
from salepixel.accounts.declined import Conflict, NotFound
from salepixel.accounts.principal import Change, Principal
from salepixel.accounts.use_cases import target_account
from salepixel.keys import Keys, Sealed
from salepixel.orders import deliveries
from salepixel.orders import store as orders
from salepixel.orders.bounds import OutOfBounds, check_order
from salepixel.orders.erased import Buyer, erased_orders, without_buyer
from salepixel.orders.redacted import without_orders
from salepixel.shops import store
from salepixel.shops.dashboards import read_dashboards
from salepixel.shops.reported import ReportedOrder, order_of_report
from salepixel.shops.shop import Shop
from salepixel.storage.ids import is_id

SALES_API = "sales_api"
"""The event name of a delivery through the sales API."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A reported order that was not stored: its position in the report, and the name of the reason.

    `known_at`: the time (UTC) of the stored order, if the report is older.
    """

    position: int
    order_id: str
    reason: str
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of a report: the account's shop, the ids of stored orders, and the orders not stored."""

    shop_id: str
    stored: list[str]
    unchanged: list[Unchanged]


def see_shop(connection: sa.Connection, principal: Principal, shop_id: str) -> Shop:
    """A shop that the principal may see. Raises NotFound."""
    shop = store.get_shop(connection, shop_id) if is_id(shop_id) else None
    if shop is None or not principal.allows(shop.emp_id):
        raise NotFound("shop")
    return shop


def create_shop(
    connection: sa.Connection, principal: Principal, emp_id: int, platform: str, api_url: str, at: datetime
) -> Shop:
    """Add a shop to an account; the same address again returns the same shop.

    Raises NotAllowed or UnknownAccount.
    """
    target_account(connection, principal, emp_id, Change.ACCESS)
    shop = store.add_shop(connection, emp_id, platform, api_url, at)
    _record(connection, principal, Action.SHOP_ADDED, shop)
    return shop


def edit_shop(
    connection: sa.Connection,
    principal: Principal,
    shop_id: str,
    at: datetime,
    *,
    name: str | None = None,
    paused: bool | None = None,
    dashboards: Sequence[str] | None = None,
) -> Shop:
    """Rename, pause or resume a shop, or set its Dashboards; None changes nothing.

    Raises NotFound, NotAllowed, Conflict or BadField.
    """
    what = Change.CONTENT if dashboards is None else Change.ACCESS
    before = _with_app(connection, principal, shop_id, what)
    if before.removed_at is not None:
        raise Conflict("shop_removed")
    framed_by = None if dashboards is None else read_dashboards(dashboards)
    store.change_shop(connection, shop_id, name=name, paused=paused, dashboards=framed_by, at=at)
    after = see_shop(connection, principal, shop_id)
    differs = differences(before, after, ("name", "paused_at", "dashboards"))
    _record(connection, principal, Action.SHOP_CHANGED, after, differs)
    return after


def retire_shop(connection: sa.Connection, principal: Principal, shop_id: str, at: datetime) -> Shop:
    """Remove a shop: its token is deleted, its orders stay. Raises NotFound or Conflict."""
    shop = _with_app(connection, principal, shop_id, Change.ACCESS)
    store.remove_shop(connection, shop_id, at)
    _record(connection, principal, Action.SHOP_REMOVED, shop)
    return see_shop(connection, principal, shop_id)


def register_app(
    connection: sa.Connection,
    principal: Principal,
    shop: Shop,
    app_id: str,
    token: Sealed,
    jwks: str,
    at: datetime,
) -> None:
    """Store a verified registration of our app in a shop: see store.connect_shop.

    Raises NotFound or NotAllowed.
    """
    see_shop(connection, principal, shop.id)
    principal.require_change(shop.emp_id, Change.ACCESS)
    store.connect_shop(connection, shop, app_id, token, jwks, at)
    _record(connection, principal, Action.SHOP_CONNECTED, shop)


def report_orders(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    emp_id: int,
    reported: Sequence[tuple[int, ReportedOrder]],
    body: bytes,
    content_type: str,
    at: datetime,
) -> Receipt:
    """Store reported orders of an account, each with its position in `body`. The raw body is stored too.

    Idempotent: the same body again changes nothing, even if newer reports came in between.
    Raises NotAllowed or UnknownAccount.
    """
    if principal.sales_of != emp_id:  # a key that may do this, and nothing else
        target_account(connection, principal, emp_id)
    shop = store.shop_of_account(connection, emp_id, "api", at)
    digest = deliveries.delivery_digest(shop.api_url, SALES_API, body)
    buyers = [_buyer(keys, emp_id, given) for _, given in reported]
    erased = erased_orders(connection, keys, shop.id, emp_id, buyers)
    is_new = deliveries.store_delivery(
        connection,
        digest=digest,
        shop_id=shop.id,
        event=SALES_API,
        headers={"Content-Type": content_type},
        body=without_orders(body, erased) if erased else body,
        erased=bool(erased),
        at=at,
    )
    receipt = Receipt(shop.id, [], [])
    for position, given in reported:
        known = orders.get_order(connection, shop.id, given.id, lock=True)
        if known and not is_new:
            receipt.unchanged.append(Unchanged(position, given.id, "repeated"))
            continue
        since = known.order.updated_at if known else given.placed_at
        order = order_of_report(keys, emp_id, given, since, at + timedelta(microseconds=position))
        if given.id in erased:
            order = without_buyer(order, erased[given.id])
        try:
            check_order(order, at)
        except OutOfBounds as error:
            receipt.unchanged.append(Unchanged(position, given.id, error.reason))
            continue
        if orders.store_order(connection, shop.id, emp_id, order, digest):
            receipt.stored.append(order.id)
        else:
            receipt.unchanged.append(Unchanged(position, given.id, "older_than_known", since))
    return receipt


def _record(
    connection: sa.Connection,
    principal: Principal,
    action: Action,
    shop: Shop,
    changes: Changes | None = None,
) -> None:
    name = shop.name or shop.api_url
    record(connection, principal, shop.emp_id, action, shop.id, name, changes)


def _buyer(keys: Keys, emp_id: int, given: ReportedOrder) -> Buyer:
    email_hash, alias_hash = keys.hash_address(emp_id, given.email) if given.email else (None, None)
    return Buyer(given.id, email_hash, alias_hash, given.customer)


def _with_app(connection: sa.Connection, principal: Principal, shop_id: str, what: Change) -> Shop:
    shop = see_shop(connection, principal, shop_id)
    principal.require_change(shop.emp_id, what)
    if shop.platform != "saleor":
        raise Conflict("no_connection")
    return shop
