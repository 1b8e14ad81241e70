"""Removes orders of erased people from the bodies of deliveries.

The rest of a body is kept as proof. An order is an object with `id` and `lines`, both in a delivery of Saleor
and in a call of the sales API. Only its id is kept. A body that cannot be parsed is removed whole; its digest
stays.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

NOTHING = b""
"""What remains of a body that cannot be parsed."""

_OF_NAME = r"[^\s\"'<>(),;:\[\]\\@=?&/#|*]"
_ADDRESS = re.compile(rf"(?<!{_OF_NAME}){_OF_NAME}+@[\w.-]*\w")
"""An address in a sentence or a link. Without the lookbehind, the search of long texts takes minutes."""

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")
"""An escape in a JSON string; group 1: the code of its letter."""

_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")

Concerns = Callable[[Mapping[str, Any]], bool]
"""Whether an object of an order concerns an erased person."""


def without_orders(body: bytes, ids: Collection[str]) -> bytes:
    """A body without the orders with these ids; NOTHING if one of them is not found in it."""
    found: set[str] = set()

    def concerns(order: Mapping[str, Any]) -> bool:
        if order["id"] in ids:
            found.add(order["id"])
        return order["id"] in ids

    redacted = redact(body, concerns)
    return redacted if found == set(ids) else NOTHING


def redact(body: bytes, concerns: Concerns) -> bytes:
    """A body without the orders for which `concerns` is true; the same body if there are none."""
    try:
        content = json.loads(body)
        if _HALF_PAIR.search(body):  # text that is cut within an emoji can be neither hashed nor exported
            content = json.loads(json.dumps(content, ensure_ascii=False).encode(errors="replace"))
    except ValueError:  # also for bytes in no encoding
        return NOTHING
    changed = False

    def walk(node: Any) -> Any:
        nonlocal changed
        if isinstance(node, dict):
            if is_order(node) and concerns(node):
                changed = True
                return {"id": node["id"], "erased": True}
            return {name: walk(inner) for name, inner in node.items()}
        return [walk(inner) for inner in node] if isinstance(node, list) else node

    try:
        redacted = walk(content)
    except RecursionError:
        return NOTHING
    return json.dumps(redacted, separators=(",", ":")).encode() if changed else body


def is_order(node: Mapping[str, Any]) -> bool:
    """Whether an object in a body is an order."""
    return isinstance(node.get("id"), str) and "lines" in node


def addresses_in(text: str) -> set[str]:
    """What looks like an e-mail address in a text or in JSON, where a line break is two letters."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", text)
    return set(_ADDRESS.findall(plain.encode(errors="replace").decode()))


def texts_in(node: Any) -> list[str]:
    """All texts in a part of a body."""
    if isinstance(node, str):
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for part in inner for text in texts_in(part)]
