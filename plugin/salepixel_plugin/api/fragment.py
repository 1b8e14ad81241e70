"""The fragment: pixels for a thank-you page that the shop's server renders, for attributed customers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Self
from urllib.parse import quote, urlencode

from flask import Response
from markupsafe import Markup
from pydantic import Field, model_validator

from salepixel.accounts.policy import CLOCK_SKEW
from salepixel.accounts.store import Account
from salepixel.campaigns.links import with_parameter
from salepixel.campaigns.store import link_sells
from salepixel.clicks.hits import Hit, sign_hit
from salepixel.clicks.tokens import BadClickToken, Click
from salepixel.keys import pixel_secret_place
from salepixel.money.amounts import round_money
from salepixel.money.quantities import round_quantity
from salepixel_plugin.access import target_account
from salepixel_plugin.api.campaigns import edge_url
from salepixel_plugin.api.door import Input, answers_with, blueprint
from salepixel_plugin.api.fields import Amount, Currency, EmpId, Item, Name, Quantity, check_sum
from salepixel_plugin.services import services

_IMAGE = Markup('<img src="{}" alt="" width="1" height="1">')


class FragmentLine(Input):
    """A line of the order."""

    product: Item
    quantity: Quantity
    amount: Amount


class FragmentIn(Input):
    """An order that was just placed, and the click token that its visitor brought."""

    emp_id: EmpId = Field(alias="empId")
    click: Annotated[str, Field(max_length=1000, description="Empty: the visitor brought none.")]
    order: Name
    currency: Currency
    lines: Annotated[list[FragmentLine], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        check_sum(sum((line.amount for line in self.lines), Decimal(0)), self.currency)
        return self


@blueprint.post("/fragment")
@blueprint.input(FragmentIn, arg_name="wanted")
@blueprint.doc(
    security="bearer",
    responses={
        **answers_with("text/html", "Pixels as HTML; empty for a visitor who came from no e-mail"),
        403: {"description": "A foreign account"},
        404: {"description": "No such account"},
    },
)
def make_fragment(wanted: FragmentIn) -> Response:
    """The pixels to put on a thank-you page."""
    with services().database.read() as connection:
        account = target_account(connection, wanted.emp_id)
        click = _open(wanted.click)
        earns = click is not None and _may_earn(account, click) and link_sells(connection, click.link)
    pixels = [*_our_pixels(account, wanted), *_hosted_pixels(account, wanted)] if earns else []
    html = "".join(_IMAGE.format(url) for url in pixels)
    return Response(html, mimetype="text/html", headers={"Cache-Control": "no-store"})


def _open(token: str) -> Click | None:
    try:
        return services().clicks.open(token)
    except BadClickToken:
        return None


def _may_earn(account: Account, click: Click) -> bool:
    now = datetime.now(UTC)
    return (
        click.emp_id == account.emp_id and now - account.policy.window <= click.clicked_at <= now + CLOCK_SKEW
    )


def _our_pixels(account: Account, wanted: FragmentIn) -> list[str]:
    """One for each line. They tell the click, so that they are evidence where cookies are refused."""
    whole = _sum(wanted.lines, wanted.currency)
    place = pixel_secret_place(account.emp_id)
    secret = bytes.fromhex(services().keys.open(place, account.pixel_secret))
    urls = []
    for line in wanted.lines:
        amount = whole if account.pixel_amount == "order" else round_money(line.amount, wanted.currency)
        hit = Hit(
            emp_id=account.emp_id,
            product=line.product,
            quantity=line.quantity,
            amount=amount,
            order=wanted.order,
            currency=wanted.currency,
            click=wanted.click,
        )
        if secret:
            hit = replace(hit, signature=sign_hit(secret, hit))
        urls.append(f"{edge_url(account)}/track/sale?{_query(hit)}")
    return urls


def _query(hit: Hit) -> str:
    fields = {
        "empId": hit.emp_id,
        "PRODUCTO": hit.product,
        "CANTIDAD": hit.quantity,
        "IMPORTE": f"{hit.amount:f}",
        "MONEDA": hit.currency,
        "PEDIDO": hit.order,
        "spx": hit.click,
        "firma": hit.signature,
    }
    return urlencode({name: value for name, value in fields.items() if value != ""}, quote_via=quote)


def _hosted_pixels(account: Account, wanted: FragmentIn) -> list[str]:
    """Those of a hosted pixel that the shop goes on using, with the names it knows."""
    if not account.hosted_pixel:
        return []
    told = [(line.product, line.quantity, round_money(line.amount, wanted.currency)) for line in wanted.lines]
    if account.forward_per == "order":
        products = ", ".join(product for product, _, _ in told)
        told = [(products, sum((n for _, n, _ in told), Decimal(0)), _sum(wanted.lines, wanted.currency))]
    return [
        _with_fields(
            account.hosted_pixel,
            {
                "empId": account.hosted_emp_id,
                "PRODUCTO": product,
                "CANTIDAD": str(round_quantity(quantity)),
                "IMPORTE": f"{amount:f}",
            },
        )
        for product, quantity, amount in told
    ]


def _with_fields(url: str, fields: dict[str, str]) -> str:
    for name, value in fields.items():
        url = with_parameter(url, name, quote(value, safe=""))
    return url


def _sum(lines: Sequence[FragmentLine], currency: str) -> Decimal:
    return sum((round_money(line.amount, currency) for line in lines), Decimal(0))
