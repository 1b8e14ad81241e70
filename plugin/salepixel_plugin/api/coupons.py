"""Coupons: the codes in a campaign's mails, of one contact each or of everybody."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field, InstanceOf, WrapValidator
from pydantic.json_schema import SkipJsonSchema

from salepixel.campaigns import use_cases
from salepixel_plugin.access import principal
from salepixel_plugin.api.contacts import Reference
from salepixel_plugin.api.door import blueprint
from salepixel_plugin.api.items import BadItem, Stored, each, split_items
from salepixel_plugin.fields import Name
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import writing


class CouponIn(Input):
    """A code that the shop accepts."""

    code: Name = Field(description="As the shop knows it; small and capital letters are the same.")
    ref: Reference | None = Field(None, description="The only contact who got it; null: everybody did.")


class CouponsIn(Input):
    """Coupons of a campaign."""

    max_bytes: ClassVar[int] = 8_000_000
    coupons: Annotated[
        list[
            Annotated[
                CouponIn | SkipJsonSchema[InstanceOf[BadItem]],
                WrapValidator(each(CouponIn, "code", empty_is_absent=False)),
            ]
        ],
        Field(max_length=10_000),
    ]


class CouponsStored(Stored):
    """What became of them."""

    taken: list[str] = Field(description="Codes of another campaign or contact, which keep them.")


@blueprint.post("/campaigns/<campaign_id>/coupons")
@blueprint.input(CouponsIn, arg_name="wanted")
@blueprint.output(CouponsStored)
@blueprint.doc(security="bearer", responses={404: "No such campaign"})
def add_coupons(campaign_id: str, wanted: CouponsIn) -> dict[str, Any]:
    """Store which codes the campaign's mails hold, up to 10,000 in a call; idempotent.

    A bad one does not keep the others from being stored: `not_stored` names it.
    """
    good, bad = split_items(wanted.coupons, "coupons")
    batch = [(coupon.code, coupon.ref or "") for _, coupon in good]
    with writing(wakes=True) as connection:
        taken = use_cases.add_coupons(connection, principal(), campaign_id, batch, datetime.now(UTC))
    return {"stored": len(batch) - len(taken), "taken": sorted(set(taken)), "not_stored": bad or None}
