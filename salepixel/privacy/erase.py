"""Erases a person in steps. Each step is a short transaction, so that a crash between two steps loses
nothing.

The transaction that begins the erasure adds the person to the list of the erased: from then on, no new data
about the person is stored. The sealed `work` of an erasure holds the person and the progress.
"""

import json
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from pydantic import ValidationError

from salepixel.accounts.declined import Invalid
from salepixel.accounts.store import get_account
from salepixel.attribution.decisions import get_decision
from salepixel.attribution.gather import open_token
from salepixel.attribution.sale_store import replace_sales, sales_of_orders
from salepixel.campaigns.coupons import find_coupons
from salepixel.clicks.tokens import ClickSealer
from salepixel.computations.store import delete_some
from salepixel.destinations.announce import forget_contact
from salepixel.keys import BadSeal
from salepixel.lists import store as lists
from salepixel.mails.mail import Kind
from salepixel.mails.redacted import without_addresses, without_addresses_in
from salepixel.orders import store as orders
from salepixel.orders.deliveries import erase_in_delivery, read_delivery
from salepixel.orders.erased import without_buyer
from salepixel.orders.order import Order
from salepixel.orders.outcome import Outcome
from salepixel.orders.packing import Damaged
from salepixel.orders.requeue import DueReason, requeue_order
from salepixel.privacy.erasures import (
    Erasure,
    Work,
    end_erasure,
    erasures_under_way,
    get_erasure,
    keep_error,
    keep_work,
    take_work,
)
from salepixel.privacy.person import Person, Place, orders_naming, own_orders
from salepixel.privacy.receivers import delete_receiver, receivers_of
from salepixel.privacy.reports import Reported
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.storage.many import is_one_of
from salepixel.sums import clicks as click_sums

log = structlog.get_logger()

CLICKS_AT_ONCE = 1000
ORDERS_AT_ONCE = 20
EXAMINED = 300
"""Hits, orders and deliveries that one step reads."""

NO_KEY = "no_key"
"""The error of an erasure whose person cannot be decrypted: its key is lost. Erase the person again."""

_DAMAGE = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
"""What reading a damaged row raises."""

YIELD_SECONDS = 0.03
"""The longest pause between two steps: a waiting writer of SQLite retries after 25 ms."""


def continue_erasures(
    database: Database, sealer: ClickSealer, budget_seconds: float, only: str | None = None
) -> int:
    """Continue all erasures in progress, or `only` one, for about this long; returns how many finished."""
    deadline, ended = time.monotonic() + budget_seconds, 0
    with database.read() as connection:
        waiting = [only] if only else erasures_under_way(connection)
    for erasure_id in waiting:
        try:
            while _step(database, sealer, erasure_id):
                if time.monotonic() > deadline:
                    return ended
        except (BadSeal, *_DAMAGE) as error:
            # The text of any other error may name the person.
            what = NO_KEY if isinstance(error, BadSeal) else type(error).__name__
            log.error("erasure_failed", erasure=erasure_id, error=what)
            with database.write() as connection:
                keep_error(connection, erasure_id, what, datetime.now(UTC))
            continue
        # SQLite's log still holds the overwritten rows.
        if database.empty_log():
            with database.write() as connection:
                end_erasure(connection, erasure_id, datetime.now(UTC))
            ended += 1
    return ended


def finish_erasure(
    database: Database, sealer: ClickSealer, erasure: Erasure, budget_seconds: float
) -> Erasure:
    """Continue one erasure for about this long; returns its receipt. The worker's sweep does the rest."""
    continue_erasures(database, sealer, budget_seconds, erasure.id)
    with database.read() as connection:
        return get_erasure(connection, erasure.id) or erasure


def _step(database: Database, sealer: ClickSealer, erasure_id: str) -> bool:
    """Do the next step of an erasure; False if no step is left."""
    began = time.monotonic()
    with database.write() as connection:
        taken = take_work(connection, sealer.keys, erasure_id)
        if taken is None:
            return False
        erasure, work = taken
        if work["part"] == len(_PARTS):
            return False
        person, counts = Person.from_json(work["person"]), Counter(erasure.counts)
        if not _PARTS[work["part"]](_Step(connection, sealer, person, erasure, work, counts)):
            work |= {"part": work["part"] + 1, "after": None}
        keep_work(connection, sealer.keys, replace(erasure, counts=counts), work)
    time.sleep(min(YIELD_SECONDS, time.monotonic() - began))
    return True


