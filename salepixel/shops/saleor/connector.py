"""Saleor: deliveries are signed with the shop's key (JWS), an order comes as a GraphQL selection.

A delivery is only ever "the newest snapshot of this order": from 3.23 Saleor builds it later than the event
it is named for, so no amount depends on the event's name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from salepixel.orders.bounds import MAX_REFERENCE_BYTES, OutOfBounds, check_order
from salepixel.orders.order import Order
from salepixel.shops.contract import (
    Access,
    AskForLess,
    BadSignature,
    Delivery,
    HashAddress,
    Page,
    Refused,
    ShopAway,
    TokenRefused,
    Unread,
    Unreadable,
)
from salepixel.shops.saleor import api as saleor_api
from salepixel.shops.saleor.order import as_object, read_id, read_order, read_time
from salepixel.shops.shop import Shop
from salepixel.shops.signatures import verify_detached
from salepixel.shops.strict_json import BadJson

LIFECYCLE = frozenset({"app_installed", "app_updated", "app_status_changed", "app_deleted"})

MAX_NAME = 255
"""Characters of an order's id or number that is shown though the order cannot be read."""

MIN_SLOW_ORDERS = 6
"""A shop that is too slow for so few orders is away; half of them again would take 20 s each time."""

_UNANSWERED = {"shop_away": "order_not_answered", "shop_too_large": "order_too_large"}
_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


def verify(delivery: Delivery, shop: Shop) -> None:
    """Return when the shop signed this body, for our app, as this event. Raises Refused.

    Saleor signs the body only: another app's delivery and a swapped Saleor-Event verify as well, so both
    are held against what the body says.
    """
    signature = delivery.headers.get("saleor-signature")
    if not signature or shop.jwks is None:
        raise BadSignature("no_signature", "Saleor-Signature is missing.")
    verify_detached(signature, delivery.body, shop.jwks)
    content = _load(delivery)
    recipient = content.get("recipient")
    if not isinstance(recipient, dict) or recipient.get("id") != shop.app_id:
        raise Refused("other_app", "This delivery is for another app, or for an earlier installation.")
    typename = content.get("__typename")
    if not isinstance(typename, str) or _HUMP.sub("_", typename).lower() != delivery.event:
        raise Refused("event_mismatch", "Saleor-Event does not say what the body says.")


def read_orders(delivery: Delivery, hash_address: HashAddress) -> Page:
    """The orders in a verified delivery; one that cannot be read does not keep the others away.

    Raises Unreadable.
    """
    if delivery.event in LIFECYCLE:
        return Page(())
    content = _load(delivery)
    issued_at = read_time(content, "issuedAt")
    listed = content["orders"] if "orders" in content else [content.get("order")]
    if not isinstance(listed, list):
        raise Unreadable(_why_none(content))
    is_created = delivery.event == "order_created"
    orders, unread, drafts = [], [], []
    for one in listed:
        try:
            found = as_object(one, _why_none(content))
            if found.get("status") == "DRAFT":
                drafts.append(_read_draft(found))
            else:
                orders.append(_as_created(_read(found, issued_at, hash_address), is_created))
        except Unreadable as error:
            unread.append(_unread(one, error.reason))
    return Page(tuple(orders), tuple(unread), tuple(drafts))


def _read_draft(order: Mapping[str, Any]) -> str:
    draft = read_id(order)
    if len(draft.encode()) > MAX_REFERENCE_BYTES:
        raise Unreadable("long_reference")
    return draft


def _why_none(content: Mapping[str, Any]) -> str:
    """A Saleor that cannot answer one field gives no order, and errors beside it."""
    return "shop_error" if content.get("errors") else "no_order"


def _as_created(order: Order, is_created: bool) -> Order:
    # An order is created from a checkout or by completing a draft: imports have an event of their own
    # (order/actions.py of Saleor 3.23).
    return replace(order, draft=True) if is_created and order.draft is None else order


def read_app_status(delivery: Delivery) -> tuple[bool, datetime] | None:
    """Whether a verified delivery says that our app is active in the shop, and when it said so (UTC)."""
    if delivery.event != "app_status_changed":
        return None
    content = _load(delivery)
    app = content.get("app")
    active = app.get("isActive") if isinstance(app, dict) else None
    try:
        return (active, read_time(content, "issuedAt")) if isinstance(active, bool) else None
    except Unreadable:
        return None


