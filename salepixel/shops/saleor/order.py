"""Reads an order of Saleor. Webhooks and polls have the same form (saleor_order.graphql)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from salepixel.money.amounts import BadMoney, allocate, from_minor, round_money, to_minor
from salepixel.orders.order import Order, OrderLine
from salepixel.reading.money import read_currency
from salepixel.reading.text import read_text
from salepixel.shops.contract import HashAddress, Unreadable

CLICK_KEY = "salepixel_click"
"""The metadata key with the click token. Saleor copies it from the checkout to the order."""

UTM_CAMPAIGN = "utm_campaign"
"""The metadata key with the campaign of the storefront's visitor."""

_VARIANT_ID = "UHJvZHVjdFZhcmlhbnQ6"  # base64 of "ProductVariant:"
_MAX_TOKEN_CHARS = 512
_MAX_PLAIN_CHARS = 255
_MAX_QUANTITY = 10**9
# order/__init__.py of Saleor 3.23: an order is never deleted. It ends as CANCELED (by staff or by its
# payment) or EXPIRED (unpaid after channel.expireOrdersAfter). RETURNED is about goods; the refund is in
# totalRefunded.
_CANCELLED = frozenset({"CANCELED", "EXPIRED"})
_PAID = ("FULL", "OVERCHARGED")  # `in` must work for every JSON value, also for unhashable ones
_PAID_OUT = "SUCCESS"
_NOT_PAID_OUT = ("PENDING", "FAILURE")
"""Statuses of a granted refund (OrderGrantedRefundStatusEnum). With NONE it may be paid out by hand."""


def read_order(order: Mapping[str, Any], issued_at: datetime | None, hash_address: HashAddress) -> Order:
    """Convert an order of Saleor to ours. Raises Unreadable.

    `issued_at`: the time of this snapshot. None: the time of the change, so that any delivery about the same
    change is newer.
    """
    total_field = as_object(order.get("total"), "no_total")
    try:
        currency = read_currency(_text(total_field, "currency"))
    except BadMoney as error:
        raise Unreadable(error.reason) from error
    total = _gross(order, "total", currency)
    refunded = _amount(order.get("totalRefunded"), currency)
    # totalCharged already excludes a pending refund (measured on 3.23.28), which may still fail.
    held = _amount(order.get("totalCharged"), currency) + _optional(order.get("totalRefundPending"), currency)
    shipping = _gross(order, "shippingPrice", currency)
    status = _text(order, "status")
    has_address = bool(order.get("userEmail"))
    email_hash, alias_hash = hash_address(_text(order, "userEmail")) if has_address else (None, None)
    lines = [_read_line(line, currency) for line in _objects(order.get("lines"), "no_lines")]
    whole = sum((line.amount for line in lines), shipping)
    by_gift_card = min(_by_gift_card(order, total, shipping, currency), max(whole - total, Decimal(0)))
    user = order.get("user")
    updated_at = read_time(order, "updatedAt")
    # isPaid is not read: in a webhook it was still true after a line was added to a paid order (3.23.28).
    covers = max(held, min(held + _waived(order, held, currency), total))
    read = Order(
        id=_text(order, "id"),
        number=_text(order, "number"),
        currency=currency,
        placed_at=read_time(order, "created"),
        updated_at=updated_at,
        issued_at=issued_at or updated_at,
        total=total,
        refunded=refunded,
        paid=max(covers, held + refunded) >= total,
        charged=held + refunded,
        covers=covers,
        cancelled=status in _CANCELLED,
        lines=tuple(lines),
        shipping=shipping,
        email_hash=email_hash,
        alias_hash=alias_hash,
        click_token=_click_token(order.get("metadata")),
        shipping_net=_net(order, "shippingPrice", currency),
        deducted=max(whole - total - by_gift_card, Decimal(0)),
        by_gift_card=by_gift_card,
        voucher=_plain(order.get("voucherCode")),
        customer=_plain(user.get("id")) or None if isinstance(user, dict) else None,
        utm_campaign=_metadata(order.get("metadata"), UTM_CAMPAIGN),
        payment=_payment(order),
        replaces=_replaces(order),
        draft=_draft(order),
    )
    return _with_refunds_by_line(read, order)


def _by_gift_card(order: Mapping[str, Any], total: Decimal, shipping: Decimal, currency: str) -> Decimal:
    """The amount paid by gift cards: subtotal plus shipping minus the total (measured on 3.23.28).

    An app that was installed before we selected giftCards does not send them. Then the difference may be a
    discount, which an older Saleor subtracts only from the total.
    """
    subtotal, cards = order.get("subtotal"), order.get("giftCards")
    if not isinstance(subtotal, dict) or not (
        cards if isinstance(cards, list) else not order.get("discounts")
    ):
        return Decimal(0)
    return max(_amount(subtotal.get("gross"), currency) + shipping - total, Decimal(0))


