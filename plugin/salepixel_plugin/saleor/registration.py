"""Registration: a Saleor hands us the token of a new installation.

Nothing in this request is signed. What makes it true is that the address is one that the shop's owner gave
us before (so we never call an address of a stranger's choosing), and that this shop knows the token.
"""

import re
from datetime import UTC, datetime

import structlog
from flask import Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from salepixel.connectors.contract import ShopAway, TokenRefused
from salepixel.connectors.saleor_api import App, ask_for_app, fetch_jwks
from salepixel.connectors.strict_json import BadJson, load_object
from salepixel.storage.shops import Shop, connect_shop, find_shop
from salepixel_plugin.rejections import count_refusal, is_address
from salepixel_plugin.services import services

MAX_MESSAGE_CHARS = 255
"""Saleor shows the message to staff and cuts it there."""

log = structlog.get_logger()

_TOKEN = re.compile(r"[\x21-\x7e]{1,512}")


class _Failure(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message[:MAX_MESSAGE_CHARS]


def register() -> tuple[Response, int]:
    """POST /saleor/register. Any number of times for a shop; the last token counts."""
    try:
        api_url = request.headers.get("Saleor-Api-Url", "")
        token = _read_token()
        shop = _allowed_shop(api_url)
        app = _app_of(api_url, token)
        jwks = _jwks_of(api_url)
    except _Failure as failure:
        count_refusal("saleor_register", failure.code.lower())
        error = {"code": failure.code, "message": failure.message}
        return jsonify(success=False, error=error), failure.status
    with services().database.write() as connection:
        connect_shop(connection, shop, app.id, token, jwks, datetime.now(UTC))
    log.info("saleor_registered", shop=shop.id, app=app.id)
    return jsonify(success=True), 200


def _read_token() -> str:
    try:
        token = load_object(request.get_data(cache=True)).get("auth_token")
    except RequestEntityTooLarge as error:
        raise _Failure(413, "TOO_LARGE", "The request is too large for a registration.") from error
    except BadJson as error:
        raise _Failure(400, "BAD_REQUEST", "The body must be a JSON object with auth_token.") from error
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise _Failure(400, "BAD_REQUEST", "The body must have an auth_token, as Saleor sends it.")
    return token


def _allowed_shop(api_url: str) -> Shop:
    if not is_address(api_url):
        raise _Failure(400, "BAD_REQUEST", "The header Saleor-Api-Url must be the address of your API.")
    with services().database.read() as connection:
        shop = find_shop(connection, api_url)
    if shop is None or shop.platform != "saleor":
        # The address comes last: Saleor cuts the text.
        hint = "Add this shop in salepixel first, then press Retry: POST /api/v1/shops with platform saleor"
        raise _Failure(403, "SALEOR_URL_PROHIBITED", f"{hint} and api_url {api_url}")
    return shop


def _app_of(api_url: str, token: str) -> App:
    try:
        app = ask_for_app(api_url, token)
    except TokenRefused as error:
        text = (
            "The shop refused its own token. If the app was installed to be activated later, "
            "activate it first; then press Retry."
        )
        raise _Failure(401, "UNKNOWN_APP_ID", text) from error
    except ShopAway as error:
        text = f"Salepixel cannot reach this shop's API ({error}). Let it, then press Retry: {api_url}"
        raise _Failure(503, "SALEOR_NOT_AVAILABLE", text) from error
    if "MANAGE_ORDERS" not in app.permissions:
        text = "The app needs the permission to manage orders; without it no order reaches salepixel."
        raise _Failure(403, "PERMISSION_MISSING", text)
    return app


def _jwks_of(api_url: str) -> str:
    try:
        return fetch_jwks(api_url)
    except ShopAway as error:
        text = f"The shop's /.well-known/jwks.json is not available ({error}). Press Retry later."
        raise _Failure(503, "JWKS_NOT_AVAILABLE", text) from error
