"""Saleor: deliveries are signed with the shop's key (JWS), and contain the order as a GraphQL selection.

A delivery is a snapshot of the order, newer than its event: from 3.23 on, Saleor builds it some time after
the event. So no amount depends on the event's name.
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
    BadSignature,
    Delivery,
    HashAddress,
    Page,
    PageTooLarge,
    ShopUnavailable,
    TokenRefused,
    Unread,
    Unreadable,
    UntrustedDelivery,
)
from salepixel.shops.saleor import api as saleor_api
from salepixel.shops.saleor.order import as_object, read_id, read_order, read_time
from salepixel.shops.shop import Shop
from salepixel.shops.signatures import verify_detached
from salepixel.shops.strict_json import BadJson

LIFECYCLE = frozenset({"app_installed", "app_updated", "app_status_changed", "app_deleted"})

MAX_NAME = 255
"""Characters that pages show of the id or number of an unreadable order."""

MIN_SLOW_ORDERS = 6
"""A shop that is too slow for this few orders gets no smaller query: each would take 20 s again."""

_UNANSWERED = {"shop_unavailable": "order_not_answered", "shop_too_large": "order_too_large"}
_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


def verify(delivery: Delivery, shop: Shop) -> None:
    """Check that the shop signed this body, for our app, as this event. Raises UntrustedDelivery.

    Saleor signs only the body: the signature fits another app's delivery and a changed Saleor-Event too. So
    the app and the event are compared with the body.
    """
    signature = delivery.headers.get("saleor-signature")
    if not signature or shop.jwks is None:
        raise BadSignature("no_signature", "Saleor-Signature is missing.")
    verify_detached(signature, delivery.body, shop.jwks)
    content = _load(delivery)
    recipient = content.get("recipient")
    if not isinstance(recipient, dict) or recipient.get("id") != shop.app_id:
        raise UntrustedDelivery(
            "other_app", "This delivery is for another app, or for an earlier installation."
        )
    typename = content.get("__typename")
    if not isinstance(typename, str) or _HUMP.sub("_", typename).lower() != delivery.event:
        raise UntrustedDelivery("event_mismatch", "Saleor-Event does not say what the body says.")


def read_orders(delivery: Delivery, hash_address: HashAddress) -> Page:
    """The orders in a verified delivery; an unreadable one does not affect the others.

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
    """Why there is no order: Saleor sends errors instead of the order if one of its fields fails."""
    return "shop_error" if content.get("errors") else "no_order"


def _as_created(order: Order, is_created: bool) -> Order:
    # ORDER_CREATED means a checkout or a completed draft: imports have their own event (order/actions.py
    # of Saleor 3.23).
    return replace(order, draft=True) if is_created and order.draft is None else order


def read_app_status(delivery: Delivery) -> tuple[bool, datetime] | None:
    """Whether our app is active in the shop according to a verified delivery, and when (UTC)."""
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
    """The orders whose `updatedAt` lies between two times, page by page.

    Raises ShopUnavailable, TokenRefused.

    Expired orders are missing: Saleor does not change `updatedAt` when an order expires.
    """
    between = {"updatedAt": {"gte": since.isoformat(), "lte": until.isoformat()}}
    return _asked_orders(access, between, None, hash_address)


def named_orders(
    access: Access, ids: Sequence[str], at: datetime, hash_address: HashAddress
) -> Iterator[Page]:
    """The current orders with these ids, dated `at`. Raises ShopUnavailable, TokenRefused."""
    return _asked_orders(access, {"ids": list(ids)}, at, hash_address)


def count_orders(access: Access, days: Sequence[date]) -> dict[date, int]:
    """The number of orders in the shop for each day (UTC). Raises ShopUnavailable, TokenRefused."""
    schema = saleor_api.fetch_version(access.shop.api_url, access.token)
    return saleor_api.count_orders(access.shop.api_url, access.token, schema, days)


def token_problem(access: Access) -> str:
    """Why the shop rejects our token. Raises ShopUnavailable."""
    try:
        app = saleor_api.ask_for_app(access.shop.api_url, access.token)
    except TokenRefused:
        return "token_refused" if access.shop.app_active else "app_inactive"
    return "token_refused" if saleor_api.PERMISSION in app.permissions else "permission_removed"


def _asked_orders(
    access: Access, wanted: Mapping[str, Any], issued_at: datetime | None, hash_address: HashAddress
) -> Iterator[Page]:
    """Pages of orders; a page that fails is requested again in halves, down to the one order that fails.

    Saleor answers null for the whole page if one of its orders fails, and a page of large orders may exceed
    our limit of bytes.
    """
    schema, after = saleor_api.fetch_version(access.shop.api_url, access.token), None
    first = saleor_api.PAGE_ORDERS
    for _ in range(saleor_api.MAX_PAGES):
        try:
            found = saleor_api.fetch_orders(access.shop.api_url, access.token, schema, wanted, after, first)
        except PageTooLarge as trouble:
            if first == 1:
                page, leads_to = _skip(access, schema, wanted, after, trouble)
            elif trouble.reason == "shop_too_slow" and first <= MIN_SLOW_ORDERS:
                raise
            else:
                page, leads_to, first = Page(), after, first // 2
                yield page  # empty: the caller extends its claim with each page
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
    raise ShopUnavailable("its pages of orders do not end")


def _read(order: Mapping[str, Any], issued_at: datetime | None, hash_address: HashAddress) -> Order:
    try:
        return check_order(read_order(order, issued_at, hash_address), datetime.now(UTC))
    except OutOfBounds as error:
        raise Unreadable(error.reason) from error


def _skip(
    access: Access,
    schema: tuple[int, int],
    wanted: Mapping[str, Any],
    after: str | None,
    trouble: PageTooLarge,
) -> tuple[Page, str | None]:
    """The one order that fails, as unread, and the cursor after it. Raises `trouble` for other causes."""
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
        raise UntrustedDelivery("malformed", "The body is not a JSON object.") from error