def _waived(order: Mapping[str, Any], held: Decimal, currency: str) -> Decimal:
    """The amount that need not be paid: granted refunds, if the shop reports the rest as paid.

    chargeStatus alone is not enough: it stays FULL when a line is added after payment (measured on 3.23.28).
    """
    if order.get("chargeStatus") not in _PAID or not held:
        return Decimal(0)
    granted = _optional_objects(order.get("grantedRefunds"))
    return sum((_amount(refund.get("amount"), currency) for refund in granted), Decimal(0))


def _replaces(order: Mapping[str, Any]) -> str | None:
    """The id of the order whose goods this one replaces. Apps installed earlier send only `origin`."""
    original = order.get("original")
    if isinstance(original, str) and original:
        return _plain(original)
    return "" if order.get("origin") == "REISSUE" else None


def _draft(order: Mapping[str, Any]) -> bool | None:
    """Whether it was a draft; an order from a checkout was not. Apps installed earlier send `origin`."""
    if order.get("origin") == "DRAFT":
        return True
    return False if order.get("checkoutId") else None


class _ByPart:
    """Sums in minor units for each line of an order and, last, its shipping."""

    def __init__(self, order: Order) -> None:
        self._order, self._places = order, {line.id: place for place, line in enumerate(order.lines)}
        self.amounts = [0] * (len(order.lines) + 1)

    def add(self, refund: Mapping[str, Any], amount: Decimal, shipping: Decimal) -> None:
        """Spread an amount over the lines of a refund, by quantity; `shipping` is the weight of shipping.

        Only these lines are touched, so that many refunds of an order with many lines stay cheap.
        """
        currency = self._order.currency
        weights: dict[int, int] = {}
        for line in _optional_objects(refund.get("lines")):
            place = self._places.get(_text(as_object(line.get("orderLine"), "bad_refund"), "id"))
            quantity = _quantity(line)
            if place is not None:
                its = self._order.lines[place]
                worth = to_minor(its.amount, currency) * quantity // max(its.quantity, Decimal(1))
                weights[place] = weights.get(place, 0) + int(worth)
        weights[len(self._order.lines)] = to_minor(shipping, currency)
        places = sorted(weights)
        parts = allocate(to_minor(amount, currency), [weights[place] for place in places])
        for place, part in zip(places, parts, strict=True):
            self.amounts[place] += part

    def add_shipping(self, amount: Decimal) -> None:
        """Add an amount to the shipping."""
        self.amounts[-1] += to_minor(amount, self._order.currency)

    def take(self, most: int) -> list[int]:
        """Take at most this amount, in proportion; the rest stays."""
        taken = allocate(min(most, sum(self.amounts)), self.amounts)
        self.amounts = [amount - part for amount, part in zip(self.amounts, taken, strict=True)]
        return taken


def _with_refunds_by_line(order: Order, content: Mapping[str, Any]) -> Order:
    """The order with the refunds of each line, as far as the shop reports them.

    Refunds of fulfilments (payments without transactions) were paid out. A granted refund may have a status.
    Without one, only totalRefunded shows whether it was paid out. A grant that was not paid out reduces what
    the buyer owes, if it was never charged. `orders.sold` handles that, and spreads the unexplained rest.
    """
    sure, open_, let_off = _ByPart(order), _ByPart(order), _ByPart(order)
    for fulfilment in _optional_objects(content.get("fulfillments")):
        amount = _optional(fulfilment.get("totalRefundedAmount"), order.currency)
        shipping = min(amount, _optional(fulfilment.get("shippingRefundedAmount"), order.currency))
        sure.add(fulfilment, amount - shipping, Decimal(0))
        sure.add_shipping(shipping)
    for refund in _optional_objects(content.get("grantedRefunds")):
        shipping = order.shipping if refund.get("shippingCostsIncluded") is True else Decimal(0)
        status = refund.get("status")
        by_part = sure if status == _PAID_OUT else let_off if status in _NOT_PAID_OUT else open_
        by_part.add(refund, _amount(refund.get("amount"), order.currency), shipping)
    refunded = to_minor(order.refunded, order.currency)
    paid_out = open_.take(max(0, refunded - sum(sure.amounts)))
    refunded_by_part = [sum(pair) for pair in zip(sure.amounts, paid_out, strict=True)]
    granted = [sum(pair) for pair in zip(open_.amounts, let_off.amounts, strict=True)]
    return _with_parts(order, refunded_by_part, granted, is_all=0 < sum(refunded_by_part) >= refunded)


