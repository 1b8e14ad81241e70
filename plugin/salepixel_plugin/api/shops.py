"""Shops: the connected stores of an account."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from salepixel.storage import shops
from salepixel.storage.shops import Shop
from salepixel_plugin.access import Refusal, scope, target_account
from salepixel_plugin.api.door import Input, Output, blueprint
from salepixel_plugin.api.fields import EmpId, Url
from salepixel_plugin.services import services


class ShopIn(Input):
    """A store that may register."""

    emp_id: EmpId = Field(alias="empId")
    platform: Literal["saleor"]
    api_url: Url = Field(
        description="As the store names itself, to the letter: it decides whom we trust.",
        examples=["https://shop.example/graphql/"],
    )


class ShopOut(Output):
    """A store."""

    id: str
    emp_id: EmpId = Field(alias="empId")
    platform: Literal["saleor", "api", "pixel"]
    api_url: str | None = Field(description="Null for stores known by the sales API or by their pixel.")
    created_at: datetime
    connected_at: datetime | None = Field(description="When it first proved itself; null: not yet.")


class ShopsOut(Output):
    """Stores, oldest first."""

    shops: list[ShopOut]


@blueprint.post("/shops")
@blueprint.input(ShopIn, arg_name="wanted")
@blueprint.output(ShopOut, 201)
@blueprint.doc(
    security="bearer",
    responses={403: "A foreign account", 404: "No such account", 409: "Another account has this shop"},
)
def add_shop(wanted: ShopIn) -> dict[str, Any]:
    """Let a store register with this account; the same address again gives the same store."""
    with services().database.write() as connection:
        target_account(connection, wanted.emp_id)
        shop = shops.add_shop(connection, wanted.emp_id, wanted.platform, wanted.api_url, datetime.now(UTC))
        if shop.emp_id != wanted.emp_id:
            raise Refusal(
                409, "taken", "Another account has a shop with this address; a shop has one account."
            )
    return _as_json(shop)


@blueprint.get("/shops")
@blueprint.output(ShopsOut)
@blueprint.doc(security="bearer")
def list_shops() -> dict[str, Any]:
    """The stores that the key opens."""
    with services().database.read() as connection:
        return {"shops": [_as_json(shop) for shop in shops.list_shops(connection, scope().emp_id)]}


def _as_json(shop: Shop) -> dict[str, Any]:
    return {
        "id": shop.id,
        "empId": shop.emp_id,
        "platform": shop.platform,
        "api_url": shop.api_url if shop.platform == "saleor" else None,
        "created_at": shop.created_at,
        "connected_at": shop.connected_at,
    }
