"""The contract of every connector: a module with the functions of `Connector`, and their types."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Protocol

from salepixel.keys import BadSeal, Keys, token_place
from salepixel.orders.order import Order
from salepixel.shops.shop import Shop
from salepixel.shops.strict_json import load_object


@dataclass(frozen=True)
class Delivery:
    """A webhook as it arrived. `headers` have lower-case names; `body` is what the signature covers."""

    api_url: str
    event: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """The JSON object in the body, parsed once: 28 MB take 300 MB of memory and a second. Raises BadJson.

        Read it only after the signature was verified.
        """
        return load_object(self.body)


class UntrustedDelivery(Exception):
    """An untrusted delivery. `reason` is the name that is counted, `message` says what to do about it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class BadSignature(UntrustedDelivery):
    """The signature is missing, malformed or wrong."""


class UnknownKey(BadSignature):
    """The signature fits no stored key: forged, or the shop has a new key. `kid` is the key's id."""

    def __init__(self, reason: str, message: str, kid: str | None) -> None:
        super().__init__(reason, message)
        self.kid = kid


class Unreadable(ValueError):
    """No order can be read from a trusted delivery. `reason` is the name that is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ShopUnavailable(Exception):
    """The shop gave no usable answer; the message says what it answered.

    `reason` is the name that is counted: shop_unavailable, or shop_ and the reason of an outgoing.CallFailed.
    """

    def __init__(self, message: str, reason: str = "shop_unavailable") -> None:
        super().__init__(message)
        self.reason = reason


class PageTooLarge(ShopUnavailable):
    """The shop cannot answer for so many orders at once: too large, too slow, or one of them fails."""


class TokenRefused(Exception):
    """The shop does not accept the token, or there is none."""


@dataclass(frozen=True, slots=True)
class Access:
    """A shop with its decrypted token: made for one round of calls, never stored."""

    shop: Shop
    token: str = field(repr=False)


def open_access(keys: Keys, shop: Shop) -> Access:
    """Decrypt the shop's token. Raises TokenRefused if there is none, or if it cannot be decrypted."""
    try:
        token = keys.open(token_place(shop.id), shop.token) if shop.token else ""
    except BadSeal as error:
        raise TokenRefused from error
    if not token:
        raise TokenRefused
    return Access(shop, token)


@dataclass(frozen=True, slots=True)
class Unread:
    """An order of a shop that could not be read.

    `reason` is the name that is counted, `detail` the shop's own message. `id` and `number` are empty if not
    even these could be read.
    """

    reason: str
    id: str = ""
    number: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a shop's answer: orders, and orders that could not be read.

    `drafts`: the ids of drafts, which are not orders yet.
    """

    orders: tuple[Order, ...] = ()
    unread: tuple[Unread, ...] = ()
    drafts: tuple[str, ...] = ()


HashAddress = Callable[[str], tuple[str, str]]
"""Returns two hashes of an e-mail address: as it is written, and of its mailbox (without tags and dots)."""


class Connector(Protocol):
    """A shop platform. Each platform's module has these functions; the dict `CONNECTORS` is the registry.

    Functions that call the shop take an `Access`, and raise ShopUnavailable or TokenRefused.
    """

    def verify(self, delivery: Delivery, shop: Shop) -> None:
        """Check that the shop sent this delivery, to our app, as this event. Raises UntrustedDelivery."""

    def read_orders(self, delivery: Delivery, hash_address: HashAddress) -> Page:
        """The orders in a verified delivery; none if it is about something else. Raises Unreadable."""

    def changed_orders(
        self, access: Access, since: datetime, until: datetime, hash_address: HashAddress
    ) -> Iterator[Page]:
        """The orders that changed between two times (UTC, both included), page by page.

        Each snapshot is dated so that a delivery about the same change counts as newer.
        """

    def named_orders(
        self, access: Access, ids: Sequence[str], at: datetime, hash_address: HashAddress
    ) -> Iterator[Page]:
        """The current orders with these ids, dated `at` (UTC)."""

    def count_orders(self, access: Access, days: Sequence[date]) -> dict[date, int]:
        """The number of orders in the shop for each day (UTC)."""

    def token_problem(self, access: Access) -> str:
        """Why the shop rejects our token: `app_inactive`, `permission_removed`, or else `token_refused`.

        Raises ShopUnavailable.
        """
