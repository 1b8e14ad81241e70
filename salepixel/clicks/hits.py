"""Pixel hits: parses requests to `/track/sale`, with parameter names in Spanish, English or mixed."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

from salepixel.money.amounts import BadMoney, minor_digits
from salepixel.reading.money import named_currency, read_amount, read_currency
from salepixel.reading.order_numbers import PlaceholderOrder, read_order_number
from salepixel.reading.quantities import BadQuantity, read_quantity
from salepixel.reading.text import decode_bytes, read_text

MAX_QUERY = 4096  # bytes
MAX_FIELDS = 40
MAX_TEXT = 200

UNREADABLE = frozenset(
    ("bad_amount", "negative_amount", "bad_quantity", "bad_currency", "bad_text", "repeated_parameter")
)
"""Reasons why a hit makes no order; its click is still evidence. "bad_text" comes from older edges only."""

# Field -> its parameter names, compared in lower case. The Spanish names are those of the hosted pixel that
# shops already use ("Sales Pixel", MDirector help 12129697172636).
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
# HTML escapes "&" as "&amp;", "&#38;" or "&#x26;". After a split at "&", the rest is in front of the next
# name. PHP and jQuery write "[]" or "[0]" after the name of a list.
_ESCAPED = re.compile(r"(?:amp;|#0*38;|#x0*26;)+")
_IN_LIST = re.compile(r"\[\d*\]$")
_SUMS = ("amount", "quantity")
_UNKNOWN: Mapping[int, str] = MappingProxyType({})


class BadHit(ValueError):
    """A rejected pixel hit. `reason` is the name that is counted, `emp_id` 0 if unknown."""

    def __init__(self, reason: str, emp_id: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.emp_id = emp_id


@dataclass(frozen=True, slots=True)
class Hit:
    """A parsed pixel hit. Amount None: not given. Currency and order may be empty.

    `problem` is empty, or one of UNREADABLE (the hit makes no order), or "placeholder_order" (the hit has no
    order number). `as_sent`: the message to verify the signature with, if parsing changed the item or order.
    """

    emp_id: int
    product: str = ""
    quantity: Decimal = Decimal(1)
    amount: Decimal | None = None
    order: str = ""
    currency: str = ""
    click: str = ""
    signature: str = ""
    problem: str = ""
    as_sent: str = ""

    @property
    def is_readable(self) -> bool:
        """Whether the hit can make an order."""
        return self.problem not in UNREADABLE


def parse_hit(query: str, currencies: Mapping[int, str] = _UNKNOWN) -> Hit:
    """Parse a query string. Only empId is required; another unreadable field sets the hit's `problem`.

    `currencies`: the accounts' currencies, by empId. An amount is parsed with the decimals of the hit's
    currency, or else of its account's. Raises BadHit: too_long, no_empid, bad_empid.
    """
    if len(query) > MAX_QUERY or (not query.isascii() and len(query.encode(errors="replace")) > MAX_QUERY):
        raise BadHit("too_long")
    fields, is_repeated = _read_fields(query)
    get = fields.get
    emp_id = _emp_id(get("emp_id", ""))
    product, (order, no_order) = read_text(get("product", ""), MAX_TEXT), _read_order(get("order", ""))
    amount, currency, no_money = _read_money(
        get("amount", ""), get("currency", ""), currencies.get(emp_id, "")
    )
    quantity, no_quantity = _read_quantity(get("quantity", ""))
    hit = Hit(
        emp_id,
        product,
        quantity,
        amount,
        order,
        currency,
        get("click", "").strip()[:MAX_TEXT],
        read_text(get("signature", ""), MAX_TEXT),
        ("repeated_parameter" if is_repeated else "") or no_money or no_quantity or no_order,
    )
    return _as_signed(hit, get("product", "").strip(), get("order", "").strip()) if hit.signature else hit


def _read_fields(query: str) -> tuple[dict[str, str], bool]:
    """The fields that are not empty, and whether a name occurs with two values.

    If several names mean the same field, the first counts. Products with the same name are joined, and
    repeated clicks are allowed. Raises BadHit: too_long.
    """
    parts = query.split("&")
    if len(parts) > MAX_FIELDS:
        raise BadHit("too_long")
    fields: dict[str, str] = {}
    names: dict[str, str] = {}
    is_repeated = False
    for part in parts:
        name, _, value = part.partition("=")
        field = _field_of(name)
        if not field or not value:
            continue
        if "%" in value or "+" in value:
            value = _decode(value)
        if field not in fields:
            fields[field] = value
            names[field] = name
        elif _plain_name(name) == _plain_name(names[field]) and field != "click":
            # Two lines of a list may cost the same.
            differs = value.strip() != fields[field].strip() or (field in _SUMS and _is_list(name))
            if differs and field == "product":
                fields[field] += f", {value}"
            else:
                is_repeated = is_repeated or differs
    return fields, is_repeated


def _decode(text: str) -> str:
    return decode_bytes(unquote_to_bytes(text.replace("+", " ").encode(errors="replace")))


def _is_list(name: str) -> bool:
    return _IN_LIST.search(_decode(name)) is not None


@lru_cache(256)
def _field_of(name: str) -> str:
    """The field of a parameter name, also HTML-escaped or with list brackets; empty for unknown names."""
    return _FIELD_OF.get(_plain_name(name), "")


def _plain_name(name: str) -> str:
    return _IN_LIST.sub("", _ESCAPED.sub("", _decode(name).strip().lower()))


def _read_order(text: str) -> tuple[str, str]:
    try:
        return read_order_number(text) if text else "", ""
    except PlaceholderOrder as placeholder:
        return "", placeholder.reason


@lru_cache(1024)  # about as many prices as a shop has
def _read_money(amount: str, currency: str, account_currency: str) -> tuple[Decimal | None, str, str]:
    """The amount, the hit's currency, and why they cannot be read, or empty."""
    try:
        code = read_currency(currency) if currency.strip() else ""
        beside = named_currency(amount)
        if code and beside and code != beside:
            return None, code, "bad_currency"
        code = code or beside
        digits = minor_digits(code or account_currency)
        return read_amount(amount, digits) if amount.strip() else None, code, ""
    except BadMoney as error:
        return None, "", error.reason


