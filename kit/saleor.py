"""A small stand-in for a Saleor shop: it issues a token, publishes its key, signs and sends orders.

It behaves like Saleor 3.23 in the recorded deliveries under tests/data/saleor, and uses none of our code.
"""

import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import requests

from kit.saleor_answers import NO_ORIGIN, NO_PERMISSION, answer_orders
from kit.saleor_key import SigningKey
from kit.saleor_orders import Line, Orders, global_id

__all__ = ["Line", "Signed", "StandInSaleor"]

SCHEMA_VERSION = "3.23"
JWKS_PATH = "/.well-known/jwks.json"
_TIMEOUT_SECONDS = 20  # like Saleor: 2 s to connect and 18 s to answer


@dataclass(frozen=True, slots=True)
class Signed:
    """A delivery ready to be sent, any number of times: retries repeat it byte for byte."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes


class StandInSaleor(Orders):
    """A shop on a free port of 127.0.0.1, running while it is used as a context manager.

    `unavailable`: paths that answer 503. `calls`: all requested paths, in order; `asked`: the GraphQL ones.
    `orders`: the newest version of each order in the shop, by id. `broken`: ids of orders that fail: a page
    with one of them is null, as with Saleor's empty `origin`. `app_active` and `permissions`: the settings of
    our app that staff can change.
    """

    def __init__(
        self,
        *,
        channel: str = "default-channel",
        currency: str = "EUR",
        key: SigningKey | None = None,
    ) -> None:
        super().__init__(channel, currency)
        self.token = ""
        self.app_id = ""
        self.target = ""
        self.permissions: tuple[str, ...] = ("MANAGE_ORDERS",)
        self.unavailable: set[str] = set()
        self.calls: list[str] = []
        self.asked: list[str] = []
        self.version = f"{SCHEMA_VERSION}.28"
        self.app_active = True
        self.broken: set[str] = set()
        self.orders: dict[str, Mapping[str, Any]] = {}
        self._installations = 0
        self.rotate_key(key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False  # so that closing waits for the last answer
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def domain(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def api_url(self) -> str:
        """The address of the shop's API, for adding it to salepixel."""
        return f"http://{self.domain}/graphql/"

    def rotate_key(self, key: SigningKey | None = None) -> None:
        """Sign with another key from now on, and remove the old one from the JWKS."""
        self.key = key or SigningKey()

    def install(self, manifest_url: str, session: requests.Session | None = None) -> requests.Response:
        """Read the manifest and register with a new token, like staff clicking Install.

        `session`: what sends the calls; None: a new one for each call.
        """
        calls = session or requests
        asking = {"Saleor-Schema-Version": self.version.rpartition(".")[0]}
        manifest = calls.get(manifest_url, headers=asking, timeout=_TIMEOUT_SECONDS)
        manifest.raise_for_status()
        self.target = manifest.json()["webhooks"][0]["targetUrl"]
        self._installations += 1
        self.app_id = global_id("App", self._installations)
        self.token = secrets.token_urlsafe(22)[:30]
        headers = {
            "User-Agent": f"Saleor/{SCHEMA_VERSION}",
            "X-Saleor-Domain": self.domain,
            "Saleor-Domain": self.domain,
            "Saleor-Api-Url": self.api_url,
            "Saleor-Schema-Version": SCHEMA_VERSION,
        }
        url = manifest.json()["tokenTargetUrl"]
        return calls.post(
            url,
            json={"auth_token": self.token},
            headers=headers,
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
        )

    def staff_claims(self, *permissions: str, **changes: Any) -> dict[str, Any]:
        """The claims of the token that a Dashboard gets for our app (saleor/core/jwt.py of 3.23).

        `permissions`: those of the staff user. A change to None removes a claim.
        """
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iat": now,
            "owner": "saleor",
            "iss": self.api_url,
            "exp": now + 300,
            "token": "t0k3n",
            "email": "staff@shop.test",
            "type": "thirdparty",
            "user_id": global_id("User", 1),
            "is_staff": True,
            "app": self.app_id,
            "permissions": [code for code in permissions if code in self.permissions],
            "user_permissions": list(permissions),
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def staff_token(self, *permissions: str, **changes: Any) -> str:
        """A signed token with these claims."""
        return self.key.token(self.staff_claims(*permissions, **changes))

    def sign(self, event: str, content: Mapping[str, Any], *, issued: datetime | None = None) -> Signed:
        """A delivery of an event such as `order_paid`; `content` is {"order": ...} or {"app": ...}."""
        typename = "".join(word.capitalize() for word in event.split("_"))
        body = {
            "__typename": typename,
            "issuedAt": (issued or datetime.now(UTC)).isoformat(),
            "version": f"{SCHEMA_VERSION}.28",
            "recipient": {"id": self.app_id},
            **content,
        }
        return self.sign_raw(event, json.dumps(body).encode())

    def keep(self, order: Mapping[str, Any]) -> None:
        """Store this order without a delivery, as if the delivery was lost."""
        known = self.orders.get(order["id"])
        if known is None or order["updatedAt"] >= known["updatedAt"]:
            self.orders[order["id"]] = order

    def sign_raw(self, event: str, body: bytes, signature: str | None = None) -> Signed:
        """A delivery of any bytes, signed over these bytes, or with the given signature."""
        names = {"Event": event, "Domain": self.domain, "Signature": signature or self.key.sign(body)}
        headers = {
            "User-Agent": f"Saleor/{SCHEMA_VERSION}",
            "Content-Type": "application/json",
            **{f"X-Saleor-{name}": value for name, value in names.items()},
            **{f"Saleor-{name}": value for name, value in names.items()},
            "Saleor-Api-Url": self.api_url,
        }
        return Signed(headers, body)

    def send(
        self, plugin_url: str, signed: Signed, session: requests.Session | None = None
    ) -> requests.Response:
        """Send a delivery once, to the address in the installed manifest. `session`: as in `install`."""
        return (session or requests).post(
            self.target or f"{plugin_url}/saleor/webhooks",
            data=signed.body,
            headers=dict(signed.headers),
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
        )

    def deliver(
        self,
        plugin_url: str,
        event: str,
        order: Mapping[str, Any],
        *,
        issued: datetime | None = None,
        sign: bool = True,
    ) -> requests.Response:
        """Store an order, then sign and send its event. Without `sign`, the signature is wrong."""
        self.keep(order)
        signed = self.sign(event, {"order": order}, issued=issued)
        if not sign:
            signed = Signed(signed.headers, signed.body + b" ")
        return self.send(plugin_url, signed)

    def answer(self, path: str, authorization: str, body: bytes = b"{}") -> tuple[int, Mapping[str, Any]]:
        """The shop's answer to a request: the status and the JSON."""
        self.calls.append(path)
        if path in self.unavailable:
            return 503, {}
        if path == JWKS_PATH:
            return 200, {"keys": [self.key.jwk]}
        if path != "/graphql/":
            return 404, {}
        known = bool(self.token) and authorization == f"Bearer {self.token}" and self.app_active
        asked = json.loads(body)
        self.asked.append(asked["query"])
        if "{app{" in asked["query"]:
            app = {"id": self.app_id, "permissions": [{"code": code} for code in self.permissions]}
            return 200, {"data": {"app": app if known else None}}
        if not known or ("orders(" in asked["query"] and "MANAGE_ORDERS" not in self.permissions):
            return 200, {"errors": [NO_PERMISSION], "data": {"orders": None}}
        data = answer_orders(asked, self.orders, self.version)
        if "...Sale" in asked["query"] and self._has_broken(data):
            return 200, {"errors": [NO_ORIGIN], "data": {"orders": None}}
        return 200, {"data": data}

    def _has_broken(self, data: Mapping[str, Any]) -> bool:
        edges = data["orders"]["edges"] if "orders" in data else ()
        return any(edge["node"]["id"] in self.broken for edge in edges)


def _handler(shop: StandInSaleor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, asked: bytes = b"{}") -> None:
            status, content = shop.answer(self.path, self.headers.get("Authorization", ""), asked)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            """Quiet."""

    return Handler