def new_work(person: Person) -> Work:
    """The `work` of a new erasure."""
    return {"person": person.as_json(), "orders": [], "part": 0, "after": None}


class _Step:
    """The arguments of one step. `work["after"]`: the place where the step before it stopped."""

    def __init__(
        self,
        connection: sa.Connection,
        sealer: ClickSealer,
        person: Person,
        erasure: Erasure,
        work: Work,
        counts: Counter[str],
    ) -> None:
        self.connection, self.sealer, self.person = connection, sealer, person
        self.erasure, self.work, self.counts = erasure, work, counts

    def change(self, table: sa.Table, values: Mapping[str, Any], *which: sa.ColumnElement[bool]) -> None:
        """Change rows, and count them."""
        done = self.connection.execute(sa.update(table).where(*which).values(values)).rowcount
        self.counts[table.name] += done

    def delete(self, table: sa.Table, *which: sa.ColumnElement[bool]) -> None:
        """Delete rows, and count them."""
        self.counts[table.name] += self.connection.execute(sa.delete(table).where(*which)).rowcount

    def is_named_by(self, column: sa.Column[str]) -> sa.ColumnElement[bool]:
        """True where a column has one of the person's references."""
        return is_one_of(self.connection, column, self.person.names)


def _clear_clicks(step: _Step) -> bool:
    clicks = schema.clicks
    theirs = clicks.c.emp_id == step.person.emp_id, step.is_named_by(clicks.c.contact)
    query = sa.select(clicks).where(*theirs).order_by(clicks.c.id).limit(CLICKS_AT_ONCE)
    # Locked: the sums would be wrong if a worker changed a verdict meanwhile.
    rows = step.connection.execute(query.with_for_update()).all()
    if rows:
        step.change(clicks, {"contact": ""}, clicks.c.id.in_([row.id for row in rows]))
        click_sums.add(
            step.connection, rows, [tuple({**row._mapping, "contact": ""}.values()) for row in rows]
        )
    else:  # the remaining sums count clicks that retention has deleted
        step.counts["clickers"] += click_sums.forget(step.connection, step.person.emp_id, step.person.names)
    return bool(rows)


def _clear_own_orders(step: _Step) -> bool:
    places = own_orders(step.connection, step.person, ORDERS_AT_ONCE)
    for place in places:
        _clear_order(step, place, is_own=True)
    return bool(places)


def _clear_orders_naming(step: _Step) -> bool:
    places = orders_naming(step.connection, step.person, ORDERS_AT_ONCE)
    for place in places:
        _clear_order(step, place, is_own=False)
    return bool(places)


def _clear_orders_with_tokens(step: _Step) -> bool:
    """Clear orders with the person's click token that are undecided, or decided as opted out."""
    columns = schema.orders.c
    place, after = (columns.placed_at, columns.shop_id, columns.id), step.work["after"]
    query = sa.select(*place, columns.snapshot).where(columns.emp_id == step.person.emp_id)
    if after is not None:
        since = sa.literal(datetime.fromisoformat(after[0]), columns.placed_at.type)
        query = query.where(sa.tuple_(*place) < sa.tuple_(since, *map(sa.literal, after[1:])))
    query = query.order_by(*(column.desc() for column in place)).limit(EXAMINED)
    page = step.connection.execute(query).all()
    for row in page:
        # Read as JSON, not as an Order: a damaged order of another person must not stop the erasure.
        token = json.loads(row.snapshot).get("click_token")
        if token and _is_theirs(step, token):
            _clear_order(step, (row.shop_id, row.id), is_own=False)
    if page:
        step.work["after"] = [page[-1].placed_at.isoformat(), page[-1].shop_id, page[-1].id]
    return bool(page)


