"""Parses order numbers from pixels and shops."""

import re

from salepixel.reading.text import read_text

MAX_ORDER_NUMBER = 200

# Placeholders: the words of JavaScript and Python for "no value", and names of unfilled variables. Only
# letters and digits are compared.
_PLACEHOLDERS = frozenset(
    (
        *("", "undefined", "null", "none", "nil", "nan", "false", "true", "na", "notset", "empty"),
        *("objectobject", "objectnull", "objectundefined", "function", "id", "number", "numero"),
        *("order", "orderid", "ordernumber", "orderno", "ordernr", "ordername", "orderref", "orderreference"),
        *("pedido", "idpedido", "pedidoid", "numpedido", "numeropedido", "numerodepedido", "numerodelpedido"),
        *("transaction", "transactionid", "invoice", "invoiceid", "reference", "referencia"),
    )
)
_NO_WORD = re.compile(r"[\W_]+")
# Handlebars, Jinja, Liquid, Mailchimp, JavaScript, PHP, ERB, Smarty, Salesforce.
_TEMPLATE = re.compile(r"\{\{|\}\}|\{%|%\}|\$\{|\{\$|\*\||\|\*|<[?%]|\[\[|\]\]|%%")
_WRAPPED = re.compile(r"[{\[<%$@_][^0-9]*[}\]>%$@_]")
_NUMBER_SIGN = re.compile(r"(?:#|№|N[ºo°]\.?)\s*(?=[0-9])", re.IGNORECASE)


class PlaceholderOrder(ValueError):
    """An order number that a template or script left unfilled. `reason` is the name that is counted."""

    reason = "placeholder_order"


def read_order_number(text: str) -> str:
    """An order's number or id on one line, at most 200 characters; empty if none is given.

    Raises PlaceholderOrder for "undefined", "0", "{{order.number}}", "ORDER_ID" and the like: otherwise all
    buyers with such a number would be one order.
    """
    number = read_text(text, MAX_ORDER_NUMBER)
    if number and _is_placeholder(number):
        raise PlaceholderOrder(number)
    return number


def order_key(number: str) -> str:
    """The form for comparing order numbers: "#77", "077" and "Nº 77" are 77, "so-77" is SO-77.

    A number with both small and capital letters does not change: Saleor's ids are base64, and other shops
    have short random ids in which case matters.
    """
    key = number.upper() if number == number.lower() else number
    sign = _NUMBER_SIGN.match(key)
    key = key[sign.end() :] if sign else key
    return key.lstrip("0") or key if key.isascii() and key.isdigit() else key


def _is_placeholder(number: str) -> bool:
    if number.isascii() and number.isdigit():
        return not number.strip("0")
    word = _NO_WORD.sub("", number).lower()
    return (
        word in _PLACEHOLDERS
        or number == "-1"
        or not word.strip("0")
        or _TEMPLATE.search(number) is not None
        or _WRAPPED.fullmatch(number) is not None
    )
