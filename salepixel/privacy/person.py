"""A person in an account: all their contact references, e-mail addresses and shop customers."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.erased import Kind, Trace
from salepixel.clicks.tokens import token_contact
from salepixel.keys import Keys
from salepixel.reading.references import normal_reference
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import candidates, contacts, coupons, decisions, orders

Place = tuple[str, str]
"""An order: its shop and its id."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person of an account. `addresses` and `mailboxes` are hashes; `customers` are (shop id, customer)."""

    emp_id: int
    refs: frozenset[str]
    addresses: frozenset[str] = frozenset()
    mailboxes: frozenset[str] = frozenset()
    customers: frozenset[Place] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """The references, and the shortened form of long ones that click tokens hold."""
        return self.refs | {token_contact(ref) for ref in self.refs}

    def traces(self) -> list[Trace]:
        """The entries for the list of the erased."""
        return [
            *(Trace(Kind.CONTACT, name) for name in self.names),
            *(Trace(Kind.ADDRESS, address) for address in self.addresses),
            *(Trace(Kind.MAILBOX, mailbox) for mailbox in self.mailboxes),
            *(Trace(Kind.CUSTOMER, f"{shop_id} {customer}") for shop_id, customer in self.customers),
        ]

    def as_json(self) -> dict[str, Any]:
        """The person as JSON, for the stored work of an erasure."""
        return {
            "emp_id": self.emp_id,
            "refs": sorted(self.refs),
            "addresses": sorted(self.addresses),
            "mailboxes": sorted(self.mailboxes),
            "customers": sorted(map(list, self.customers)),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Person":
        """The person from the JSON of `as_json`."""
        refs, addresses, mailboxes = (frozenset(content[name]) for name in ("refs", "addresses", "mailboxes"))
        customers = frozenset((shop_id, customer) for shop_id, customer in content["customers"])
        return cls(content["emp_id"], refs, addresses, mailboxes, customers)


def find_person(connection: sa.Connection, keys: Keys, emp_id: int, who: str) -> Person:
    """The person with this reference or e-mail address in an account, with all addresses of the same mailbox.

    A reference may itself be an e-mail address. An unknown person gets only the given reference or address.
    """
    person = Person(emp_id, frozenset({normal_reference(who)} - {""}))
    if "@" in who:
        address, mailbox = keys.hash_address(emp_id, who.strip())
        person = replace(person, addresses=frozenset({address}), mailboxes=frozenset({mailbox}))
    before = None
    while person != before:
        before, person = person, _with_contacts(connection, person)
    return replace(person, customers=frozenset(_customers(connection, person)))


def _with_contacts(connection: sa.Connection, person: Person) -> Person:
    """The person with the references of their addresses, and the addresses of their references, added."""
    columns = contacts.c.ref, contacts.c.email_hash, contacts.c.alias_hash
    found = [
        row
        for column, values in zip(columns, (person.refs, person.addresses, person.mailboxes), strict=True)
        if values
        for row in connection.execute(
            sa.select(*columns).where(
                contacts.c.emp_id == person.emp_id, is_one_of(connection, column, values)
            )
        )
    ]
    return replace(
        person,
        refs=person.refs | {row.ref for row in found},
        addresses=person.addresses | {row.email_hash for row in found if row.email_hash},
        mailboxes=person.mailboxes | {row.alias_hash for row in found if row.alias_hash},
    )


def _customers(connection: sa.Connection, person: Person) -> Iterator[Place]:
    """The shop customers in the person's orders."""
    for condition in _theirs(connection, person):
        query = sa.select(orders.c.shop_id, orders.c.customer).where(
            condition, orders.c.customer.is_not(None)
        )
        yield from ((row.shop_id, row.customer) for row in connection.execute(query.distinct()))


def own_orders(connection: sa.Connection, person: Person, limit: int) -> list[Place]:
    """Up to `limit` orders that the person bought: by address, customer, or the order's own evidence."""
    conditions = list(_theirs(connection, person))
    if person.customers:
        key = sa.tuple_(orders.c.shop_id, orders.c.customer)
        conditions.append(key.in_(sorted(person.customers)))
    return _places(connection, conditions, limit)


def orders_naming(connection: sa.Connection, person: Person, limit: int) -> list[Place]:
    """Up to `limit` orders with the person among their candidates, or with the person's own coupon code."""
    named = sa.select(candidates.c.shop_id, candidates.c.order_id).where(
        candidates.c.emp_id == person.emp_id,
        candidates.c.contact
        != sa.text("''"),  # repeats the index's condition; otherwise the index is not used
        is_one_of(connection, candidates.c.contact, person.names),
    )
    codes = sa.select(coupons.c.code).where(
        coupons.c.emp_id == person.emp_id, is_one_of(connection, coupons.c.contact, person.refs)
    )
    conditions = [
        sa.tuple_(orders.c.shop_id, orders.c.id).in_(named),
        sa.and_(orders.c.emp_id == person.emp_id, orders.c.voucher.in_(codes)),
    ]
    return _places(connection, conditions, limit)


def _theirs(connection: sa.Connection, person: Person) -> Iterator[sa.ColumnElement[bool]]:
    """Conditions for orders with the person as the buyer. Each condition uses its own index."""
    ours = orders.c.emp_id == person.emp_id
    for column, values in (
        (orders.c.email_hash, person.addresses),
        (orders.c.alias_hash, person.mailboxes),
    ):
        if values:
            yield sa.and_(ours, is_one_of(connection, column, values))
    if person.refs:
        bought = sa.select(decisions.c.shop_id, decisions.c.order_id).where(
            decisions.c.emp_id == person.emp_id, is_one_of(connection, decisions.c.buyer, person.names)
        )
        yield sa.tuple_(orders.c.shop_id, orders.c.id).in_(bought)


def _places(
    connection: sa.Connection, conditions: Collection[sa.ColumnElement[bool]], limit: int
) -> list[Place]:
    found: dict[Place, None] = {}
    for condition in conditions:
        query = sa.select(orders.c.shop_id, orders.c.id).where(condition).limit(limit)
        found |= {(row.shop_id, row.id): None for row in connection.execute(query)}
    return list(found)[:limit]