def _clear_order(step: _Step, place: Place, *, is_own: bool) -> None:
    """Remove the person from an order and from all rows derived from it. Amounts stay the same."""
    connection, (shop_id, order_id) = step.connection, place
    try:
        stored = orders.get_order(connection, shop_id, order_id, lock=True)
    except ValidationError:
        stored = orders.clear_damaged(connection, shop_id, order_id, step.erasure.begun_at)
    else:
        if stored is None:
            return
        hide = without_buyer if is_own else partial(_without_person, step)
        stored = orders.keep_without_person(connection, stored, hide(stored.order, step.erasure.begun_at))
    step.counts["orders"] += 1
    step.work["orders"].append([shop_id, order_id])
    for table, names in (
        (schema.decisions, ("contact", "buyer")),
        (schema.candidates, ("contact",)),
    ):
        is_named = {name: step.is_named_by(table.c[name]) for name in names}
        values = {name: sa.case((named, ""), else_=table.c[name]) for name, named in is_named.items()}
        its = table.c.shop_id == shop_id, table.c.order_id == order_id
        step.change(table, values, *its, sa.or_(*is_named.values()))
    unread = schema.unread_orders
    its = unread.c.shop_id == shop_id, unread.c.order_id == order_id
    step.change(unread, {"detail": ""}, *its, unread.c.detail != "")
    sold = sales_of_orders(connection, [stored.key])[stored.key]
    named = sum(sale.contact in step.person.names for sale in sold)
    if named:
        sold = [s._replace(contact="") if s.contact in step.person.names else s for s in sold]
        replace_sales(connection, [(stored, sold)])
        step.counts["sales"] += named
    if account := get_account(connection, stored.emp_id):
        step.counts["outbox"] += forget_contact(connection, account, stored, sold)
    decision = get_decision(connection, shop_id, order_id)
    if decision is None or decision.explanation.outcome is Outcome.PENDING:
        requeue_order(connection, shop_id, order_id, DueReason.ERASED)


def _without_person(step: _Step, order: Order, at: datetime) -> Order:
    """Another buyer's order without the erased person. The buyer's own address and customer stay."""
    known = find_coupons(step.connection, step.person.emp_id, [order.voucher] if order.voucher else [])
    coupon = known.get(order.voucher)
    is_their_code = coupon is not None and coupon.contact in step.person.names
    is_their_token = bool(order.click_token) and _is_theirs(step, order.click_token or "")
    return replace(
        order,
        click_token=None if is_their_token else order.click_token,
        voucher="" if is_their_code else order.voucher,
        erased_at=order.erased_at or at,
    )


def _clear_hits(step: _Step) -> bool:
    hits, after = schema.hits, step.work["after"]
    query = sa.select(hits.c.id, hits.c.emp_id, hits.c.click_token).order_by(hits.c.id).limit(EXAMINED)
    rows = step.connection.execute(query.where(hits.c.id > bytes.fromhex(after or ""))).all()
    ours = [row for row in rows if row.emp_id == step.person.emp_id and row.click_token]
    theirs = [row.id for row in ours if _is_theirs(step, row.click_token)]
    if theirs:
        step.change(hits, {"click_token": ""}, hits.c.id.in_(theirs))
    if rows:
        step.work["after"] = rows[-1].id.hex()
    return bool(rows)


def _is_theirs(step: _Step, token: str) -> bool:
    click = open_token(step.sealer, token)
    return click is not None and click.emp_id == step.person.emp_id and click.contact in step.person.names


def _redact_deliveries(step: _Step) -> bool:
    """Redact deliveries, newest first: a delivery may lack the end that it shares with an older delivery."""
    deliveries, shops = schema.deliveries, schema.shops
    shop_id, received_at, digest = step.work["after"] or ["", "", ""]
    if not received_at:
        ours = sa.select(sa.func.min(shops.c.id)).where(
            shops.c.emp_id == step.person.emp_id, shops.c.id > shop_id
        )
        shop_id = step.connection.scalar(ours)
        if shop_id is None:
            return False
    place = deliveries.c.received_at, deliveries.c.digest
    columns = deliveries.c.digest, deliveries.c.received_at, deliveries.c.same_as
    query = sa.select(*columns).where(deliveries.c.shop_id == shop_id)
    if received_at:
        since = sa.literal(datetime.fromisoformat(received_at), place[0].type)
        query = query.where(sa.tuple_(*place) < sa.tuple_(since, sa.literal(digest)))
    rows = step.connection.execute(query.order_by(*(one.desc() for one in place)).limit(EXAMINED)).all()
    theirs = [order_id for shop, order_id in step.work["orders"] if shop == shop_id]
    look = Reported(step.sealer.keys, step.person, shop_id, theirs)
    for row in rows:
        _redact(step, look, row.digest, is_whole=row.same_as is None)
    last = (
        [rows[-1].received_at.isoformat(), rows[-1].digest] if rows else ["", ""]
    )  # "": continue with the next shop
    step.work["after"] = [shop_id, *last]
    return True


