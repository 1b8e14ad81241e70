"""The fragment: the pixels of an order for a thank-you page that the shop's server renders."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote, urlencode

from salepixel.accounts.policy import CLOCK_SKEW
from salepixel.accounts.store import Account
from salepixel.campaigns.links import with_parameter
from salepixel.clicks.hits import Hit, sign_hit
from salepixel.clicks.tokens import Click
from salepixel.money.amounts import round_money
from salepixel.money.quantities import round_quantity


@dataclass(frozen=True, slots=True)
class BoughtLine:
    """A line of the order. `amount`: of the whole line."""

    product: str
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bought:
    """A new order. `click`: the token of its visitor, or empty."""

    click: str
    order: str
    currency: str
    lines: Sequence[BoughtLine]


def may_earn(account: Account, click: Click, now: datetime) -> bool:
    """Whether a click of the account can get the credit for an order that is placed now."""
    recent = now - account.policy.window <= click.clicked_at <= now + CLOCK_SKEW
    return click.emp_id == account.emp_id and recent


def our_pixels(account: Account, bought: Bought, base: str, secret: bytes) -> list[str]:
    """The pixel URLs, one for each line, at `base`. They have the click token, in case cookies are blocked.

    `secret` signs them; empty: they are not signed.
    """
    whole = _sum(bought)
    urls = []
    for line in bought.lines:
        amount = whole if account.pixel_amount == "order" else round_money(line.amount, bought.currency)
        hit = Hit(
            emp_id=account.emp_id,
            product=line.product,
            quantity=line.quantity,
            amount=amount,
            order=bought.order,
            currency=bought.currency,
            click=bought.click,
        )
        if secret:
            hit = replace(hit, signature=sign_hit(secret, hit))
        urls.append(f"{base}/track/sale?{_query(hit)}")
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


def hosted_pixels(account: Account, bought: Bought) -> list[str]:
    """The parameters of a hosted pixel that the shop still uses, under the names of that pixel."""
    if not account.hosted_pixel:
        return []
    rows = [(line.product, line.quantity, round_money(line.amount, bought.currency)) for line in bought.lines]
    if account.forward_per == "order":
        products = ", ".join(product for product, _, _ in rows)
        rows = [(products, sum((n for _, n, _ in rows), Decimal(0)), _sum(bought))]
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
        for product, quantity, amount in rows
    ]


def _with_fields(url: str, fields: dict[str, str]) -> str:
    for name, value in fields.items():
        url = with_parameter(url, name, quote(value, safe=""))
    return url


def _sum(bought: Bought) -> Decimal:
    return sum((round_money(line.amount, bought.currency) for line in bought.lines), Decimal(0))
