"""Registration: Saleor sends the token of a new installation.

This request is not signed. The code in its URL names the shop, and only the account that added the shop knows
the code. We call only the address that the account gave. If the shop at that address accepts the token, the
installation is genuine.
"""

import re

import structlog
from flask import Response, current_app, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from salepixel.accounts.principal import INSTALLATION
from salepixel.keys import token_place
from salepixel.shops.contract import ShopUnavailable, TokenRefused
from salepixel.shops.saleor.api import PERMISSION, App, ask_for_app, fetch_jwks
from salepixel.shops.shop import Shop
from salepixel.shops.store import get_shop
from salepixel.shops.strict_json import BadJson, load_object
from salepixel.shops.use_cases import register_app
from salepixel_plugin.rejections import count_refusal, is_address, seconds_limited
from salepixel_plugin.saleor.calls import WINDOW_SECONDS, Busy, Calls, TooManyRegistrations
from salepixel_plugin.saleor.codes import read_code
from salepixel_plugin.services import services

MAX_MESSAGE_CHARS = 255
"""Saleor shows the message to staff, truncated to this length."""

log = structlog.get_logger()

_TOKEN = re.compile(r"[\x21-\x7e]{1,512}")


class _Failure(Exception):
    def __init__(self, status: int, code: str, message: str, retry_after: int = 0) -> None:
        super().__init__(code)
        self.retry_after = retry_after
        self.status = status
        self.code = code
        self.message = message[:MAX_MESSAGE_CHARS]


def register() -> tuple[Response, int]:
    """POST /saleor/register?code=. It may be repeated; the last token counts."""
    if pause := seconds_limited("saleor_register"):
        text = "Too many requests came from your network. Press Retry in a minute."
        return _answer(_Failure(429, "TOO_MANY_REQUESTS", text, pause))
    try:
        token = _read_token()
        shop = _shop_of_code(request.args.get("code", ""))
        _check_address(shop, request.headers.get("Saleor-Api-Url", ""))
        app, jwks = _ask(shop, token)
    except _Failure as failure:
        count_refusal("saleor_register", failure.code.lower())
        return _answer(failure)
    with services().database.write() as connection:
        sealed = services().keys.seal(token_place(shop.id), token)
        register_app(connection, INSTALLATION, shop, app.id, sealed, jwks, services().clock())
    log.info("saleor_registered", shop=shop.id, app=app.id)
    return jsonify(success=True), 200


def _answer(failure: _Failure) -> tuple[Response, int]:
    answer = jsonify(success=False, error={"code": failure.code, "message": failure.message})
    if failure.retry_after:
        answer.headers["Retry-After"] = str(failure.retry_after)
    return answer, failure.status


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


def _shop_of_code(code: str) -> Shop:
    if not code:
        # This also applies to an app that was installed before codes, if staff press Retry.
        text = (
            "This app has no code of a shop. Delete it here, then install it from your shop's own manifest "
            "address: on the page Shops of salepixel, or the manifest_url that GET /api/v1/shops returns."
        )
        raise _Failure(403, "CODE_MISSING", text)
    shop_id = read_code(services().keys, code)
    with services().database.read() as connection:
        shop = get_shop(connection, shop_id) if shop_id else None
    if shop is None:
        text = (
            "The code in the manifest address is not valid. Delete the app here, then install it from the "
            "address (manifest_url) that the page Shops of salepixel shows for your shop."
        )
        raise _Failure(403, "CODE_UNKNOWN", text)
    if shop.removed_at is not None:
        text = (
            "This shop was removed from salepixel. Add it again on the page Shops of salepixel; then delete "
            "the app here and install it from the address (manifest_url) on that page."
        )
        raise _Failure(403, "SHOP_REMOVED", text)
    return shop


def _check_address(shop: Shop, api_url: str) -> None:
    if not is_address(api_url):
        raise _Failure(400, "BAD_REQUEST", "The header Saleor-Api-Url must be the address of your API.")
    if shop.api_url != api_url:
        # The address comes last, because Saleor truncates the text.
        text = (
            "This manifest address is for another shop. Add yours on the page Shops of salepixel, or with "
            "POST /api/v1/shops, and install the app from the manifest_url there. Use exactly this address: "
        )
        raise _Failure(403, "SALEOR_URL_PROHIBITED", text + api_url)


def _ask(shop: Shop, token: str) -> tuple[App, str]:
    """The shop's data about the app, and its signing keys."""
    calls: Calls = current_app.extensions["salepixel_calls"]
    try:
        calls.count_registration(shop.id, request.remote_addr or "")
        with calls.slot(shop.emp_id):
            return _app_of(shop, token), _jwks_of(shop)
    except TooManyRegistrations as error:
        text = "There were too many registrations of this shop, or from its address. Press Retry in a minute."
        raise _Failure(429, "TOO_MANY", text, int(WINDOW_SECONDS)) from error
    except Busy as error:
        text = "Salepixel is waiting for this or another shop just now. Press Retry in a few seconds."
        raise _Failure(503, "BUSY", text) from error


def _app_of(shop: Shop, token: str) -> App:
    try:
        app = ask_for_app(shop.api_url, token)
    except TokenRefused as error:
        text = (
            "The shop refused its own token. If the app was installed to be activated later, "
            "activate it first; then press Retry."
        )
        raise _Failure(401, "UNKNOWN_APP_ID", text) from error
    except ShopUnavailable as error:
        # Only the operator sees the actual answer: it would show our network to the one who added the shop.
        log.warning("shop_call_failed", shop=shop.id, reason=error.reason, problem=str(error))
        text = "Salepixel got no answer from a Saleor API. Check that it can be reached, then press Retry: "
        raise _Failure(503, "SALEOR_NOT_AVAILABLE", text + shop.api_url) from error
    if PERMISSION not in app.permissions:
        text = "The app needs the permission to manage orders; without it no order reaches salepixel."
        raise _Failure(403, "PERMISSION_MISSING", text)
    return app


def _jwks_of(shop: Shop) -> str:
    try:
        return fetch_jwks(shop.api_url)
    except ShopUnavailable as error:
        log.warning("shop_call_failed", shop=shop.id, reason=error.reason, problem=str(error))
        text = "The shop's /.well-known/jwks.json is not available, or has no key to use. Press Retry later."
        raise _Failure(503, "JWKS_NOT_AVAILABLE", text) from error
