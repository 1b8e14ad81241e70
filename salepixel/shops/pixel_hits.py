"""Stores pixel hits from an edge: as evidence, or as orders if the account has no connected shop."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog

from salepixel.accounts import store as accounts
from salepixel.accounts.erased import erased_contacts
from salepixel.accounts.store import Account
from salepixel.clicks import hit_store as hits
from salepixel.clicks import store as clicks
from salepixel.clicks.hits import UNREADABLE, BadHit, Hit, is_signed, parse_hit
from salepixel.clicks.opt_outs import opted_out_among
from salepixel.clicks.records import HitRecord
from salepixel.clicks.tokens import BadClickToken, Click, ClickSealer, is_digest, least_id_at
from salepixel.keys import pixel_secret_place
from salepixel.money.amounts import BadMoney
from salepixel.orders import deliveries
from salepixel.orders import store as orders
from salepixel.orders.bounds import OutOfBounds, check_order
from salepixel.orders.requeue import requeue_orders_of_pixel_hit
from salepixel.shops import store as shops

log = structlog.get_logger()

MAX_HITS = 500
"""Hits of one order. Each new hit reads all earlier ones again, and no order has this many lines."""


def store_pixel_hit(connection: sa.Connection, sealer: ClickSealer, record: HitRecord) -> None:
    """Store a pixel hit, and its order if the account has no connected shop. Idempotent.

    An ignored hit is stored with its reason, and the reason is counted.
    """
    account = accounts.lock_account(connection, record.emp_id)
    if account is None:
        deliveries.count_rejection(connection, "pixel", "unknown_account")
        return
    refused_before = account.hits_refused_before
    if refused_before is not None and record.id < least_id_at(refused_before):
        deliveries.count_rejection(connection, "pixel", "hit_ended")
        return
    hit, ignored = _read_hit(record, account)
    signed = record.signed
    if not ignored:
        # Checked again here, because the edge may not have had the account's secret or currency yet.
        secret = _open_secret(sealer, account)
        if secret is not None:
            signed = bool(secret and hit.signature) and is_signed(secret, hit)
        if secret and hit.signature and not signed and hit.is_readable:
            ignored = "bad_signature"
        elif account.pixel_signed and not signed:
            ignored = "unsigned"
    token, click = _open(sealer, account.emp_id, record.cookie, hit.click)
    if click and _refused(connection, sealer, click):
        token, click = "", None
    stored = hits.StoredHit(record.id, hit, token, signed, ignored)
    since = shops.connected_since(connection, account.emp_id)
    if not ignored and (since is None or stored.hit_at < since):
        # Only hits that make an order must be readable. With a connected shop, a hit is just evidence.
        ignored = "" if hit.is_readable else hit.problem
        order_id = "" if ignored else hits.pixel_order_id(connection, account, hit, click)
        stored = replace(stored, ignored=ignored, order_id=order_id)
    its_hits: list[hits.StoredHit] = []
    if stored.order_id:
        its_hits = hits.hits_making(connection, account.emp_id, [stored.order_id])[stored.order_id]
    if stored.order_id and _has_ended(connection, account, stored):
        deliveries.count_rejection(connection, "pixel", "hit_ended")
        return
    if stored.order_id and (reason := _out_of_bounds(account, stored, its_hits)):
        stored = replace(stored, ignored=reason, order_id="")
    if stored.problem:
        deliveries.count_rejection(connection, "pixel", stored.problem)
    if not hits.store_hit(connection, stored) or stored.ignored:
        return
    if stored.order_id:
        shop = shops.shop_of_account(connection, account.emp_id, "pixel", stored.hit_at)
        order = hits.order_from_hits(account, stored.order_id, [*its_hits, stored])
        orders.store_order(connection, shop.id, account.emp_id, order, "", always=True)
    if hit.order:
        requeue_orders_of_pixel_hit(connection, account.emp_id, hit.order)


def _has_ended(connection: sa.Connection, account: Account, stored: hits.StoredHit) -> bool:
    """Whether retention has deleted the order's other hits: this hit alone would replace all its lines."""
    if account.clicks_ended_before is None:
        return False
    shop = shops.shop_of_account(connection, account.emp_id, "pixel", stored.hit_at)
    placed_at = orders.time_of_order(connection, shop.id, stored.order_id)
    return placed_at is not None and account.lacks_clicks(placed_at)


def _out_of_bounds(
    account: accounts.Account, stored: hits.StoredHit, its_hits: Sequence[hits.StoredHit]
) -> str:
    """Why a hit and the earlier hits of its order make no valid order; empty if they do."""
    if stored.id in {hit.id for hit in its_hits}:
        return ""  # stored before
    if len(its_hits) >= MAX_HITS:
        return "too_many_hits"
    # Each hit as its own line, whatever the account's setting: the setting may change later.
    by_line = replace(account, pixel_amount="line")
    try:
        check_order(hits.order_from_hits(by_line, stored.order_id, [*its_hits, stored]), datetime.now(UTC))
    except (OutOfBounds, BadMoney) as error:
        return error.reason
    return ""


def _refused(connection: sa.Connection, sealer: ClickSealer, click: Click) -> bool:
    """Whether the contact of a token opted out, or was erased."""
    if erased_contacts(connection, sealer.keys, click.emp_id, [click.contact]):
        return True
    if is_digest(click.contact):
        # The reference was too long for the token. The click's row has all of it, or none after an opt-out.
        stored = clicks.get_clicks(connection, [click.id]).get(click.id)
        click = stored.click if stored else click
        if not click.contact:
            return True
    return bool(opted_out_among(connection, click.emp_id, [click.contact]))


def _read_hit(record: HitRecord, account: Account) -> tuple[Hit, str]:
    """The hit, its amount read in the account's currency, and why it is ignored, or empty.

    A reason in UNREADABLE is dropped: the caller decides if it matters.
    """
    ignored = "" if record.ignored in UNREADABLE else record.ignored
    try:
        return parse_hit(record.query, {account.emp_id: account.currency}), ignored
    except BadHit as bad:
        return Hit(record.emp_id), ignored or bad.reason


def _open_secret(sealer: ClickSealer, account: Account) -> bytes | None:
    """The secret of the account's pixel, empty if it has none; None if it cannot be decrypted.

    With None, the edge's check of the signature counts. After a key rotation another process may have
    encrypted the secret with a key that this worker reads only at its next start.
    """
    try:
        return bytes.fromhex(sealer.keys.open(pixel_secret_place(account.emp_id), account.pixel_secret))
    except ValueError as error:  # also BadSeal
        log.error("pixel_secret_not_decrypted", emp_id=account.emp_id, error=str(error))
        return None


def _open(sealer: ClickSealer, emp_id: int, *tokens: str) -> tuple[str, Click | None]:
    """The first valid click token of this account among these, and its click."""
    for token in tokens:
        with suppress(BadClickToken):
            click = sealer.open(token)
            if click.emp_id == emp_id:
                return token, click
    return "", None
