"""Coupons: the codes in a campaign's e-mails, personal or shared."""

from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, Any, ClassVar

from pydantic import Field, InstanceOf, WrapValidator
from pydantic.json_schema import SkipJsonSchema

from salepixel.campaigns import use_cases
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import blueprint
from salepixel_plugin.api.contacts import Reference
from salepixel_plugin.api.items import ERASED, BadItem, Stored, each, not_stored, split_items
from salepixel_plugin.fields import Name
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services, writing


class CouponIn(Input):
    """A code that the shop accepts."""

    code: Name = Field(description="The code in the shop. Letter case does not matter.")
    ref: Reference | None = Field(
        None, description="The only contact who got the code. Null: everybody got it."
    )


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
    """The number of stored coupons, and the coupons that were not stored."""

    taken: list[str] = Field(
        description="Codes that belong to another campaign or contact. They were not changed."
    )


@blueprint.post("/campaigns/<campaign_id>/coupons")
@blueprint.input(CouponsIn, arg_name="wanted")
@blueprint.output(CouponsStored)
@blueprint.doc(security="bearer", responses={404: "No such campaign"})
def add_coupons(campaign_id: str, wanted: CouponsIn) -> dict[str, Any]:
    """Store the coupon codes of a campaign, up to 10,000 in a call. Idempotent.

    Valid coupons are stored even if others are not valid. `not_stored` lists those.
    """
    good, bad = split_items(wanted.coupons, "coupons")
    batch = [(coupon.code, coupon.ref or "") for _, coupon in good]
    with writing(wakes=True) as connection:
        done = use_cases.add_coupons(
            connection, principal(), services().keys, campaign_id, batch, datetime.now(UTC)
        )
    erased = [not_stored(at, one.code, "erased", ERASED) for at, one in good if one.ref in done.erased]
    stored = len(batch) - len(done.taken) - len(erased)
    left_out = sorted([*bad, *erased], key=itemgetter("position"))
    return {"stored": stored, "taken": sorted(set(done.taken)), "not_stored": left_out or None}