def _with_parts(order: Order, refunded: Iterable[int], granted: Iterable[int], *, is_all: bool) -> Order:
    """`is_all`: the named parts explain the whole refund, so the other parts were not refunded."""
    currency = order.currency
    *by_line, of_shipping = [from_minor(part, currency) if part or is_all else None for part in refunded]
    *off_line, off_shipping = [from_minor(part, currency) if part else Decimal(0) for part in granted]
    named = zip(order.lines, by_line, off_line, strict=True)
    return replace(
        order,
        lines=tuple(replace(line, refunded=part, granted=off) for line, part, off in named),
        shipping_refunded=of_shipping,
        shipping_granted=off_shipping,
    )


def _read_line(line: Mapping[str, Any], currency: str) -> OrderLine:
    return OrderLine(
        id=_text(line, "id"),
        item=_item(line),
        quantity=_quantity(line),
        amount=_gross(line, "totalPrice", currency),
        sku=_plain(line.get("productSku")) or None,
        net=_net(line, "totalPrice", currency),
    )


def _quantity(line: Mapping[str, Any]) -> Decimal:
    quantity = line.get("quantity")
    if type(quantity) is not int or not 0 <= quantity <= _MAX_QUANTITY:
        raise Unreadable("bad_quantity")
    return Decimal(quantity)


def _item(line: Mapping[str, Any]) -> str:
    product, variant = _plain(line.get("productName")), _plain(line.get("variantName"))
    if not product:
        raise Unreadable("no_productName")
    # If a variant has no name, Saleor writes its global id.
    if not variant or variant == product or variant.startswith(_VARIANT_ID):
        return product
    return f"{product} ({variant})"


def _click_token(metadata: Any) -> str | None:
    for entry in metadata if isinstance(metadata, list) else ():
        if isinstance(entry, dict) and entry.get("key") == CLICK_KEY:
            # Any buyer can write this. An invalid token is kept, so that the decision says invalid_token
            # and a hostile value does not cost the order.
            value = entry.get("value")
            text = value[:_MAX_TOKEN_CHARS] if isinstance(value, str) else "?"
            return text.encode("ascii", "replace").decode().replace("\0", "?")
    return None


def _payment(order: Mapping[str, Any]) -> str:
    """The shop's name for the payment method: the last transaction's name, or the last payment's gateway."""
    for field, name in (("transactions", "name"), ("payments", "gateway")):
        listed = order.get(field)
        entries: list[Any] = listed if isinstance(listed, list) else []
        for entry in reversed(entries):
            if isinstance(entry, dict) and (content := _plain(entry.get(name))):
                return content
    return ""


def _metadata(metadata: Any, key: str) -> str:
    for entry in metadata if isinstance(metadata, list) else ():
        if isinstance(entry, dict) and entry.get("key") == key:
            return _plain(entry.get("value"))
    return ""


def _plain(value: Any) -> str:
    """A text from people, truncated and storable; empty for anything else."""
    return read_text(value, _MAX_PLAIN_CHARS) if isinstance(value, str) else ""


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


def _optional(money: Any, currency: str) -> Decimal:
    """An amount that some versions of Saleor, or of our selection, lack: zero if it is missing."""
    return Decimal(0) if money is None else _amount(money, currency)


def _optional_objects(value: Any) -> list[dict[str, Any]]:
    return _objects(value, "bad_refund") if isinstance(value, list) else []


def _objects(value: Any, reason: str) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise Unreadable(reason)
    return [as_object(one, reason) for one in value]


def as_object(value: Any, reason: str) -> dict[str, Any]:
    """The value, if it is a JSON object. Raises Unreadable with this reason."""
    if not isinstance(value, dict):
        raise Unreadable(reason)
    return value


def _text(parent: Mapping[str, Any], name: str) -> str:
    value = parent.get(name)
    # Neither a NUL nor a lone surrogate can be stored as text.
    if not isinstance(value, str) or not value or "\0" in value or not _is_unicode(value):
        raise Unreadable(f"no_{name}")
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_id(order: Mapping[str, Any]) -> str:
    """The id of an order, of a draft too. Raises Unreadable."""
    return _text(order, "id")


def read_time(parent: Mapping[str, Any], name: str) -> datetime:
    text = _text(parent, name)
    try:
        time = datetime.fromisoformat(text)
        # A time without a zone is refused: as UTC it could be a day off.
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"no_{name}") from error
    raise Unreadable(f"no_{name}")
