"""Accounts and the API keys that open them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from salepixel.attribution import Policy
from salepixel.links import new_id
from salepixel.models import Model
from salepixel.sold import Terms
from salepixel.storage.queue import mark_due
from salepixel.storage.schema import accounts, api_keys, campaigns, orders, policies, sales, sessions
from salepixel.storage.upsert import insert, took_effect

POLICY = ("window_days", "model", "alias_match", "campaign_windows")
"""What a policy is made of, as columns of accounts and of policies."""

FIRST_KEY = "SALEPIXEL_API_KEY"


@dataclass(frozen=True, slots=True)
class Account:
    """A sub-account, named by its `emp_id`; an empty `tracking_host` means any host."""

    emp_id: int
    name: str
    currency: str
    created_at: datetime
    tracking_host: str = ""
    site: str = ""
    window_days: int = 7
    pixel_amount: str = "line"
    pixel_secret: str = ""
    pixel_signed: bool = False
    hosted_pixel: str = ""
    hosted_emp_id: str = ""
    forward_url: str = ""
    forward_per: str = "line"
    policy_version: int = 1
    model: str = "last"
    alias_match: bool = False
    campaign_windows: str = "{}"
    closed_before: datetime | None = None
    sale_when: str = "paid"
    tax: str = "gross"
    shipping: str = "excluded"

    @property
    def policy(self) -> Policy:
        """The rule by which this account's orders are decided."""
        windows = {key: timedelta(days=days) for key, days in json.loads(self.campaign_windows).items()}
        return Policy(
            version=self.policy_version,
            window=timedelta(days=self.window_days),
            model=Model(self.model),
            alias_match=self.alias_match,
            windows=windows,
            sale_when=self.sale_when,
        )

    def has_closed(self, at: datetime) -> bool:
        """Whether a time (aware) lies in a month that is closed."""
        return self.closed_before is not None and at < self.closed_before

    @property
    def terms(self) -> Terms:
        """What this account counts of an order."""
        return Terms(self.tax, self.shipping)


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What an API key may do: everything when `emp_id` is None, else that account only."""

    emp_id: int | None
    name: str

    def allows(self, emp_id: int) -> bool:
        """True when the key opens that account."""
        return self.emp_id is None or self.emp_id == emp_id


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as it is listed: never the key, which nobody keeps. `emp_id` None: it opens all accounts."""

    id: str
    emp_id: int | None
    name: str
    created_at: datetime

    @property
    def is_of_settings(self) -> bool:
        """True for the key that the settings name: each start lets it in again."""
        return self.emp_id is None and self.name == FIRST_KEY


def add_account(connection: sa.Connection, account: Account) -> bool:
    """Store a new account; False when its empId is taken."""
    values = {name: getattr(account, name) for name in Account.__slots__}
    if not took_effect(connection, insert(connection, accounts).values(values).on_conflict_do_nothing()):
        return False
    keep_policy(connection, account, account.created_at)
    return True


def keep_policy(connection: sa.Connection, account: Account, at: datetime) -> None:
    """Write down the policy that an account has, as its version."""
    values = {name: getattr(account, name) for name in POLICY}
    row = {"emp_id": account.emp_id, "version": account.policy_version, "applied_at": at}
    connection.execute(sa.insert(policies).values(values | row))


def change_account(connection: sa.Connection, emp_id: int, values: Mapping[str, Any]) -> None:
    """Change some columns of an account."""
    connection.execute(sa.update(accounts).where(accounts.c.emp_id == emp_id).values(**values))


def has_sales(connection: sa.Connection, emp_id: int) -> bool:
    """True when a campaign of the account has a sale: what it counts is no more to be changed."""
    # By way of the campaigns: sales have no index by account.
    its = sa.select(sales.c.line_id).join(campaigns, campaigns.c.id == sales.c.campaign_id)
    return connection.execute(its.where(campaigns.c.emp_id == emp_id).limit(1)).first() is not None


def decide_all_again(connection: sa.Connection, emp_id: int) -> None:
    """Make every order of an account due."""
    hold_account(connection, emp_id, to_change=True)
    mark_due(connection, orders.c.emp_id == emp_id)