def changed_orders(
    access: Access, since: datetime, until: datetime, hash_address: HashAddress
) -> Iterator[Page]:
    """The orders whose `updatedAt` lies between two times, page by page. Raises ShopAway, TokenRefused.

    Saleor leaves `updatedAt` as it was when an order expires, so these are not among them.
    """
    between = {"updatedAt": {"gte": since.isoformat(), "lte": until.isoformat()}}
    return _asked_orders(access, between, None, hash_address)


def named_orders(
    access: Access, ids: Sequence[str], at: datetime, hash_address: HashAddress
) -> Iterator[Page]:
    """The orders with these ids as they are at `at`. Raises ShopAway, TokenRefused."""
    return _asked_orders(access, {"ids": list(ids)}, at, hash_address)


def count_orders(access: Access, days: Sequence[date]) -> dict[date, int]:
    """How many orders the shop has of each day (UTC). Raises ShopAway, TokenRefused."""
    schema = saleor_api.fetch_version(access.shop.api_url, access.token)
    return saleor_api.count_orders(access.shop.api_url, access.token, schema, days)


def why_refused(access: Access) -> str:
    """Why the shop refuses our token. Raises ShopAway."""
    try:
        app = saleor_api.ask_for_app(access.shop.api_url, access.token)
    except TokenRefused:
        return "token_refused" if access.shop.app_active else "app_inactive"
    return "token_refused" if saleor_api.PERMISSION in app.permissions else "permission_removed"


def _asked_orders(
    access: Access, wanted: Mapping[str, Any], issued_at: datetime | None, hash_address: HashAddress
) -> Iterator[Page]:
    """Page by page; one that fails is asked for again in halves, down to the one order that fails.

    Saleor answers null for a whole page when one order of it cannot be written, and a page of large orders
    has more bytes than we take.
    """
    schema, after = saleor_api.fetch_version(access.shop.api_url, access.token), None
    first = saleor_api.PAGE_ORDERS
    for _ in range(saleor_api.MAX_PAGES):
        try:
            found = saleor_api.fetch_orders(access.shop.api_url, access.token, schema, wanted, after, first)
        except AskForLess as trouble:
            if first == 1:
                page, leads_to = _skip(access, schema, wanted, after, trouble)
            elif trouble.reason == "shop_too_slow" and first <= MIN_SLOW_ORDERS:
                raise
            else:
                page, leads_to, first = Page(), after, first // 2
                yield page  # nothing yet; it says that we are still at it
                continue
        else:
            page, leads_to = _read_page(found.nodes, issued_at, hash_address), found.after
            first = min(first * 2, saleor_api.PAGE_ORDERS)
        yield page
        if leads_to is None:
            return
        if leads_to == after:
            break
        after = leads_to
    raise ShopAway("its pages of orders do not end")


def _read(order: Mapping[str, Any], issued_at: datetime | None, hash_address: HashAddress) -> Order:
    try:
        return check_order(read_order(order, issued_at, hash_address), datetime.now(UTC))
    except OutOfBounds as error:
        raise Unreadable(error.reason) from error


def _skip(
    access: Access, schema: tuple[int, int], wanted: Mapping[str, Any], after: str | None, trouble: AskForLess
) -> tuple[Page, str | None]:
    """The one order that fails, as unread, and where the others begin. Raises what it cannot name."""
    if trouble.reason not in _UNANSWERED:
        raise trouble
    place = saleor_api.fetch_place(access.shop.api_url, access.token, schema, wanted, after)
    reason = _UNANSWERED[trouble.reason]
    return Page(unread=tuple(_unread(node, reason, str(trouble)) for node in place.nodes)), place.after


def _read_page(nodes: Sequence[Any], issued_at: datetime | None, hash_address: HashAddress) -> Page:
    orders, unread = [], []
    for node in nodes:
        try:
            orders.append(_read(as_object(node, "no_order"), issued_at, hash_address))
        except Unreadable as error:
            unread.append(_unread(node, error.reason))
    return Page(tuple(orders), tuple(unread))


def _unread(node: object, reason: str, detail: str = "") -> Unread:
    fields = node if isinstance(node, dict) else {}
    return Unread(reason, _short(fields.get("id")), _short(fields.get("number")), detail)


def _short(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= MAX_NAME and value.isprintable() else ""


def _load(delivery: Delivery) -> Mapping[str, Any]:
    try:
        return delivery.content
    except BadJson as error:
        raise Refused("malformed", "The body is not a JSON object.") from error
