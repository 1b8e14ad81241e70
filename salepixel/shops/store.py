"""Shops as stored, with the keys and tokens of their connection."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.lanes import lock_one_lane
from salepixel.accounts.scope import Scope, in_scope
from salepixel.accounts.store import Account
from salepixel.keys import Sealed
from salepixel.shops.shop import Shop
from salepixel.storage.ids import new_id
from salepixel.storage.many import among, as_values
from salepixel.storage.schema import accounts, orders, shops
from salepixel.storage.upsert import insert

_OLDEST_FIRST = (shops.c.created_at, shops.c.id)
_BY_ADDRESS = (  # built once, because it runs for each webhook
    sa.select(shops).where(shops.c.api_url == sa.bindparam("api_url")).order_by(*_OLDEST_FIRST).limit(1)
)


def add_shop(connection: sa.Connection, emp_id: int, platform: str, api_url: str, at: datetime) -> Shop:
    """Add a shop to an account; returns the existing shop if the account has one with this address.

    A removed shop is restored, and waits until its app is installed again.
    """
    values = {"id": new_id(), "emp_id": emp_id, "platform": platform, "api_url": api_url, "created_at": at}
    if platform == "api":
        values["connected_at"] = at  # needs no registration: the account's key authenticates it
    connection.execute(insert(connection, shops).values(values).on_conflict_do_nothing())
    this = sa.and_(shops.c.api_url == api_url, shops.c.emp_id == emp_id)
    connection.execute(
        sa.update(shops).where(this, shops.c.removed_at.is_not(None)).values(removed_at=None, paused_at=None)
    )
    shop = _shop(connection.execute(sa.select(shops).where(this)).first())
    assert shop is not None, "just stored"  # noqa: S101
    return shop


def shop_of_account(connection: sa.Connection, emp_id: int, platform: str, at: datetime) -> Shop:
    """The account's only shop of platform `api` or `pixel`; added on first use."""
    return add_shop(connection, emp_id, platform, f"{platform}:{emp_id}", at)


def get_shop(connection: sa.Connection, shop_id: str) -> Shop | None:
    """The shop, or None."""
    return _shop(connection.execute(sa.select(shops).where(shops.c.id == shop_id)).first())


@dataclass(frozen=True, slots=True)
class Seller:
    """A shop with its account, which is locked; `has_pixel_orders`: the account has orders of its pixel."""

    shop: Shop
    account: Account
    has_pixel_orders: bool


def lock_accounts_of_shops(connection: sa.Connection, shop_ids: Collection[str]) -> dict[str, Seller]:
    """Shops with their accounts, by shop id. The accounts are locked to decide orders in this transaction.

    Several transactions may decide orders of one account at once, but not while its settings are changed or
    evidence is stored (accounts/lanes.py). Unknown ids are skipped.
    """
    dialect = connection.dialect.name
    rows = connection.execute(_with_accounts(dialect), {"ids": as_values(dialect, shop_ids)})
    sellers = {row.id: _seller(row) for row in rows}
    lock_one_lane(connection, {seller.account.emp_id for seller in sellers.values()})
    return sellers


def _seller(row: sa.Row[Any]) -> Seller:
    its = row._mapping
    account = Account(**{name: its[f"account_{name}"] for name in Account.__slots__})
    return Seller(Shop(**{name: its[name] for name in Shop.__slots__}), account, row.has_pixel_orders)


@cache
def _with_accounts(dialect: str) -> Any:
    of_account = (accounts.c[name].label(f"account_{name}") for name in Account.__slots__)
    pixels = shops.alias()
    has_pixel = sa.exists().where(pixels.c.emp_id == shops.c.emp_id, pixels.c.platform == "pixel")
    query = sa.select(shops, *of_account, has_pixel.label("has_pixel_orders"))
    query = query.join_from(shops, accounts, accounts.c.emp_id == shops.c.emp_id)
    # Sorted, so that two transactions do not deadlock.
    return (
        query.where(among(dialect, shops.c.id, "ids"))
        .order_by(shops.c.emp_id)
        .with_for_update(read=True, of=accounts)
    )


def find_shop(connection: sa.Connection, api_url: str) -> Shop | None:
    """The oldest shop with exactly this address, or None.

    For deliveries of an app that was installed before webhook addresses named their shop. At that time an
    address belonged to one account, so the oldest shop is the right one.
    """
    return _shop(connection.execute(_BY_ADDRESS, {"api_url": api_url}).first())


