"""Orders of a stand-in shop, in the form in which Saleor answers our subscription."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order; `amount` is the gross amount of the whole line."""

    item: str
    quantity: int
    amount: Decimal
    sku: str | None = None
    variant: str = ""


class Orders:
    """Makes orders of one channel, in its currency."""

    def __init__(self, channel: str, currency: str) -> None:
        self.channel = channel
        self.currency = currency

    def order(
        self,
        number: str,
        lines: Sequence[Line],
        *,
        email: str = "",
        token: str | None = None,
        created: datetime | None = None,
        updated: datetime | None = None,
        status: str = "UNFULFILLED",
        paid: bool = True,
        refunded: Decimal = Decimal(0),
        shipping: Decimal = Decimal(0),
        metadata: Mapping[str, str] | None = None,
        customer: str | None = None,
        voucher: str | None = None,
        payment: str = "",
    ) -> dict[str, Any]:
        """The order in the form of our subscription. The same number is always the same order."""
        created = created or datetime.now(UTC)
        subtotal = sum((line.amount for line in lines), Decimal(0))
        total = subtotal + shipping
        charged = total - refunded if paid else Decimal(0)
        entries = {**(metadata or {}), **({"salepixel_click": token} if token else {})}
        charge_status = "FULL" if charged == total else "PARTIAL" if charged else "NONE"
        return {
            "id": global_id("Order", f"{self.channel}-{number}"),
            "number": number,
            "status": status,
            "origin": "CHECKOUT",
            "created": created.isoformat(),
            "updatedAt": (updated or created).isoformat(),
            "externalReference": None,
            "checkoutId": global_id("Checkout", number),
            "channel": {"id": global_id("Channel", 1), "slug": self.channel},
            "user": {"id": global_id("User", customer)} if customer else None,
            "userEmail": email,
            "languageCodeEnum": "EN",
            "isPaid": charged == total,
            "chargeStatus": charge_status,
            "authorizeStatus": charge_status,
            "voucherCode": voucher,
            "metadata": [{"key": key, "value": value} for key, value in entries.items()],
            "billingAddress": {"country": {"code": "ES"}},
            "shippingAddress": {"country": {"code": "ES"}},
            "total": self._taxed(total),
            "subtotal": self._taxed(subtotal),
            "shippingPrice": self._taxed(shipping),
            "undiscountedTotal": {"gross": {"amount": float(total)}},
            "discounts": [],
            "totalCharged": {"amount": float(charged), "currency": self.currency},
            "totalAuthorized": {"amount": 0.0},
            "totalRefunded": {"amount": float(refunded)},
            "grantedRefunds": [],
            "totalCanceled": {"amount": 0.0},
            "payments": [],
            "transactions": [{"name": payment}] if payment else [],
            "lines": [self._line(number, place, line) for place, line in enumerate(lines, 1)],
        }

    def _line(self, number: str, place: int, line: Line) -> dict[str, Any]:
        variant_id = global_id("ProductVariant", line.sku or line.item)
        return {
            "id": global_id("OrderLine", f"{self.channel}-{number}-{place}"),
            "productName": line.item,
            "variantName": line.variant or variant_id,
            "productSku": line.sku,
            "productVariantId": variant_id,
            "quantity": line.quantity,
            "unitPrice": self._taxed((line.amount / line.quantity).quantize(Decimal("0.01"))),
            "totalPrice": self._taxed(line.amount),
            "metadata": [],
        }

    def _taxed(self, gross: Decimal) -> dict[str, Any]:
        # JSON floats, like Saleor's money.
        net = (gross / Decimal("1.21")).quantize(Decimal("0.01"))
        parts = {"net": net, "gross": gross, "tax": gross - net}
        return {"currency": self.currency, **{k: {"amount": float(part)} for k, part in parts.items()}}


def global_id(kind: str, key: object) -> str:
    """A global id in Saleor's form."""
    return base64.b64encode(f"{kind}:{key}".encode()).decode()