def get_account(connection: sa.Connection, emp_id: int) -> Account | None:
    """The account, or None."""
    return _read_account(connection, sa.select(accounts).where(accounts.c.emp_id == emp_id))


def hold_account(connection: sa.Connection, emp_id: int, *, to_change: bool = False) -> Account | None:
    """The account as it stays until the transaction ends; `to_change`: nobody else holds it then.

    Who decides an order holds it to change it, and who stores what decisions rest on holds it: of two
    transactions at once neither would see what the other stores, and the order would stay as it is. It is
    held before orders and clicks are changed, so that nobody waits for each other for ever.
    """
    query = sa.select(accounts).where(accounts.c.emp_id == emp_id)
    return _read_account(connection, query.with_for_update(read=not to_change))


def _read_account(connection: sa.Connection, query: sa.Select[Any]) -> Account | None:
    row = connection.execute(query).first()
    return None if row is None else Account(**row._mapping)


def list_accounts(connection: sa.Connection, scope: KeyScope) -> list[Account]:
    """The accounts that a key opens, by empId."""
    query = sa.select(accounts).order_by(accounts.c.emp_id)
    if scope.emp_id is not None:
        query = query.where(accounts.c.emp_id == scope.emp_id)
    return [Account(**row._mapping) for row in connection.execute(query)]


def add_api_key(connection: sa.Connection, key: str, emp_id: int | None, name: str, at: datetime) -> str:
    """Let a key in, and give its id; a key that is in already stays as it is.

    Only its digest is kept: a key is long and random, so no slow hash is needed.
    """
    digest = key_digest(key)
    values = {"digest": digest, "id": new_id(), "emp_id": emp_id, "name": name, "created_at": at}
    statement = insert(connection, api_keys).on_conflict_do_nothing(index_elements=["digest"])
    connection.execute(statement, values)
    return str(connection.scalar(sa.select(api_keys.c.id).where(api_keys.c.digest == digest)))


def list_api_keys(connection: sa.Connection, scope: KeyScope) -> list[KeyEntry]:
    """The keys of what a key opens, oldest first: with all rights all keys, else those of its account."""
    query = sa.select(*(api_keys.c[name] for name in KeyEntry.__slots__))
    if scope.emp_id is not None:
        query = query.where(api_keys.c.emp_id == scope.emp_id)
    query = query.order_by(api_keys.c.created_at, api_keys.c.id)
    return [KeyEntry(*row) for row in connection.execute(query)]


def remove_api_key(connection: sa.Connection, key_id: str) -> bool:
    """Take a key back, at once and with its sessions; False when there is none with this id."""
    return _remove_keys(connection, api_keys.c.id == key_id) > 0


def find_key_scope(connection: sa.Connection, key: str) -> KeyScope | None:
    """What a key may do, None for a key that is not ours."""
    return find_digest_scope(connection, key_digest(key))


def set_first_key(connection: sa.Connection, key: str, at: datetime) -> None:
    """Let the key of the settings in, with all rights, and no earlier one; none at all for an empty text."""
    # An account's key may have any name, this one too.
    ours = sa.and_(api_keys.c.name == FIRST_KEY, api_keys.c.emp_id.is_(None))
    earlier = sa.and_(ours, api_keys.c.digest != key_digest(key))
    _remove_keys(connection, earlier)
    if key:
        add_api_key(connection, key, None, FIRST_KEY, at)


def _remove_keys(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    # Its sessions too, or they would be open again should the key ever come back.
    digests = sa.select(api_keys.c.digest).where(which)
    connection.execute(sa.delete(sessions).where(sessions.c.key_digest.in_(digests)))
    return int(connection.execute(sa.delete(api_keys).where(which)).rowcount)


def find_digest_scope(connection: sa.Connection, digest: str) -> KeyScope | None:
    """What the key with this digest may do."""
    query = sa.select(api_keys.c.emp_id, api_keys.c.name).where(api_keys.c.digest == digest)
    row = connection.execute(query).first()
    return None if row is None else KeyScope(row.emp_id, row.name)


def key_digest(key: str) -> str:
    """The name under which a key is kept."""
    return hashlib.sha256(key.encode()).hexdigest()