def _redact(step: _Step, look: Reported, digest: str, *, is_whole: bool) -> None:
    try:
        delivery = read_delivery(step.connection, digest)
    except Damaged:
        step.counts["deliveries not readable"] += 1
        return
    if delivery is None:
        return
    redacted = look.without(delivery.body)
    # The older delivery with the shared end was erased or emptied before. The stored beginning cannot be
    # parsed, and usually contains the buyer's address.
    is_beginning = delivery.erased and not is_whole
    if is_beginning or redacted != delivery.body:
        erase_in_delivery(step.connection, digest, delivery.headers, redacted)
        step.counts["deliveries"] += 1


def _redact_mails(step: _Step) -> bool:
    """Remove the person's addresses from the account's e-mails, one in a step.

    An e-mail that somebody received and uploaded may name its receiver. It is a template and no row of the
    person, so the rest of it stays, and so do its tracked links.
    """
    mails, its_links = schema.mails, schema.mail_links
    ours = mails.c.emp_id == step.person.emp_id, mails.c.id > (step.work["after"] or "")
    query = sa.select(mails).where(*ours).order_by(mails.c.id).limit(1).with_for_update()
    row = step.connection.execute(query).first()
    if row is None:
        return False
    step.work["after"] = row.id
    look = Reported(step.sealer.keys, step.person, "", ())
    raw = zlib.decompress(row.body)
    try:
        body = without_addresses(raw, Kind(row.kind), look.is_address)
    except (Invalid, *_DAMAGE):
        step.counts["mails not readable"] += 1
        return True
    name = without_addresses_in(row.name, look.is_address)
    if (body, name) != (raw, row.name):
        step.change(mails, {"body": zlib.compress(body), "name": name}, mails.c.id == row.id)
    labels = sa.select(its_links.c.part, its_links.c.start, its_links.c.label)
    for link in step.connection.execute(labels.where(its_links.c.mail_id == row.id)).all():
        label = without_addresses_in(link.label, look.is_address)
        if label != link.label:
            which = its_links.c.part == link.part, its_links.c.start == link.start
            step.change(its_links, {"label": label}, its_links.c.mail_id == row.id, *which)
    return True


def _delete_contact(step: _Step) -> bool:
    """Delete the contact's own rows. Not first, because a repeated erasure finds the person by them."""
    person, campaigns = step.person, schema.campaigns
    if not person.refs:
        return False
    ours = sa.select(campaigns.c.id).where(campaigns.c.emp_id == person.emp_id)
    recipients, coupons, contacts = schema.recipients, schema.coupons, schema.contacts
    step.delete(recipients, recipients.c.campaign_id.in_(ours), step.is_named_by(recipients.c.contact))
    step.delete(coupons, coupons.c.emp_id == person.emp_id, step.is_named_by(coupons.c.contact))
    step.delete(contacts, contacts.c.emp_id == person.emp_id, step.is_named_by(contacts.c.ref))
    return False


def _delete_receivers(step: _Step) -> bool:
    """Delete the person's addresses for alerts and reports, with their messages."""
    for found in receivers_of(step.connection, step.sealer.keys, step.person):
        delete_receiver(step.connection, found)
        step.counts[found.table.name] += 1
    return False


def _delete_lists(step: _Step) -> bool:
    """Deletes the uploaded lists of the account, because they are not searched: an import that runs fails.

    What it imported stays, and the list can be uploaded again.
    """
    return bool(lists.delete_some(step.connection, step.person.emp_id))


def _delete_computations(step: _Step) -> bool:
    """Runs last: until the other parts finish, a worker may compute with the data that they delete.

    Deletes all computations of the account, because their files are not searched. The worker computes again.
    """
    return bool(delete_some(step.connection, schema.computations.c.emp_id == step.person.emp_id))


_PARTS: tuple[Callable[[_Step], bool], ...] = (
    _clear_clicks,
    _clear_own_orders,
    _clear_orders_naming,
    _clear_orders_with_tokens,
    _clear_hits,
    _redact_deliveries,
    _redact_mails,
    _delete_receivers,
    _delete_contact,
    _delete_lists,
    _delete_computations,
)
"""The parts of an erasure, in sequence. Each returns True if rows may be left."""
