"""Calls to Saleor's API: the app of a token, the shop's signing keys, its orders.

Callers must check the allow-list of shops first.
"""

import json as encoder
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from salepixel.shops.contract import PageTooLarge, ShopUnavailable, TokenRefused
from salepixel.shops.signatures import BadKeySet, read_keys
from salepixel.shops.strict_json import BadJson, load_object
from salepixel.wire import outgoing

TIMEOUT_SECONDS = 5.0
MAX_ANSWER_BYTES = 64_000
PAGE_TIMEOUT_SECONDS = 20.0
MAX_PAGE_BYTES = 8_000_000
PAGE_ORDERS = 50
"""Orders per page: about 2.5 kB each in the recorded deliveries; Saleor allows 100 at most."""

MAX_PAGES = 10_000
"""Pages per query: half a million orders. Endless pages of one shop must not block the others."""

MAX_COUNT = 10**9
"""More orders than any shop has in a day; the column can store it."""

OLDEST = (3, 14)
_NEWEST = (999, 999)
_HAS_WHERE = (3, 22)  # `filter` is deprecated since then
_ONLY_IN = re.compile(r" # (?:since |until )?(\d+\.\d+)(?: to (\d+\.\d+))?$")
"""The end of a line of order.graphql that only some versions of the schema have or need."""

_APP_QUERY = "{app{id permissions{code}}}"
_PAGE_QUERY = """query SalePixelOrders($first: Int!, $after: String, $wanted: WANTED!) {
  orders(first: $first, after: $after, ARGUMENT: $wanted) {
    pageInfo { hasNextPage endCursor }
    edges { node { SELECTED } }
  }
}
"""
PERMISSION = "MANAGE_ORDERS"
"""The permission that our app needs. Saleor has none for reading orders alone."""

_NO_PERMISSION = frozenset({"PermissionDenied", "InvalidTokenError", "ExpiredSignatureError"})


@dataclass(frozen=True, slots=True)
class App:
    """Our app in a shop: the id of this installation, and its permissions."""

    id: str
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class OrderNodes:
    """A page of orders as the shop sends them; `after` is the cursor of the next page, None on the last."""

    nodes: tuple[Any, ...]
    after: str | None


def ask_for_app(api_url: str, token: str) -> App:
    """The app that a token belongs to. Raises TokenRefused or ShopUnavailable."""
    status, answer = _call("POST", api_url, json={"query": _APP_QUERY}, headers=_bearer(token))
    if status in (401, 403):
        raise TokenRefused
    try:
        content = load_object(answer)
        app: Any = (content.get("data") or {}).get("app")
        if app is None and ("data" in content or "errors" in content):
            raise TokenRefused  # for an unknown token, Saleor answers 200 with app null
        codes = frozenset(str(permission["code"]) for permission in app["permissions"] or ())
        app_id = app["id"]
    except (BadJson, AttributeError, KeyError, TypeError) as error:
        raise ShopUnavailable(f"no Saleor answers there (status {status})") from error
    if not isinstance(app_id, str) or not app_id.isascii() or not app_id.isprintable() or not app_id:
        raise ShopUnavailable("the app has no id")
    return App(app_id, codes)


def fetch_jwks(api_url: str) -> str:
    """A shop's signing keys, as the text of a valid JWKS. Raises ShopUnavailable."""
    parts = urlsplit(api_url)
    status, answer = _call("GET", urlunsplit((parts.scheme, parts.netloc, "/.well-known/jwks.json", "", "")))
    if status != 200:
        raise ShopUnavailable(f"it answered {status}")
    try:
        text = answer.decode()
        read_keys(text)
    except (UnicodeDecodeError, BadKeySet) as error:
        raise ShopUnavailable(f"unusable: {error}") from error
    return text


def fetch_version(api_url: str, token: str) -> tuple[int, int]:
    """The version of a shop's schema, such as (3, 23). Raises TokenRefused or ShopUnavailable."""
    shop = _ask(api_url, token, "{shop{version}}", {}).get("shop")
    return read_version(str(shop.get("version")) if isinstance(shop, dict) else "")


def fetch_orders(
    api_url: str,
    token: str,
    schema: tuple[int, int],
    wanted: Mapping[str, Any],
    after: str | None,
    first: int = PAGE_ORDERS,
) -> OrderNodes:
    """A page of the orders that match a filter, without drafts.

    Raises TokenRefused, PageTooLarge (a smaller `first` may succeed) or ShopUnavailable.

    `wanted` uses only fields that OrderFilterInput and OrderWhereInput share. The query does not sort:
    LAST_MODIFIED_AT is not in every version. A cursor holds values, so no order is skipped or repeated while
    orders change.
    """
    values = {"first": first, "after": after, "wanted": wanted}
    return _read_page(_ask(api_url, token, _page_query(schema) + order_fields(schema), values))


def fetch_place(
    api_url: str, token: str, schema: tuple[int, int], wanted: Mapping[str, Any], after: str | None
) -> OrderNodes:
    """The `id` and `number` of the next order, whose other fields fail, and the cursor after it.

    Raises TokenRefused or ShopUnavailable.
    """
    values = {"first": 1, "after": after, "wanted": wanted}
    return _read_page(_ask(api_url, token, _page_query(schema, "id number"), values))


