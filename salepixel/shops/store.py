"""Shops: the connected stores of an account, with what is needed to trust their deliveries."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.store import Account
from salepixel.keys import Sealed
from salepixel.shops.shop import Shop
from salepixel.storage.ids import new_id
from salepixel.storage.many import among, as_values
from salepixel.storage.schema import accounts, shops
from salepixel.storage.upsert import insert

_OLDEST_FIRST = (shops.c.created_at, shops.c.id)
_BY_ADDRESS = (  # built once: asked often
    sa.select(shops).where(shops.c.api_url == sa.bindparam("api_url")).order_by(*_OLDEST_FIRST).limit(1)
)


def add_shop(connection: sa.Connection, emp_id: int, platform: str, api_url: str, at: datetime) -> Shop:
    """Let a shop of an account register; gives the one that is there already if the account has this address.

    One that was removed is back, and waits for its app to be installed again.
    """
    values = {"id": new_id(), "emp_id": emp_id, "platform": platform, "api_url": api_url, "created_at": at}
    if platform == "api":
        values["connected_at"] = at  # the account's key is proof enough
    connection.execute(insert(connection, shops).values(values).on_conflict_do_nothing())
    this = sa.and_(shops.c.api_url == api_url, shops.c.emp_id == emp_id)
    connection.execute(
        sa.update(shops).where(this, shops.c.removed_at.is_not(None)).values(removed_at=None, paused_at=None)
    )
    shop = _shop(connection.execute(sa.select(shops).where(this)).first())
    assert shop is not None, "just stored"  # noqa: S101
    return shop


def shop_of_account(connection: sa.Connection, emp_id: int, platform: str, at: datetime) -> Shop:
    """The account's one shop of platform `api` or `pixel`, made when it is first needed."""
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
    """Shops and their accounts, locked exclusively until the transaction ends, by the ids that there are.

    As `accounts.store.lock_account` does, with one statement for all.
    """
    dialect = connection.dialect.name
    rows = connection.execute(_with_accounts(dialect), {"ids": as_values(dialect, shop_ids)})
    return {row.id: _seller(row) for row in rows}


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
    # Sorted, so that of two transactions one waits, and not each for the other.
    return (
        query.where(among(dialect, shops.c.id, "ids")).order_by(shops.c.emp_id).with_for_update(of=accounts)
    )


def find_shop(connection: sa.Connection, api_url: str) -> Shop | None:
    """The first shop that was added with this address, to the letter, or None.

    For deliveries of an app that was installed before webhooks named their shop: until then an address
    belonged to one account, whose shop is older than any other with the same address.
    """
    return _shop(connection.execute(_BY_ADDRESS, {"api_url": api_url}).first())


def is_trusted_alike(connection: sa.Connection, shop: Shop) -> bool:
    """Whether a delivery of this shop is to be judged now as it was when `shop` was read."""
    row = connection.execute(_TRUST, {"id": shop.id}).first()
    return row is not None and tuple(row) == (shop.app_id, shop.jwks, shop.paused_at, shop.removed_at)


_TRUST = sa.select(shops.c.app_id, shops.c.jwks, shops.c.paused_at, shops.c.removed_at).where(
    shops.c.id == sa.bindparam("id")
)


def _shop(row: sa.Row[Any] | None) -> Shop | None:
    return None if row is None else Shop(**row._mapping)


def list_shops(connection: sa.Connection, emp_id: int | None) -> list[Shop]:
    """The shops of one account or of all, oldest first."""
    query = sa.select(shops).order_by(*_OLDEST_FIRST)
    if emp_id is not None:
        query = query.where(shops.c.emp_id == emp_id)
    return [Shop(**row._mapping) for row in connection.execute(query)]


def connect_shop(
    connection: sa.Connection, shop: Shop, app_id: str, token: Sealed, jwks: str, at: datetime
) -> None:
    """Keep what a registration proved; the last registration counts. Not for a shop that was removed.

    `token` is sealed for keys.token_place.
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
    """Keep a shop's newly fetched signing keys."""
    connection.execute(sa.update(shops).where(shops.c.id == shop_id).values(jwks=jwks, jwks_at=at))


def disconnect_shop(connection: sa.Connection, shop_id: str, app_id: str, at: datetime) -> None:
    """Forget a shop's token: this installation of its app was deleted. A newer one stays."""
    this = sa.and_(shops.c.id == shop_id, shops.c.app_id == app_id, shops.c.token.is_not(None))
    connection.execute(sa.update(shops).where(this).values(token=None, disconnected_at=at))


def keep_app_status(connection: sa.Connection, shop_id: str, active: bool, said_at: datetime) -> None:
    """Keep whether the app is active in the shop, if nothing newer was said of it (by the shop's clock)."""
    is_newer = sa.or_(shops.c.app_status_at.is_(None), shops.c.app_status_at < said_at)
    values = {"app_active": active, "app_status_at": said_at}
    connection.execute(sa.update(shops).where(shops.c.id == shop_id, is_newer).values(values))


def change_shop(
    connection: sa.Connection, shop_id: str, *, name: str | None, paused: bool | None, at: datetime
) -> None:
    """Change what is given. The time at which a shop was paused first stays until it is resumed."""
    values: dict[str, Any] = {} if name is None else {"name": name}
    if paused is not None:
        since = sa.bindparam("at", at, shops.c.paused_at.type)
        values["paused_at"] = sa.func.coalesce(shops.c.paused_at, since) if paused else None
    if values:
        connection.execute(sa.update(shops).where(shops.c.id == shop_id).values(values))


def remove_shop(connection: sa.Connection, shop_id: str, at: datetime) -> None:
    """Forget all by which a shop is trusted and asked; its orders and `connected_at` stay."""
    this = sa.and_(shops.c.id == shop_id, shops.c.removed_at.is_(None))
    forgotten = dict.fromkeys(("app_id", "token", "jwks", "jwks_at"))
    connection.execute(sa.update(shops).where(this).values(removed_at=at, **forgotten))


def connected_since(connection: sa.Connection, emp_id: int) -> datetime | None:
    """Since when an account has a shop whose orders are proof; None while it has only its pixel."""
    query = sa.select(sa.func.min(shops.c.connected_at)).where(shops.c.emp_id == emp_id)
    since: datetime | None = connection.scalar(query)
    return since