def read_if_unchanged(connection: sa.Connection, shop: Shop, order_id: str) -> str | None:
    """None if a field that decides how to treat a delivery of this shop has changed since `shop` was read.

    Otherwise the digest of the last delivery about this order, or an empty text. One statement for both,
    because a shop waits for the answer.
    """
    row = connection.execute(_TRUST, {"id": shop.id, "order": order_id}).first()
    if row is None or tuple(row)[:4] != (shop.app_id, shop.jwks, shop.paused_at, shop.removed_at):
        return None
    return row.delivery or ""


_TRUST = (
    sa.select(shops.c.app_id, shops.c.jwks, shops.c.paused_at, shops.c.removed_at, orders.c.delivery)
    .outerjoin_from(
        shops, orders, sa.and_(orders.c.shop_id == shops.c.id, orders.c.id == sa.bindparam("order"))
    )
    .where(shops.c.id == sa.bindparam("id"))
)


def _shop(row: sa.Row[Any] | None) -> Shop | None:
    return None if row is None else Shop(**row._mapping)


def find_installation(connection: sa.Connection, api_url: str, app_id: str) -> Shop | None:
    """The shop with this address in which our app has this id, or None."""
    this = sa.and_(shops.c.api_url == api_url, shops.c.app_id == app_id)
    return _shop(connection.execute(sa.select(shops).where(this)).first())


def list_shops(connection: sa.Connection, scope: Scope) -> list[Shop]:
    """The shops of one account or of all, oldest first."""
    query = sa.select(shops).where(in_scope(shops.c.emp_id, scope)).order_by(*_OLDEST_FIRST)
    return [Shop(**row._mapping) for row in connection.execute(query)]


def connect_shop(
    connection: sa.Connection, shop: Shop, app_id: str, token: Sealed, jwks: str, at: datetime
) -> None:
    """Store a verified registration; the last one counts. A removed shop does not change.

    `token` is encrypted for keys.token_place.
    """
    connection.execute(
        sa.update(shops)
        .where(shops.c.id == shop.id, shops.c.removed_at.is_(None))
        .values(
            app_id=app_id,
            token=token,
            jwks=jwks,
            jwks_at=at,
            connected_at=sa.func.coalesce(
                shops.c.connected_at, sa.bindparam("at", at, shops.c.connected_at.type)
            ),
            disconnected_at=None,
            app_active=True,
            app_status_at=None,
        )
    )


def keep_jwks(connection: sa.Connection, shop_id: str, jwks: str, at: datetime) -> None:
    """Store a shop's newly fetched signing keys."""
    connection.execute(sa.update(shops).where(shops.c.id == shop_id).values(jwks=jwks, jwks_at=at))


def disconnect_shop(connection: sa.Connection, shop_id: str, app_id: str, at: datetime) -> None:
    """Delete a shop's token after this installation of the app was deleted. A newer installation stays."""
    this = sa.and_(shops.c.id == shop_id, shops.c.app_id == app_id, shops.c.token.is_not(None))
    connection.execute(sa.update(shops).where(this).values(token=None, disconnected_at=at))


def keep_app_status(connection: sa.Connection, shop_id: str, active: bool, at: datetime) -> None:
    """Store whether the app is active in the shop, unless a newer status (by the shop's clock) is stored."""
    is_newer = sa.or_(shops.c.app_status_at.is_(None), shops.c.app_status_at < at)
    values = {"app_active": active, "app_status_at": at}
    connection.execute(sa.update(shops).where(shops.c.id == shop_id, is_newer).values(values))


def change_shop(
    connection: sa.Connection,
    shop_id: str,
    *,
    name: str | None,
    paused: bool | None,
    dashboards: str | None = None,
    at: datetime,
) -> None:
    """Change the fields that are not None. Pausing a paused shop keeps the time of the first pause."""
    given = {"name": name, "dashboards": dashboards}
    values: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    if paused is not None:
        since = sa.bindparam("at", at, shops.c.paused_at.type)
        values["paused_at"] = sa.func.coalesce(shops.c.paused_at, since) if paused else None
    if values:
        connection.execute(sa.update(shops).where(shops.c.id == shop_id).values(values))


def remove_shop(connection: sa.Connection, shop_id: str, at: datetime) -> None:
    """Delete a shop's token and signing keys; its orders and `connected_at` stay."""
    this = sa.and_(shops.c.id == shop_id, shops.c.removed_at.is_(None))
    forgotten = dict.fromkeys(("app_id", "token", "jwks", "jwks_at"))
    connection.execute(sa.update(shops).where(this).values(removed_at=at, **forgotten))


def connected_since(connection: sa.Connection, emp_id: int) -> datetime | None:
    """When the account first connected a shop; None if it has only its pixel."""
    query = sa.select(sa.func.min(shops.c.connected_at)).where(shops.c.emp_id == emp_id)
    since: datetime | None = connection.scalar(query)
    return since
