"""Webhooks: verified over the raw body, stored, committed, and only then answered 200.

Saleor sends again after a 5xx and never after a 4xx. So 4xx is for permanent failures and 503 for transient
ones. A signed delivery that cannot be read is stored and answered 200.
"""

from collections.abc import Mapping
from functools import partial
from threading import Lock
from typing import cast

import sqlalchemy as sa
import structlog
from flask import Response, current_app, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from salepixel.orders.deliveries import delivery_digest, store_delivery
from salepixel.orders.drafts import record_draft
from salepixel.orders.erased import hide_erased, ids_of_erased, names_erased
from salepixel.orders.redacted import NOTHING, without_orders
from salepixel.orders.store import store_order
from salepixel.shops.contract import Delivery, Page, Unread, Unreadable, UntrustedDelivery
from salepixel.shops.platforms import CONNECTORS
from salepixel.shops.saleor.connector import LIFECYCLE, read_app_status
from salepixel.shops.shop import Shop
from salepixel.shops.store import (
    disconnect_shop,
    find_shop,
    get_shop,
    keep_app_status,
    read_if_unchanged,
)
from salepixel.storage.database import is_unstorable
from salepixel.storage.ids import is_id
from salepixel.wire import jobs
from salepixel_plugin.reception import MAX_DELIVERY_BYTES
from salepixel_plugin.rejections import count_refusal, is_address
from salepixel_plugin.saleor.jwks import KeyReloads, KeysUnavailable
from salepixel_plugin.saleor.senders import Senders
from salepixel_plugin.services import services

SOURCE = "saleor_webhook"

log = structlog.get_logger()

_STATUS = {
    "too_large": 413,
    "malformed": 400,
    "event_mismatch": 400,
    "cut_short": 503,
    "busy": 503,
    "keys_unavailable": 503,
    "shop_changed": 503,
}
"""Every other refusal is a 401."""
_MESSAGES = {
    "too_large": "A delivery may have at most 32 MB.",
    "cut_short": "The body is incomplete; send it again.",
    "busy": "Too much is being received now; send it again.",
}
LARGE_BYTES = 4_000_000
"""Larger bodies are read one at a time: 28 MB of JSON take 300 MB of memory, and four at once took 1.1 GB."""
_one_large = Lock()

_KEPT_HEADERS = ("content-type", "user-agent", "traceparent")
"""Headers that are stored, with all saleor-*, to investigate a delivery. Others may contain secrets."""


class _ShopChanged(Exception):
    """While this delivery was judged, its shop was paused or removed, or got other keys or another app."""


def take_delivery() -> tuple[Response, int]:
    """POST /saleor/webhooks?shop=, for all events. A large one gets 503 while another large one is read."""
    if (request.content_length or 0) <= LARGE_BYTES:
        return _take()
    if not _one_large.acquire(blocking=False):
        return refuse_body("busy")
    try:
        return _take()
    finally:
        _one_large.release()


def _take() -> tuple[Response, int]:
    try:
        delivery = _receive()
        shop, content, newer = _keep(delivery)
    except UntrustedDelivery as refusal:
        if refusal.reason in _MESSAGES:
            return refuse_body(refusal.reason)
        return _refuse(refusal.reason, refusal.message)
    except KeysUnavailable:
        return _refuse("keys_unavailable", "The shop's signing keys cannot be checked now; send again.")
    except _ShopChanged:
        return _refuse("shop_changed", "The shop's connection has just changed; send again.")
    if newer:
        services().job_queue.enqueue_once(jobs.DRAIN)
    for reason in (one.reason for one in content.unread):
        log.warning("delivery_not_parsed", shop=shop.id, delivery_event=delivery.event, reason=reason)
        count_refusal(SOURCE, reason)
    return jsonify(ok=True), 200


def refuse_body(reason: str) -> tuple[Response, int]:
    """The answer to an incomplete delivery. `reason`: `too_large`, `cut_short` or `busy`.

    `cut_short` gets 503 if a shop may have sent the delivery, so that it sends again; otherwise 400.
    """
    answer, status = _refuse(reason, _MESSAGES[reason])
    if reason == "cut_short" and "Saleor-Signature" not in request.headers:
        return answer, 400
    return answer, status


def _receive() -> Delivery:
    # One byte more than the limit, because Werkzeug silently truncates a chunked body at its limit.
    request.max_content_length = MAX_DELIVERY_BYTES + 1
    try:
        body = request.get_data(cache=True)  # before anything else can read or parse it
    except RequestEntityTooLarge:
        body = None
    if body is None or len(body) > MAX_DELIVERY_BYTES:
        raise UntrustedDelivery("too_large", _MESSAGES["too_large"])
    if request.content_length not in (None, len(body)):
        raise UntrustedDelivery("cut_short", _MESSAGES["cut_short"])
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Delivery(headers.get("saleor-api-url", ""), headers.get("saleor-event", "").lower(), headers, body)


