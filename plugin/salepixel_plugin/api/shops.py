"""Shops: the connected stores of an account."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from salepixel.shops import store, use_cases
from salepixel.shops.shop import Shop, State
from salepixel_plugin.access import principal
from salepixel_plugin.api.door import Output, blueprint
from salepixel_plugin.fields import UNSET, EmpId, Name, Url
from salepixel_plugin.saleor.codes import manifest_url
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services


class ShopIn(Input):
    """A store that is to be connected."""

    emp_id: EmpId = Field(alias="empId")
    platform: Literal["saleor"]
    api_url: Url = Field(
        description="As the store names itself, to the letter: it decides whom we trust.",
        examples=["https://shop.example/graphql/"],
    )


class ShopChange(Input):
    """What to change of a store; what is not named stays."""

    name: Name = Field(default=UNSET, description="As the account calls it.")
    paused: bool = Field(
        default=UNSET,
        description="True: its deliveries are refused and it is not asked. False: it is asked for all that "
        "changed meanwhile.",
    )


class ShopOut(Output):
    """A store."""

    id: str
    emp_id: EmpId = Field(alias="empId")
    platform: Literal["saleor", "api", "pixel"]
    api_url: str | None = Field(description="Null for stores known by the sales API or by their pixel.")
    created_at: datetime
    name: str
    state: State | None = Field(description="Null for stores known by the sales API or by their pixel.")
    manifest_url: str | None = Field(
        description="From where the store's staff install the app. It binds the installation to this "
        "account: give it to nobody else."
    )
    connected_at: datetime | None = Field(description="When it first proved itself; null: not yet.")
    disconnected_at: datetime | None = Field(description="When the app was deleted in the store.")
    paused_at: datetime | None
    removed_at: datetime | None


class ShopsOut(Output):
    """Stores, oldest first."""

    shops: list[ShopOut]


@blueprint.post("/shops")
@blueprint.input(ShopIn, arg_name="wanted")
@blueprint.output(ShopOut, 201)
@blueprint.doc(security="bearer", responses={403: "A foreign account", 404: "No such account"})
def add_shop(wanted: ShopIn) -> dict[str, Any]:
    """Let a store register with this account; the same address again gives the same store.

    Other accounts may add the same address: it belongs to whoever installs the app from its `manifest_url`.
    """
    with services().database.write() as connection:
        shop = use_cases.create_shop(
            connection, principal(), wanted.emp_id, wanted.platform, wanted.api_url, datetime.now(UTC)
        )
    return _as_json(shop)


@blueprint.get("/shops")
@blueprint.output(ShopsOut)
@blueprint.doc(security="bearer")
def list_shops() -> dict[str, Any]:
    """The stores that the key opens, also those that were removed."""
    with services().database.read() as connection:
        return {"shops": [_as_json(shop) for shop in store.list_shops(connection, principal().emp_id)]}


@blueprint.patch("/shops/<shop_id>")
@blueprint.input(ShopChange, arg_name="wanted")
@blueprint.output(ShopOut)
@blueprint.doc(security="bearer", responses={409: "A store that does not connect, or was removed"})
def change_shop(shop_id: str, wanted: ShopChange) -> dict[str, Any]:
    """Rename a store, pause it, or resume it."""
    with services().database.write() as connection:
        changed = use_cases.edit_shop(
            connection, principal(), shop_id, datetime.now(UTC), name=wanted.name, paused=wanted.paused
        )
    return _as_json(changed)


@blueprint.delete("/shops/<shop_id>")
@blueprint.output(ShopOut)
@blueprint.doc(security="bearer", responses={409: "A store that does not connect"})
def remove_shop(shop_id: str) -> dict[str, Any]:
    """Disconnect a store: its token is forgotten, its deliveries are refused, its orders stay."""
    with services().database.write() as connection:
        return _as_json(use_cases.retire_shop(connection, principal(), shop_id, datetime.now(UTC)))


def _as_json(shop: Shop) -> dict[str, Any]:
    has_app, at = shop.platform == "saleor", services()
    return {
        "id": shop.id,
        "empId": shop.emp_id,
        "platform": shop.platform,
        "api_url": shop.api_url if has_app else None,
        "created_at": shop.created_at,
        "name": shop.name,
        "state": shop.state if has_app else None,
        "manifest_url": manifest_url(at.settings.plugin_url, at.keys, shop.id) if has_app else None,
        "connected_at": shop.connected_at,
        "disconnected_at": shop.disconnected_at,
        "paused_at": shop.paused_at,
        "removed_at": shop.removed_at,
    }
