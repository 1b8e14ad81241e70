"""Shops: the connected shops of an account."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from salepixel.accounts.principal import Change
from salepixel.shops import store, use_cases
from salepixel.shops.dashboards import list_dashboards
from salepixel.shops.shop import Shop, State
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import UNSET, EmpId, Name, Url
from salepixel_plugin.saleor.codes import manifest_url
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services


class ShopIn(Input):
    """A shop to connect."""

    emp_id: EmpId = Field(alias="empId")
    platform: Literal["saleor"]
    api_url: Url = Field(
        description="The address of the shop's API, exactly as the shop itself names it. The shop's signing "
        "keys are loaded from this address.",
        examples=["https://shop.example/graphql/"],
    )


class ShopChange(Input):
    """The fields to change. Fields that are not sent stay the same."""

    name: Name = Field(default=UNSET, description="Your name for the shop.")
    paused: bool = Field(
        default=UNSET,
        description="True: deliveries are refused, and the shop is not polled. False: the changes made "
        "during the pause are fetched.",
    )
    dashboards: list[str] = Field(
        default=UNSET,
        description="The addresses of the shop's Dashboards: only these may show the report in a frame. "
        "At most 5. Needs the rights of an owner.",
        examples=[["https://shop.example/dashboard/"]],
    )


class ShopOut(Output):
    """A shop."""

    id: str
    emp_id: EmpId = Field(alias="empId")
    platform: Literal["saleor", "api", "pixel"]
    api_url: str | None = Field(description="Null if the orders come from the sales API or the pixel.")
    created_at: datetime
    name: str
    state: State | None = Field(description="Null if the orders come from the sales API or the pixel.")
    dashboards: list[str] = Field(description="The Dashboards that may show the report in a frame.")
    manifest_url: str | None = Field(
        description="The address to install the app from. It connects the installation to this account, so "
        "keep it secret. Null for a key that only reads."
    )
    connected_at: datetime | None = Field(description="When the app was first installed; null if not yet.")
    disconnected_at: datetime | None = Field(description="When the app was deleted in the shop.")
    paused_at: datetime | None
    removed_at: datetime | None


class ShopsOut(Output):
    """Shops, oldest first."""

    shops: list[ShopOut]


@blueprint.post("/shops")
@blueprint.input(ShopIn, arg_name="wanted")
@blueprint.output(ShopOut, 201)
@blueprint.doc(
    security="bearer", responses={403: "The API key belongs to another account", 404: "No such account"}
)
def add_shop(wanted: ShopIn) -> dict[str, Any]:
    """Add a shop to an account. Idempotent: the same address again returns the same shop.

    Several accounts may add the same address. Each account gets the shop's orders once its app is installed.
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
    """The shops of the accounts that the API key can read, including removed shops."""
    with services().database.read() as connection:
        return {"shops": [_as_json(shop) for shop in store.list_shops(connection, principal().accounts)]}


@blueprint.patch("/shops/<shop_id>")
@blueprint.input(ShopChange, arg_name="wanted")
@blueprint.output(ShopOut)
@blueprint.doc(security="bearer", responses={409: "The shop has no app, or was removed"})
def change_shop(shop_id: str, wanted: ShopChange) -> dict[str, Any]:
    """Rename, pause or resume a shop, or set its Dashboards."""
    with services().database.write() as connection:
        changed = use_cases.edit_shop(
            connection,
            principal(),
            shop_id,
            datetime.now(UTC),
            name=wanted.name,
            paused=wanted.paused,
            dashboards=wanted.dashboards,
        )
    return _as_json(changed)


@blueprint.delete("/shops/<shop_id>")
@blueprint.output(ShopOut)
@blueprint.doc(security="bearer", responses={409: "The shop has no app"})
def remove_shop(shop_id: str) -> dict[str, Any]:
    """Remove a shop: its token is deleted, its deliveries are refused, and its orders stay."""
    with services().database.write() as connection:
        return _as_json(use_cases.retire_shop(connection, principal(), shop_id, datetime.now(UTC)))


def _as_json(shop: Shop) -> dict[str, Any]:
    has_app, here = shop.platform == "saleor", services()
    may_connect = has_app and principal().may_change(shop.emp_id, Change.ACCESS)
    return {
        "id": shop.id,
        "empId": shop.emp_id,
        "platform": shop.platform,
        "api_url": shop.api_url if has_app else None,
        "created_at": shop.created_at,
        "name": shop.name,
        "state": shop.state if has_app else None,
        "dashboards": list_dashboards(shop.dashboards),
        "manifest_url": manifest_url(here.settings.plugin_url, here.keys, shop.id) if may_connect else None,
        "connected_at": shop.connected_at,
        "disconnected_at": shop.disconnected_at,
        "paused_at": shop.paused_at,
        "removed_at": shop.removed_at,
    }