def _read_page(data: Mapping[str, Any]) -> OrderNodes:
    found: Any = data.get("orders")
    try:
        nodes = tuple(edge["node"] for edge in found["edges"])
        info = found["pageInfo"]
        return OrderNodes(nodes, str(info["endCursor"]) if info["hasNextPage"] is True else None)
    except (KeyError, TypeError) as error:
        raise ShopUnavailable("its answer has no orders") from error


def count_orders(api_url: str, token: str, schema: tuple[int, int], days: Sequence[date]) -> dict[date, int]:
    """The number of orders in a shop for each day (UTC, as in Saleor), without drafts.

    Raises TokenRefused or ShopUnavailable.
    """
    names = {f"d{day:%Y%m%d}": day for day in days}
    asked = " ".join(
        f"{name}: orders(first: 1, {_of_day(schema, day)}) {{totalCount}}" for name, day in names.items()
    )
    found = _ask(api_url, token, f"{{{asked}}}", {})
    counts = {}
    for name, day in names.items():
        connection = found.get(name)
        count = connection.get("totalCount") if isinstance(connection, dict) else None
        if type(count) is not int or not 0 <= count <= MAX_COUNT:
            raise ShopUnavailable("its answer has no count of orders")
        counts[day] = count
    return counts


def read_version(text: str) -> tuple[int, int]:
    """A version such as "3.23" or "3.23.28"; for anything else, the oldest that we support."""
    found = re.match(r"(\d{1,3})\.(\d{1,3})", text, re.ASCII)
    return (int(found[1]), int(found[2])) if found else OLDEST


def order_fields(schema: tuple[int, int]) -> str:
    """The fragment `Sale`: the fields of an order, the same for webhooks and for calls.

    It leaves out fields that this version lacks or deprecates.
    """
    return "".join(_ONLY_IN.sub("", line) + "\n" for line in _fields().splitlines() if _is_in(line, schema))


def _is_in(line: str, schema: tuple[int, int]) -> bool:
    found = _ONLY_IN.search(line)
    if found is None:
        return True
    named = read_version(found[1])
    oldest = OLDEST if " # until " in line else named
    newest = named if " # until " in line else read_version(found[2]) if found[2] else _NEWEST
    return oldest <= schema <= newest


def _page_query(schema: tuple[int, int], selected: str = "...Sale") -> str:
    has_where = schema >= _HAS_WHERE
    query = _PAGE_QUERY.replace("WANTED", "OrderWhereInput" if has_where else "OrderFilterInput")
    return query.replace("ARGUMENT", "where" if has_where else "filter").replace("SELECTED", selected)


def _of_day(schema: tuple[int, int], day: date) -> str:
    if schema < _HAS_WHERE:
        return f'filter: {{created: {{gte: "{day}", lte: "{day}"}}}}'
    first, last = f"{day}T00:00:00Z", f"{day}T23:59:59.999999Z"
    return f'where: {{createdAt: {{gte: "{first}", lte: "{last}"}}}}'


@cache
def _fields() -> str:
    return files(__package__).joinpath("order.graphql").read_text("utf-8")


def _ask(api_url: str, token: str, query: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The `data` of an answer without errors. With errors, missing data would look like no data."""
    status, answer = _call(
        "POST",
        api_url,
        json={"query": query, "variables": values},
        headers=_bearer(token),
        seconds=PAGE_TIMEOUT_SECONDS,
        most=MAX_PAGE_BYTES,
    )
    if status in (401, 403):
        raise TokenRefused
    try:
        content = load_object(answer)
    except BadJson as error:
        raise ShopUnavailable(f"no Saleor answers there (status {status})") from error
    errors, data = content.get("errors"), content.get("data")
    if errors:
        _raise_for(errors, is_of_orders=isinstance(data, dict))
    if status != 200 or not isinstance(data, dict):
        raise ShopUnavailable(f"it answered {status} without data")
    return data


def _raise_for(errors: Any, *, is_of_orders: bool) -> None:
    """`is_of_orders`: the query was valid, but one of the orders failed."""
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
    text = encoder.dumps(first.get("extensions"), default=str)
    if any(f'"{code}"' in text for code in _NO_PERMISSION):
        raise TokenRefused
    message = "".join(one for one in str(first.get("message", "an error"))[:200] if one.isprintable())
    if is_of_orders:
        raise PageTooLarge(f"it answered: {message}")
    raise ShopUnavailable(f"it answered: {message}")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _call(
    method: str,
    url: str,
    *,
    json: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = TIMEOUT_SECONDS,
    most: int = MAX_ANSWER_BYTES,
) -> tuple[int, bytes]:
    body, sent = None, dict(headers or {})
    if json is not None:
        body = encoder.dumps(json).encode()
        sent["Content-Type"] = "application/json"
    try:
        answer = outgoing.call(method, url, seconds=seconds, max_bytes=most, body=body, headers=sent)
    except (outgoing.TooLarge, outgoing.TooSlow) as error:
        raise PageTooLarge(str(error), f"shop_{error.reason}") from error
    except outgoing.CallFailed as error:
        raise ShopUnavailable(str(error), f"shop_{error.reason}") from error
    return answer.status, answer.body
