"""Shops: the connected stores of an account, with what is needed to trust their deliveries."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.links import new_id
from salepixel.storage.schema import shops
from salepixel.storage.upsert import insert

_BY_ADDRESS = sa.select(shops).where(shops.c.api_url == sa.bindparam("api_url"))  # built once: asked often


@dataclass(frozen=True, slots=True)
class Shop:
    """A store. `platform` is saleor, api (orders by the sales API) or pixel (a store known by its pixel).

    `api_url` is the address of a Saleor's API and unique; the other platforms have one shop per account.
    `connected_at` is when it first proved itself; it is never taken back, so that an account does not
    fall back to believing its pixel.
    """

    id: str
    emp_id: int
    platform: str
    api_url: str
    created_at: datetime
    app_id: str | None = None
    token: str | None = None
    jwks: str | None = None
    jwks_at: datetime | None = None
    connected_at: datetime | None = None


def add_shop(connection: sa.Connection, emp_id: int, platform: str, api_url: str, at: datetime) -> Shop:
    """Let a shop register; gives the one that is there already if the address is known."""
    values = {"id": new_id(), "emp_id": emp_id, "platform": platform, "api_url": api_url, "created_at": at}
    if platform == "api":
        values["connected_at"] = at  # who holds the account's key has proved enough
    connection.execute(insert(connection, shops).values(values).on_conflict_do_nothing())
    shop = find_shop(connection, api_url)
    assert shop is not None, "just stored"  # noqa: S101
    return shop


def shop_of_account(connection: sa.Connection, emp_id: int, platform: str, at: datetime) -> Shop:
    """The account's one shop of platform `api` or `pixel`, made when it is first needed."""
    return add_shop(connection, emp_id, platform, f"{platform}:{emp_id}", at)


def get_shop(connection: sa.Connection, shop_id: str) -> Shop | None:
    """The shop, or None."""
    row = connection.execute(sa.select(shops).where(shops.c.id == shop_id)).first()
    return None if row is None else Shop(**row._mapping)


def find_shop(connection: sa.Connection, api_url: str) -> Shop | None:
    """The shop with this address, or None: exact, because it decides whom we trust."""
    row = connection.execute(_BY_ADDRESS, {"api_url": api_url}).first()
    return None if row is None else Shop(**row._mapping)


def list_shops(connection: sa.Connection, emp_id: int | None) -> list[Shop]:
    """The shops of one account or of all, oldest first."""
    query = sa.select(shops).order_by(shops.c.created_at, shops.c.id)
    if emp_id is not None:
        query = query.where(shops.c.emp_id == emp_id)
    return [Shop(**row._mapping) for row in connection.execute(query)]


def connect_shop(
    connection: sa.Connection, shop: Shop, app_id: str, token: str, jwks: str, at: datetime
) -> None:
    """Keep what a registration proved; the last registration counts."""
    connection.execute(
        sa.update(shops)
        .where(shops.c.id == shop.id)
        .values(
            app_id=app_id,
            token=token,
            jwks=jwks,
            jwks_at=at,
            connected_at=sa.func.coalesce(
                shops.c.connected_at, sa.bindparam("at", at, shops.c.connected_at.type)
            ),
        )
    )


def keep_jwks(connection: sa.Connection, shop_id: str, jwks: str, at: datetime) -> None:
    """Keep a shop's newly fetched signing keys."""
    connection.execute(sa.update(shops).where(shops.c.id == shop_id).values(jwks=jwks, jwks_at=at))


def drop_token(connection: sa.Connection, shop_id: str) -> None:
    """Forget a shop's token: its app was deleted."""
    connection.execute(sa.update(shops).where(shops.c.id == shop_id).values(token=None))


def connected_since(connection: sa.Connection, emp_id: int) -> datetime | None:
    """Since when an account has a shop whose orders are proof; None while it has only its pixel."""
    query = sa.select(sa.func.min(shops.c.connected_at)).where(shops.c.emp_id == emp_id)
    since: datetime | None = connection.scalar(query)
    return since
