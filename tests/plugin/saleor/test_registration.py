"""A shop is connected if its owner added it and it confirms the token; staff read why it was not."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kit.saleor import JWKS_PATH, StandInSaleor
from kit.saleor_key import SigningKey
from salepixel_plugin.saleor.codes import make_code
from salepixel_plugin.saleor.registration import MAX_MESSAGE_CHARS
from tests.far_host import Behaviour, FarHost, answers, breaks_off
from tests.plugin.saleor import captures
from tests.plugin.saleor.conftest import Plugin

GRAPHQL = captures.API_URL
OUR_APP = {"data": {"app": {"id": captures.APP, "permissions": [{"code": "MANAGE_ORDERS"}]}}}


@pytest.fixture
def far() -> Iterator[FarHost]:
    """A shop that answers well, unless the test sets another answer."""
    with FarHost() as host:
        host.answers |= {"/graphql/": answers(200, OUR_APP), JWKS_PATH: answers(200, captures.JWKS.encode())}
        yield host


def register(
    plugin: Plugin, shop: str = GRAPHQL, api_url: str = "", **changes: Any
) -> tuple[int, dict[str, Any]]:
    """Register with the code of account 1's shop at an address, by default from there."""
    code = make_code(plugin.keys, plugin.allow(shop).id)
    request: dict[str, Any] = {
        "headers": {"Saleor-Api-Url": api_url or shop},
        "json": {"auth_token": "t" * 30},
        "query_string": {"code": code},
    }
    answer = plugin.client.post("/saleor/register", **{**request, **changes})
    return answer.status_code, answer.get_json()


def test_a_shop_that_was_added_is_connected(plugin: Plugin, saleor: StandInSaleor) -> None:
    answer = plugin.install(saleor)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    shop = plugin.shop(saleor.api_url)
    assert (shop.app_id, plugin.token(saleor.api_url)) == (saleor.app_id, saleor.token)
    assert json.loads(shop.jwks or "") == {"keys": [saleor.key.jwk]}
    assert shop.connected_at is not None
    assert saleor.calls == ["/graphql/", JWKS_PATH]


def test_the_latest_registration_counts(plugin: Plugin, installed: StandInSaleor) -> None:
    first = plugin.shop(installed.api_url)
    plugin.install(installed)
    second = plugin.shop(installed.api_url)
    assert (second.app_id, plugin.token(installed.api_url)) == (installed.app_id, installed.token)
    assert (second.app_id, second.token) != (first.app_id, first.token)
    assert (second.id, second.connected_at) == (first.id, first.connected_at)


@pytest.mark.parametrize(
    "api_url",
    [
        "http://169.254.169.254/graphql/",
        "{shop}/graphql",
        "{shop}/graphql/?",
        "{shop}@evil.test/graphql/",
        "{SHOP}/graphql/",
        "api:1",
        "file:///etc/passwd",
        " ",
        "http://" + "a" * 9_000,
    ],
)
def test_a_shop_that_was_not_added_is_never_called(plugin: Plugin, far: FarHost, api_url: str) -> None:
    api_url = api_url.format(shop=far.url, SHOP=far.url.upper())
    status, answer = register(plugin, f"{far.url}/graphql/", api_url)
    assert far.requests == []
    assert status in (400, 403)
    assert answer["success"] is False
    if status == 403:
        assert answer["error"]["code"] == "SALEOR_URL_PROHIBITED"
        assert "POST /api/v1/shops" in answer["error"]["message"]
        assert ("saleor_register", "saleor_url_prohibited") in plugin.refusals()


@pytest.mark.parametrize(
    "request_parts",
    [
        {"json": {}},
        {"json": {"auth_token": ""}},
        {"json": {"auth_token": 5}},
        {"json": {"auth_token": "a\r\nX-Evil: 1"}},
        {"json": {"auth_token": "t" * 9_000}},
        {"json": [1]},
        {"json": None, "data": b""},
        {"json": None, "data": b"\xff{"},
        {"json": None, "data": b'{"auth_token": "a", "auth_token": "b"}'},
        {"headers": {}},
    ],
    ids=str,
)
def test_a_malformed_registration_is_refused_without_a_call(
    plugin: Plugin, far: FarHost, request_parts: dict[str, Any]
) -> None:
    status, answer = register(plugin, f"{far.url}/graphql/", **request_parts)
    assert far.requests == []
    assert (status, answer["error"]["code"]) == (400, "BAD_REQUEST")


