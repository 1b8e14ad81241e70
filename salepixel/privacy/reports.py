"""Finds a person's orders in the bodies of deliveries."""

from collections.abc import Collection, Mapping
from typing import Any

from salepixel.keys import Keys
from salepixel.orders.redacted import NOTHING, addresses_in, redact, texts_in
from salepixel.privacy.person import Person


class Reported:
    """Searches bodies of a shop's deliveries for a person. `order_ids`: the person's orders."""

    def __init__(self, keys: Keys, person: Person, shop_id: str, order_ids: Collection[str]) -> None:
        self._keys, self._person, self._ids = keys, person, frozenset(order_ids)
        self._customers = {customer for shop, customer in person.customers if shop == shop_id}
        self._are_theirs: dict[str, bool] = {}

    def orders_in(self, body: bytes) -> list[Mapping[str, Any]]:
        """The person's orders in a body."""
        found: list[Mapping[str, Any]] = []

        def collect(order: Mapping[str, Any]) -> bool:
            found.extend([order] if self._is_theirs(order) else ())
            return False

        if self._may_be_in(body):
            redact(body, collect)
        return found

    def without(self, body: bytes) -> bytes:
        """The body without the person's orders; an empty object if their address is elsewhere in it."""
        if not self._may_be_in(body):
            return body
        redacted = redact(body, self._is_theirs)
        return NOTHING if self._has_address(redacted.decode(errors="replace")) else redacted

    def _may_be_in(self, body: bytes) -> bool:
        # Parsing takes ten times as long as this search. Escaped text is found only by parsing.
        text = body.decode(errors="replace")
        if "\\u" in text or any(order_id in text for order_id in self._ids | self._customers):
            return True
        return self._has_address(text)

    def _is_theirs(self, order: Mapping[str, Any]) -> bool:
        user = order.get("user")
        customers = {order.get("customer"), user.get("id") if isinstance(user, Mapping) else None}
        if order["id"] in self._ids or not self._customers.isdisjoint(customers - {None}):
            return True
        return any(self.is_address(text) for text in texts_in(dict(order)) if "@" in text)

    def _has_address(self, text: str) -> bool:
        return any(map(self.is_address, addresses_in(text)))

    def is_address(self, text: str) -> bool:
        """Whether a text is an e-mail address of the person, or one of their mailbox."""
        known = self._are_theirs.get(text)
        if known is None:
            address, mailbox = self._keys.hash_address(self._person.emp_id, text)
            known = address in self._person.addresses or mailbox in self._person.mailboxes
            if len(self._are_theirs) < 10_000:
                self._are_theirs[text] = known
        return known
