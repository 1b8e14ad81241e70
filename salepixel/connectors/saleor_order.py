"""A Saleor's order, as our selection (saleor_order.graphql) gives it, in webhooks and answers alike."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from salepixel.connectors.contract import HashAddress, Unreadable
from salepixel.money import BadMoney, allocate, from_minor, round_money, to_minor
from salepixel.orders import Order, OrderLine
from salepixel.reading.money import read_currency

CLICK_KEY = "salepixel_click"
"""The metadata key with the click token. Saleor copies it from the checkout to the order."""

UTM_CAMPAIGN = "utm_campaign"
"""The metadata key under which a storefront keeps the campaign of its visitor."""

_VARIANT_ID = "UHJvZHVjdFZhcmlhbnQ6"  # base64 of "ProductVariant:"
_MAX_TOKEN_CHARS = 512
_MAX_PLAIN_CHARS = 255
_MAX_QUANTITY = 10**9
# order/__init__.py of Saleor 3.23: an order is never deleted, it ends as CANCELED (by staff or by its
# payment) or EXPIRED (unpaid beyond channel.expireOrdersAfter). RETURNED is about goods; its money shows
# in totalRefunded.
_CANCELLED = frozenset({"CANCELED", "EXPIRED"})
_PAID = ("FULL", "OVERCHARGED")  # may be asked for anything, also what has no hash


def read_order(order: Mapping[str, Any], issued_at: datetime | None, hash_address: HashAddress) -> Order:
    """Our order of Saleor's. Raises Unreadable.

    `issued_at`: when it was so. None: as soon as it was changed, so that any delivery which tells of the same
    change is newer.
    """
    total_field = as_object(order.get("total"), "no_total")
    try:
        currency = read_currency(_text(total_field, "currency"))
    except BadMoney as error:
        raise Unreadable(error.reason) from error
    total = _gross(order, "total", currency)
    charged = _amount(order.get("totalCharged"), currency)
    given_back = _amount(order.get("totalRefunded"), currency)
    is_paid = order.get("isPaid") is True or order.get("chargeStatus") in _PAID
    shipping = _gross(order, "shippingPrice", currency)
    status = _text(order, "status")
    is_told = bool(order.get("userEmail"))
    email_hash, alias_hash = hash_address(_text(order, "userEmail")) if is_told else (None, None)
    listed = order.get("lines")
    if not isinstance(listed, list):
        raise Unreadable("no_lines")
    lines = [_read_line(as_object(line, "no_lines"), currency) for line in listed]
    user = order.get("user")
    updated_at = read_time(order, "updatedAt")
    read = Order(
        id=_text(order, "id"),
        number=_text(order, "number"),
        currency=currency,
        placed_at=read_time(order, "created"),
        updated_at=updated_at,
        issued_at=issued_at or updated_at,
        total=total,
        # A refund takes the sum off totalCharged (measured on 3.23.28; Saleor demands it of apps that report
        # by transactionUpdate). So what is missing of the total was given back of it; more that was given
        # back had been charged by mistake, or for lines that are no longer there.
        refunded=min(given_back, max(total - charged, Decimal(0))),
        # It makes isPaid false again, too: whether it was paid then follows from sums, see Order.was_paid.
        paid=is_paid or charged + given_back >= total,
        charged=None if is_paid else charged + given_back,
        cancelled=status in _CANCELLED,
        lines=tuple(lines),
        shipping=shipping,
        email_hash=email_hash,
        alias_hash=alias_hash,
        click_token=_click_token(order.get("metadata")),
        shipping_net=_net(order, "shippingPrice", currency),
        # A gift card shows nowhere else (measured on 3.23.28).
        deducted=max(sum((line.amount for line in lines), shipping) - total, Decimal(0)),
        voucher=_plain(order.get("voucherCode")),
        customer=_plain(user.get("id")) or None if isinstance(user, dict) else None,
        utm_campaign=_metadata(order.get("metadata"), UTM_CAMPAIGN),
        payment=_payment(order),
    )
    return _with_granted(read, order.get("grantedRefunds"))


def _with_granted(order: Order, granted: Any) -> Order:
    """The order with what was refunded of each line, as far as granted refunds say it.

    One says quantities of lines, whether shipping is in it, and its amount, which people may change; its
    money is spread over what it names. Whether it was paid out only totalRefunded says: the domain never
    counts more than that, and spreads what no granted refund explains.
    """
    parts = order.parts()
    told = [0] * len(parts)
    for refund in granted if isinstance(granted, list) else ():
        weights = _granted_weights(order, as_object(refund, "bad_refund"))
        amount = to_minor(_amount(refund.get("amount"), order.currency), order.currency)
        told = [sum(pair) for pair in zip(told, allocate(amount, weights), strict=True)]
    if not sum(told):
        return order
    # All of it explained: the lines that are not named were not refunded.
    is_all = sum(told) >= to_minor(order.refunded, order.currency)
    *lines, shipping = [from_minor(part, order.currency) if part or is_all else None for part in told]
    return replace(
        order,
        lines=tuple(replace(line, refunded=part) for line, part in zip(order.lines, lines, strict=True)),
        shipping_refunded=shipping,
    )


def _granted_weights(order: Order, refund: Mapping[str, Any]) -> list[int]:
    quantities: dict[str, Decimal] = {}
    named = refund.get("lines")
    for line in named if isinstance(named, list) else ():
        found = as_object(line, "bad_refund")
        line_id = _text(as_object(found.get("orderLine"), "bad_refund"), "id")
        quantities[line_id] = quantities.get(line_id, Decimal(0)) + _quantity(found)
    weights = [
        int(
            to_minor(line.amount, order.currency)
            * quantities.get(line.id, Decimal(0))
            // max(line.quantity, Decimal(1))
        )
        for line in order.lines
    ]
    shipping = to_minor(order.shipping, order.currency) if refund.get("shippingCostsIncluded") is True else 0
    return [*weights, shipping]


def _read_line(line: Mapping[str, Any], currency: str) -> OrderLine:
    return OrderLine(
        id=_text(line, "id"),
        item=_item(line),
        quantity=_quantity(line),
        amount=_gross(line, "totalPrice", currency),
        sku=_text(line, "productSku") if line.get("productSku") else None,
        net=_net(line, "totalPrice", currency),
    )


def _quantity(line: Mapping[str, Any]) -> Decimal:
    quantity = line.get("quantity")
    if type(quantity) is not int or not 0 <= quantity <= _MAX_QUANTITY:
        raise Unreadable("bad_quantity")
    return Decimal(quantity)


def _item(line: Mapping[str, Any]) -> str:
    product = _text(line, "productName")
    variant = _text(line, "variantName") if line.get("variantName") else ""
    # Saleor writes the variant's global id where a variant has no name.
    if not variant or variant == product or variant.startswith(_VARIANT_ID):
        return product
    return f"{product} ({variant})"


def _click_token(metadata: Any) -> str | None:
    for entry in metadata if isinstance(metadata, list) else ():
        if isinstance(entry, dict) and entry.get("key") == CLICK_KEY:
            # Any buyer can write this. What is no token stays one that cannot be opened: the decision
            # says invalid_token, and a hostile value costs no order.
            value = entry.get("value")
            text = value[:_MAX_TOKEN_CHARS] if isinstance(value, str) else "?"
            return text.encode("ascii", "replace").decode().replace("\0", "?")
    return None


def _payment(order: Mapping[str, Any]) -> str:
    """How it was paid, as the shop calls it: the last transaction's name, else the last payment's gateway."""
    for field, name in (("transactions", "name"), ("payments", "gateway")):
        listed = order.get(field)
        entries: list[Any] = listed if isinstance(listed, list) else []
        for entry in reversed(entries):
            if isinstance(entry, dict) and (told := _plain(entry.get(name))):
                return told
    return ""


def _metadata(metadata: Any, key: str) -> str:
    for entry in metadata if isinstance(metadata, list) else ():
        if isinstance(entry, dict) and entry.get("key") == key:
            return _plain(entry.get("value"))
    return ""


def _plain(value: Any) -> str:
    """A text that a buyer may have written, cut and storable; empty for anything else."""
    if not isinstance(value, str):
        return ""
    return value[:_MAX_PLAIN_CHARS].encode("utf-8", "replace").decode().replace("\0", "?").strip()


def _net(parent: Mapping[str, Any], name: str, currency: str) -> Decimal | None:
    taxed = as_object(parent.get(name), f"no_{name}")
    return _amount(taxed["net"], currency) if taxed.get("net") else None


def _gross(parent: Mapping[str, Any], name: str, currency: str) -> Decimal:
    taxed = as_object(parent.get(name), f"no_{name}")
    if taxed.get("currency") != currency:
        raise Unreadable("mixed_currencies")
    return _amount(taxed.get("gross"), currency)


def _amount(money: Any, currency: str) -> Decimal:
    number = as_object(money, "no_amount").get("amount")
    if type(number) is not Decimal and type(number) is not int:
        raise Unreadable("bad_amount")
    try:
        amount = round_money(Decimal(number), currency)
    except (BadMoney, ArithmeticError) as error:
        raise Unreadable("bad_amount") from error
    if amount < 0:
        raise Unreadable("negative_amount")
    return amount


def as_object(value: Any, reason: str) -> dict[str, Any]:
    """The value, if it is a JSON object. Raises Unreadable with this reason."""
    if not isinstance(value, dict):
        raise Unreadable(reason)
    return value


def _text(parent: Mapping[str, Any], name: str) -> str:
    value = parent.get(name)
    # Neither a NUL nor half a surrogate pair can be stored as text.
    if not isinstance(value, str) or not value or "\0" in value or not _is_unicode(value):
        raise Unreadable(f"no_{name}")
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_time(parent: Mapping[str, Any], name: str) -> datetime:
    text = _text(parent, name)
    try:
        time = datetime.fromisoformat(text)
        # A time without a zone is nobody's: as UTC it could be a day off.
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"no_{name}") from error
    raise Unreadable(f"no_{name}")
