"""Pixel hits: what a request to `/track/sale` says, in Spanish, English or mixed names."""

import hashlib
import hmac
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from urllib.parse import unquote_plus

from salepixel.money import BadMoney, minor_digits
from salepixel.reading.money import read_amount, read_currency

MAX_QUERY = 4096  # bytes
MAX_FIELDS = 40
MAX_TEXT = 200
MAX_QUANTITY = 1_000_000

# Field -> the names it may have, compared in lower case. The Spanish names are those of the hosted
# pixel whose links shops already have ("Sales Pixel", MDirector help 12129697172636).
_NAMES = {
    "emp_id": ("empid",),
    "product": ("producto", "product", "item"),
    "quantity": ("cantidad", "quantity", "qty"),
    "amount": ("importe", "amount", "total"),
    "order": ("pedido", "order", "order_id", "orderid"),
    "currency": ("moneda", "currency"),
    "click": ("spx", "click"),
    "signature": ("firma", "sig", "signature"),
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in names}


class BadHit(ValueError):
    """A pixel hit that cannot be counted. `reason` is its counted name, `emp_id` 0 when unknown."""

    def __init__(self, reason: str, emp_id: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.emp_id = emp_id


@dataclass(frozen=True, slots=True)
class Hit:
    """A pixel hit as it was sent. Amount None: not told. Currency and order may be empty."""

    emp_id: int
    product: str = ""
    quantity: Decimal = Decimal(1)
    amount: Decimal | None = None
    order: str = ""
    currency: str = ""
    click: str = ""
    signature: str = ""


def parse_hit(query: str) -> Hit:
    """Read a query string; only empId must be there.

    Raises BadHit: too_long, no_empid, bad_empid, bad_quantity, bad_amount, negative_amount,
    bad_currency, bad_text.
    """
    if len(query) > MAX_QUERY or len(query.encode(errors="replace")) > MAX_QUERY:
        raise BadHit("too_long")
    fields = _read_fields(query)
    emp_id = _emp_id(fields.get("emp_id", ""))
    product, order = fields.get("product", ""), fields.get("order", "")
    for text in (product, order):
        if len(text) > MAX_TEXT or not text.isprintable():
            raise BadHit("bad_text", emp_id)
    try:
        amount, currency = _read_money(fields.get("amount", ""), fields.get("currency", ""))
    except BadMoney as error:
        raise BadHit(error.reason, emp_id) from error
    return Hit(
        emp_id=emp_id,
        product=product,
        quantity=_quantity(fields.get("quantity", ""), emp_id),
        amount=amount,
        order=order,
        currency=currency,
        click=fields.get("click", "")[:MAX_TEXT],
        signature=fields.get("signature", ""),
    )


def _read_fields(query: str) -> dict[str, str]:
    """The fields that are there, each as it is named first. Raises BadHit: too_long."""
    parts = query.split("&")
    if len(parts) > MAX_FIELDS:
        raise BadHit("too_long")
    fields: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            name, value = unquote_plus(name), unquote_plus(value)
        field = _FIELD_OF.get(name.lower())
        if field and field not in fields:
            fields[field] = value.strip()
    return fields


@lru_cache(1024)  # a shop has so many prices
def _read_money(amount: str, currency: str) -> tuple[Decimal | None, str]:
    checked = read_currency(currency) if currency else ""
    return read_amount(amount, minor_digits(checked)) if amount else None, checked


def without_click(query: str) -> str:
    """The query without the click that it names."""
    return "&".join(
        part
        for part in query.split("&")
        if _FIELD_OF.get(unquote_plus(part.partition("=")[0]).lower()) != "click"
    )


def sign_hit(secret: bytes, hit: Hit) -> str:
    """The signature a shop's server puts on its pixel: HMAC-SHA256 in hex.

    Over empId, order, product, quantity, amount and currency, joined by line feeds; the amount with a
    point and without trailing zeros ("39.8"), empty where it is not told.
    """
    amount = "" if hit.amount is None else f"{hit.amount.normalize():f}"
    message = "\n".join((str(hit.emp_id), hit.order, hit.product, str(hit.quantity), amount, hit.currency))
    return hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()


def is_signed(secret: bytes, hit: Hit) -> bool:
    """True when the hit's signature is right, compared in constant time."""
    return hmac.compare_digest(sign_hit(secret, hit).encode(), hit.signature.lower().encode())


def _emp_id(text: str) -> int:
    if not text:
        raise BadHit("no_empid")
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 2**32):
        raise BadHit("bad_empid")
    return int(text)


def _quantity(text: str, emp_id: int) -> Decimal:
    if not text:
        return Decimal(1)
    # "2,00" and "2.0" are whole numbers as some shops format them.
    whole, _, fraction = text.replace(",", ".").partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 7 and fraction.strip("0") == ""):
        raise BadHit("bad_quantity", emp_id)
    if not 0 < int(whole) <= MAX_QUANTITY:
        raise BadHit("bad_quantity", emp_id)
    return Decimal(whole)