@lru_cache(256)
def _read_quantity(text: str) -> tuple[Decimal, str]:
    try:
        return read_quantity(text) if text.strip() else Decimal(1), ""
    except BadQuantity as error:
        return Decimal(1), error.reason


def without_click(query: str) -> str:
    """The query without its click parameter."""
    return "&".join(part for part in query.split("&") if not _names_click(part))


def _names_click(part: str) -> bool:
    return _field_of(part.partition("=")[0]) == "click"


def sign_hit(secret: bytes, hit: Hit) -> str:
    """The signature a shop's server puts on its pixel: HMAC-SHA256 in hex.

    The message is empId, order, product, quantity, amount and currency, joined by line feeds. Quantity and
    amount have a point, no trailing zeros ("39.8") and no rounding; a missing amount is empty.
    """
    return _sign(secret, _message(hit))


def is_signed(secret: bytes, hit: Hit) -> bool:
    """True if the hit's signature is valid, compared in constant time.

    The shop's server may sign the item and the order as it sent them, or as we parse them.
    """
    messages = (_message(hit), hit.as_sent) if hit.as_sent else (_message(hit),)
    signature = hit.signature.lower().encode()
    return any(hmac.compare_digest(_sign(secret, message).encode(), signature) for message in messages)


def _sign(secret: bytes, message: str) -> str:
    return hmac.new(secret, message.encode(errors="replace"), hashlib.sha256).hexdigest()


def _message(hit: Hit) -> str:
    amount = "" if hit.amount is None else f"{hit.amount.normalize():f}"
    return "\n".join((str(hit.emp_id), hit.order, hit.product, str(hit.quantity), amount, hit.currency))


def _as_signed(hit: Hit, product: str, order: str) -> Hit:
    if (product, order) == (hit.product, hit.order):
        return hit
    return replace(hit, as_sent=_message(replace(hit, product=product, order=order)))


def _emp_id(text: str) -> int:
    text = text if text.isdigit() else read_text(text, 20)
    if not text:
        raise BadHit("no_empid")
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 2**32):
        raise BadHit("bad_empid")
    return int(text)