def test_an_oversized_request_is_refused(plugin: Plugin) -> None:
    status, answer = register(plugin, json=None, data=b" " * 1_000_001)
    assert (status, answer["error"]["code"]) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("graphql", "jwks", "status", "code"),
    [
        (answers(200, {"data": {"app": None}}), None, 401, "UNKNOWN_APP_ID"),
        (answers(200, {"errors": [{}], "data": {"app": None}}), None, 401, "UNKNOWN_APP_ID"),
        (answers(400, {"errors": [{}]}), None, 401, "UNKNOWN_APP_ID"),
        (answers(401), None, 401, "UNKNOWN_APP_ID"),
        (answers(200, {"data": {"app": {"id": "A", "permissions": []}}}), None, 403, "PERMISSION_MISSING"),
        (answers(200, {"data": {"app": {"id": "A", "permissions": None}}}), None, 403, "PERMISSION_MISSING"),
        (answers(200, {"data": {"app": {"id": 5, "permissions": []}}}), None, 503, "SALEOR_NOT_AVAILABLE"),
        (answers(200, {"data": {"app": "A"}}), None, 503, "SALEOR_NOT_AVAILABLE"),
        (answers(200, {"data": 5}), None, 503, "SALEOR_NOT_AVAILABLE"),
        (answers(200, {}), None, 503, "SALEOR_NOT_AVAILABLE"),
        (answers(200, b"<html>"), None, 503, "SALEOR_NOT_AVAILABLE"),
        (answers(200, b" " * 64_001), None, 503, "SALEOR_NOT_AVAILABLE"),
        (answers(500), None, 503, "SALEOR_NOT_AVAILABLE"),
        (breaks_off, None, 503, "SALEOR_NOT_AVAILABLE"),
        (
            answers(302, Location="http://169.254.169.254/"),
            None,
            503,
            "SALEOR_NOT_AVAILABLE",
        ),
        (answers(200, OUR_APP), answers(404), 503, "JWKS_NOT_AVAILABLE"),
        (answers(200, OUR_APP), answers(401), 503, "JWKS_NOT_AVAILABLE"),
        (answers(200, OUR_APP), answers(302, Location=JWKS_PATH), 503, "JWKS_NOT_AVAILABLE"),
        (answers(200, OUR_APP), answers(200, {"keys": []}), 503, "JWKS_NOT_AVAILABLE"),
        (answers(200, OUR_APP), answers(200, b"\xff"), 503, "JWKS_NOT_AVAILABLE"),
        (answers(200, OUR_APP), breaks_off, 503, "JWKS_NOT_AVAILABLE"),
        (answers(200, OUR_APP), answers(200, {"keys": [SigningKey(1024).jwk]}), 503, "JWKS_NOT_AVAILABLE"),
    ],
)
def test_a_failure_message_says_what_staff_can_do(
    plugin: Plugin, far: FarHost, graphql: Behaviour, jwks: Behaviour | None, status: int, code: str
) -> None:
    far.answers |= {"/graphql/": graphql, JWKS_PATH: jwks or breaks_off}
    answered, content = register(plugin, f"{far.url}/graphql/")
    assert len(far.requests) == (2 if jwks else 1)
    assert (answered, content["success"], content["error"]["code"]) == (status, False, code)
    message = content["error"]["message"]
    assert message[0].isupper()
    assert 20 < len(message) < MAX_MESSAGE_CHARS
    assert "ttt" not in message
    shop = plugin.shop(f"{far.url}/graphql/")
    assert (shop.app_id, shop.token, shop.jwks, shop.connected_at) == (None, None, None, None)
    assert plugin.refusals() == {("saleor_register", code.lower()): 1}


def test_a_failed_registration_keeps_the_earlier_one(plugin: Plugin, installed: StandInSaleor) -> None:
    before = plugin.shop(installed.api_url)
    installed.unavailable.add(JWKS_PATH)
    assert plugin.install(installed).status_code == 503
    assert plugin.shop(installed.api_url) == before
    installed.unavailable.clear()
    assert plugin.install(installed).status_code == 200


def test_the_token_is_sent_to_the_shop_and_to_nobody_else(plugin: Plugin, far: FarHost) -> None:
    assert register(plugin, f"{far.url}/graphql/") == (200, {"success": True})
    to_graphql, to_keys = far.requests
    assert (to_graphql.method, to_graphql.target) == ("POST", "/graphql/")
    assert to_graphql.headers["authorization"] == f"Bearer {'t' * 30}"
    assert to_graphql.headers["content-type"] == "application/json"
    assert (to_keys.method, to_keys.target) == ("GET", JWKS_PATH)
    assert "authorization" not in to_keys.headers