def _keep(delivery: Delivery) -> tuple[Shop, Page, list[str]]:
    """Verify a delivery and store it; returns its shop, what was read from it, and which orders were newer.

    Raises UntrustedDelivery, KeysUnavailable, _ShopChanged. Only the stored shop decides a rejection, never
    the cached one.
    """
    # The webhooks of an app from an early version do not name their shop: Saleor-Api-Url does.
    named = request.args.get("shop")
    if known := _senders().get(named, delivery.api_url):
        try:
            CONNECTORS[known.platform].verify(delivery, known)
            return known, *_read_and_store(delivery, known)
        except _ShopChanged:
            _senders().remove(named, delivery.api_url)
        except UntrustedDelivery:
            pass  # the shop may have other keys by now
    shop = _find_sender(delivery, named)
    check = partial(CONNECTORS[shop.platform].verify, delivery)
    shop = _key_reloads().verify(check, shop, services().database)
    _refuse_paused(delivery, shop)
    content, newer = _read_and_store(delivery, shop)
    if shop.paused_at is None:
        _senders().put(named, delivery.api_url, shop)
    return shop, content, newer


def _read_and_store(delivery: Delivery, shop: Shop) -> tuple[Page, list[str]]:
    content = _read(delivery, shop)
    try:
        return content, _store(delivery, shop, content)
    except (sa.exc.DBAPIError, OverflowError) as error:
        if not is_unstorable(error):
            raise
        # After a 503 the shop would send again for ever. The body itself can be stored.
        content = Page(unread=(Unread("unstorable"),))
        return content, _store(delivery, shop, content)


def _find_sender(delivery: Delivery, named: str | None) -> Shop:
    shop = None
    if is_address(delivery.api_url):
        with services().database.read() as connection:
            if named is None:
                shop = find_shop(connection, delivery.api_url)
            elif is_id(named):
                shop = get_shop(connection, named)
    if shop is not None and shop.removed_at is not None:
        raise UntrustedDelivery(
            "shop_removed", "This shop was removed from its account. Delete the app in the shop."
        )
    if shop is None or shop.platform != "saleor" or shop.jwks is None or shop.app_id is None:
        raise UntrustedDelivery(
            "unknown_installation", "No installation of this app is known for Saleor-Api-Url."
        )
    if shop.api_url != delivery.api_url:
        raise UntrustedDelivery(
            "unknown_installation", "The shop in this address has another Saleor-Api-Url."
        )
    return shop


def _refuse_paused(delivery: Delivery, shop: Shop) -> None:
    if shop.paused_at is not None and delivery.event not in LIFECYCLE:
        raise UntrustedDelivery(
            "shop_paused", "This shop is paused. Its orders are fetched when it is resumed."
        )


def _read(delivery: Delivery, shop: Shop) -> Page:
    hash_address = partial(services().keys.hash_address, shop.emp_id)
    try:
        return CONNECTORS[shop.platform].read_orders(delivery, hash_address)
    except Unreadable as error:
        return Page(unread=(Unread(error.reason),))


def _store(delivery: Delivery, shop: Shop, content: Page) -> list[str]:
    """Store the delivery and its orders in one transaction; returns the ids of new and newer orders.

    Raises _ShopChanged.
    """
    digest = delivery_digest(delivery.api_url, delivery.event, delivery.body)
    with services().database.write() as connection:
        its_order = content.orders[0].id if len(content.orders) == 1 else ""
        last_delivery = read_if_unchanged(connection, shop, its_order)
        if last_delivery is None:
            raise _ShopChanged
        kept = hide_erased(connection, services().keys, shop.id, shop.emp_id, content.orders)
        erased, body = ids_of_erased(kept), delivery.body
        if erased:
            body = without_orders(body, erased)
        elif (content.unread or content.drafts) and names_erased(
            connection, services().keys, shop.emp_id, body
        ):
            body = NOTHING
        is_new = store_delivery(
            connection,
            digest=digest,
            shop_id=shop.id,
            event=delivery.event,
            headers=_kept(delivery.headers),
            body=body,
            erased=body is not delivery.body,
            at=services().clock(),
            unread=" ".join(sorted({one.reason for one in content.unread})),
            like=last_delivery,
        )
        if not is_new:
            return []
        _keep_app(connection, delivery, shop)
        for order_id in content.drafts:
            record_draft(connection, shop.id, order_id)
        return [order.id for order in kept if store_order(connection, shop.id, shop.emp_id, order, digest)]


def _keep_app(connection: sa.Connection, delivery: Delivery, shop: Shop) -> None:
    if delivery.event == "app_deleted":
        # Staff may have reinstalled the app since we read the shop; then the new token must stay.
        disconnect_shop(connection, shop.id, shop.app_id or "", services().clock())
    elif status := read_app_status(delivery):
        keep_app_status(connection, shop.id, *status)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in headers.items() if name.startswith("saleor-") or name in _KEPT_HEADERS
    }


def _refuse(reason: str, message: str) -> tuple[Response, int]:
    count_refusal(SOURCE, reason)
    if is_id(named := request.args.get("shop", "")):
        services().tally.count_for_shop(named, reason)
    answer = jsonify(ok=False, reason=reason, message=message)
    status = _STATUS.get(reason, 401)
    if status == 503:
        answer.headers["Retry-After"] = "60"
    return answer, status


def _key_reloads() -> KeyReloads:
    return cast(KeyReloads, current_app.extensions["salepixel_key_reloads"])


def _senders() -> Senders:
    return cast(Senders, current_app.extensions["salepixel_senders"])
