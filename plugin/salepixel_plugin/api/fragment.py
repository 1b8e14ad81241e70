"""The fragment: pixels as HTML for a thank-you page that the shop's server renders."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Self

from flask import Response
from markupsafe import Markup
from pydantic import Field, model_validator

from salepixel.campaigns import use_cases
from salepixel.campaigns.fragment import Bought, BoughtLine
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import answers_with, blueprint
from salepixel_plugin.fields import Amount, Currency, EmpId, Item, Name, Quantity, check_total
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services

_IMAGE = Markup('<img src="{}" alt="" width="1" height="1">')


class FragmentLine(Input):
    """A line of the order."""

    product: Item
    quantity: Quantity
    amount: Amount


class FragmentIn(Input):
    """A new order, with the click token of its visitor."""

    emp_id: EmpId = Field(alias="empId")
    click: Annotated[
        str, Field(max_length=1000, description="The click token; empty if the visitor has none.")
    ]
    order: Name
    currency: Currency
    lines: Annotated[list[FragmentLine], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        check_total(sum((line.amount for line in self.lines), Decimal(0)), self.currency)
        return self


@blueprint.post("/fragment")
@blueprint.input(FragmentIn, arg_name="wanted")
@blueprint.doc(
    security="bearer",
    responses={
        **answers_with("text/html", "Pixels as HTML; empty if the visitor did not come from an e-mail"),
        403: {"description": "The API key belongs to another account"},
        404: {"description": "No such account"},
    },
)
def make_fragment(wanted: FragmentIn) -> Response:
    """The pixels for the thank-you page of an order, as HTML."""
    here = services()
    lines = [BoughtLine(**line.model_dump()) for line in wanted.lines]
    bought = Bought(wanted.click, wanted.order, wanted.currency, lines)
    with here.database.read() as connection:
        pixels = use_cases.make_fragment(
            connection,
            principal(),
            here.keys,
            here.clicks,
            wanted.emp_id,
            bought,
            here.settings.edge_url,
            datetime.now(UTC),
        )
    html = "".join(_IMAGE.format(url) for url in pixels)
    return Response(html, mimetype="text/html", headers={"Cache-Control": "no-store"})
