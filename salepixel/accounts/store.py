"""Accounts as stored."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from salepixel.accounts.lanes import lock_all_lanes
from salepixel.accounts.policy import Model, Policy, Terms
from salepixel.accounts.principal import Principal
from salepixel.accounts.scope import in_scope
from salepixel.keys import NO_SECRET, Sealed
from salepixel.storage.many import among, as_values
from salepixel.storage.schema import accounts, campaigns, policies, sales
from salepixel.storage.upsert import insert, took_effect

POLICY = ("window_days", "model", "alias_match", "campaign_windows")
"""The fields of a policy: columns of both `accounts` and `policies`."""


@dataclass(frozen=True, slots=True)
class Account:
    """A sub-account, identified by its `emp_id`. An empty `tracking_host` means any host.

    `pixel_secret` is encrypted for keys.pixel_secret_place; empty if there is none. `clicks_ended_before`,
    `bot_clicks_ended_before`: older clicks (before these times, aware UTC) have ended; None: none.
    `link_hosts`: see `leads_to`. `utm`: the UTM parameters of new campaigns, as text of `campaigns.utm.Utm`.
    `time_zone`: an IANA name; empty: that of the installation.
    """

    emp_id: int
    name: str
    currency: str
    created_at: datetime
    tracking_host: str = ""
    site: str = ""
    window_days: int = 7
    pixel_amount: str = "line"
    pixel_secret: Sealed = NO_SECRET
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
    clicks_ended_before: datetime | None = None
    bot_clicks_ended_before: datetime | None = None
    ignored_hits_ended_before: datetime | None = None
    link_hosts: Sequence[str] = ()
    utm: str = ""
    time_zone: str = ""

    def zone(self, default: str) -> ZoneInfo:
        """The time zone of its calendar; `default`: that of an installation."""
        return ZoneInfo(self.time_zone or default)

    @property
    def policy(self) -> Policy:
        """The attribution settings of this account."""
        return Policy(
            version=self.policy_version,
            window=timedelta(days=self.window_days),
            model=Model(self.model),
            alias_match=self.alias_match,
            windows=_read_windows(self.campaign_windows),
            sale_when=self.sale_when,
        )

    @property
    def leads_to(self) -> Sequence[str]:
        """The hosts where dynamic links may lead, in normal form; `*.shop.test` is any host below shop.test.

        Where none are chosen, it is the site, with and without `www.`.
        """
        bare = self.site.removeprefix("www.")
        return self.link_hosts or ([bare, f"www.{bare}"] if bare else [])

    def has_closed(self, at: datetime) -> bool:
        """Whether a time (aware) is in a closed month."""
        return self.closed_before is not None and at < self.closed_before

    @property
    def hits_refused_before(self) -> datetime | None:
        """Older pixel hits (aware UTC) are refused, because they may have been deleted; None: none are.

        If only ignored hits of a time were deleted, counted hits of that time are refused, too: after a
        change of the account's settings, a deleted hit that arrives again could count.
        """
        marks = [mark for mark in (self.clicks_ended_before, self.ignored_hits_ended_before) if mark]
        return max(marks, default=None)

    def lacks_clicks(self, placed_at: datetime) -> bool:
        """Whether clicks that may be evidence for an order placed at a time (aware) have ended."""
        return self._is_near(self.clicks_ended_before, placed_at)

    def lacks_bot_clicks(self, placed_at: datetime) -> bool:
        """Whether bot clicks that a decision about such an order would count have ended."""
        return self._is_near(self.bot_clicks_ended_before, placed_at)

    def _is_near(self, ended_before: datetime | None, placed_at: datetime) -> bool:
        return ended_before is not None and placed_at - self.policy.evidence_window < ended_before

    @property
    def terms(self) -> Terms:
        """The amounts of an order that this account counts."""
        return Terms(self.tax, self.shipping)


@lru_cache(1000)
def _read_windows(campaign_windows: str) -> Mapping[str, timedelta]:
    # Cached: each order of an account asks for its policy.
    windows = json.loads(campaign_windows)
    return MappingProxyType({campaign: timedelta(days=days) for campaign, days in windows.items()})


def add_account(connection: sa.Connection, account: Account) -> bool:
    """Store a new account; False if its empId is taken."""
    values = {name: getattr(account, name) for name in Account.__slots__}
    if not took_effect(connection, insert(connection, accounts).values(values).on_conflict_do_nothing()):
        return False
    keep_policy(connection, account, account.created_at)
    return True


def keep_policy(connection: sa.Connection, account: Account, at: datetime) -> None:
    """Store the account's current policy under its version."""
    values = {name: getattr(account, name) for name in POLICY}
    row = {"emp_id": account.emp_id, "version": account.policy_version, "applied_at": at}
    connection.execute(sa.insert(policies).values(values | row))


def change_account(connection: sa.Connection, emp_id: int, values: Mapping[str, Any]) -> None:
    """Change some columns of an account."""
    connection.execute(sa.update(accounts).where(accounts.c.emp_id == emp_id).values(**values))


def has_sales(connection: sa.Connection, emp_id: int) -> bool:
    """True if a campaign of the account has a sale: then its terms can no longer be changed."""
    # Joined through campaigns, because sales have no index by account.
    its = sa.select(sales.c.line_id).join(campaigns, campaigns.c.id == sales.c.campaign_id)
    return connection.execute(its.where(campaigns.c.emp_id == emp_id).limit(1)).first() is not None


def get_account(connection: sa.Connection, emp_id: int) -> Account | None:
    """The account, or None."""
    return _read_account(connection, sa.select(accounts).where(accounts.c.emp_id == emp_id))


def lock_account(connection: sa.Connection, emp_id: int, *, exclusive: bool = False) -> Account | None:
    """The account, locked until the transaction ends. `exclusive`: no other transaction can lock it.

    Storing evidence, such as clicks, takes the shared lock: others can store evidence at the same time, but
    no order of the account is decided meanwhile (lanes.py). Lock order: accounts, their lanes, then orders,
    then clicks. A transaction that stores evidence of several accounts locks them with `lock_accounts`.
    """
    query = sa.select(accounts).where(accounts.c.emp_id == emp_id)
    account = _read_account(connection, query.with_for_update(read=not exclusive))
    if not exclusive:
        lock_all_lanes(connection, [emp_id])
    return account


def lock_accounts(connection: sa.Connection, emp_ids: Collection[int]) -> dict[int, Account]:
    """The accounts by number, all with the shared lock of `lock_account`."""
    dialect = connection.dialect.name
    rows = connection.execute(_lock_accounts(dialect), {"these": as_values(dialect, emp_ids)})
    found = {row.emp_id: Account(**row._mapping) for row in rows}
    lock_all_lanes(connection, emp_ids)
    return found


@cache
def _lock_accounts(dialect: str) -> Any:
    # Sorted, so that two transactions do not deadlock.
    query = sa.select(accounts).where(among(dialect, accounts.c.emp_id, "these"))
    return query.order_by(accounts.c.emp_id).with_for_update(read=True)


def _read_account(connection: sa.Connection, query: sa.Select[Any]) -> Account | None:
    row = connection.execute(query).first()
    return None if row is None else Account(**row._mapping)


def list_accounts(connection: sa.Connection, principal: Principal) -> list[Account]:
    """The accounts that a principal may see, sorted by empId."""
    its = in_scope(accounts.c.emp_id, principal.accounts)
    query = sa.select(accounts).where(its).order_by(accounts.c.emp_id)
    return [Account(**row._mapping) for row in connection.execute(query)]
