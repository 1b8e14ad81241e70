"""Contacts without activity: nobody uploaded them, and they neither clicked nor bought, for a long time.

Their rows in `contacts` are deleted, with the keyed hashes of their addresses. Opt-outs stay, or a contact
would be tracked again. No decision changes: the orders that a contact explains are activity, or so old that
retention has deleted their clicks, so their decisions are final.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa

from salepixel.clicks.opt_outs import opted_out
from salepixel.clicks.tokens import least_id_at, token_contact
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import candidates, clicks, contacts, decisions, orders


def end_contacts(
    connection: sa.Connection, emp_id: int, after: str, until: datetime, limit: int
) -> tuple[int, int, str]:
    """Delete contacts of an account without activity since `until` (UTC), by reference, later than `after`.

    Looks at `limit` contacts at most. Returns how many it looked at, how many it deleted, and the last one.
    """
    ours = contacts.c.emp_id == emp_id, contacts.c.ref > after
    query = sa.select(contacts.c.ref, contacts.c.updated_at).where(*ours).order_by(contacts.c.ref)
    seen = connection.execute(query.limit(limit)).all()
    old = {row.ref for row in seen if row.updated_at < until}
    old -= _in_orders_since(connection, emp_id, old, until)
    deleted = 0
    if old:
        these = contacts.c.emp_id == emp_id, is_one_of(connection, contacts.c.ref, old)
        active = sa.or_(opted_out(), *_has_since(until))
        deleted = connection.execute(sa.delete(contacts).where(*these, ~active)).rowcount
    return len(seen), deleted, seen[-1].ref if seen else after


def _has_since(until: datetime) -> Iterable[sa.ColumnElement[bool]]:
    """Whether a contact has clicks, or its address orders, since then; each by its index."""
    of_account = clicks.c.emp_id == contacts.c.emp_id
    yield sa.exists().where(of_account, clicks.c.contact == contacts.c.ref, clicks.c.id >= least_id_at(until))
    for column in (orders.c.email_hash, orders.c.alias_hash):
        theirs = orders.c.emp_id == contacts.c.emp_id, column == contacts.c[column.name]
        yield sa.exists().where(*theirs, orders.c.placed_at >= until)


def _in_orders_since(
    connection: sa.Connection, emp_id: int, refs: Collection[str], until: datetime
) -> set[str]:
    """The contacts among these that decisions of orders since then name, whatever the address."""
    if not refs:
        return set()
    of_name = {token_contact(ref): ref for ref in refs} | {ref: ref for ref in refs}
    recent = decisions.c.emp_id == emp_id, decisions.c.placed_at >= until
    bought = sa.select(decisions.c.buyer).where(*recent, is_one_of(connection, decisions.c.buyer, of_name))
    its_decision = sa.and_(
        candidates.c.shop_id == decisions.c.shop_id, candidates.c.order_id == decisions.c.order_id
    )
    shown = sa.select(candidates.c.contact).select_from(candidates.join(decisions, its_decision))
    shown = shown.where(
        *recent,
        candidates.c.emp_id == emp_id,
        candidates.c.contact != sa.text("''"),  # the condition of the index, or it is not used
        is_one_of(connection, candidates.c.contact, of_name),
    )
    return {of_name[name] for query in (bought, shown) for name in connection.scalars(query)}
