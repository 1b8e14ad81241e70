"""A shop is connected when its owner added it and it vouches for the token; staff read why it was not."""

import json
from typing import Any

import pytest
import requests
import responses
from responses import RequestsMock

from demo.saleor import JWKS_PATH, StandInSaleor
from demo.saleor_key import SigningKey
from salepixel_plugin.saleor.codes import make_code
from salepixel_plugin.saleor.registration import MAX_MESSAGE_CHARS
from tests.plugin.saleor import captures
from tests.plugin.saleor.conftest import Plugin

GRAPHQL = captures.API_URL
KEYS = "http://127.0.0.1:8000/.well-known/jwks.json"
OUR_APP = {"data": {"app": {"id": captures.APP, "permissions": [{"code": "MANAGE_ORDERS"}]}}}


def register(plugin: Plugin, api_url: str = GRAPHQL, **changes: Any) -> tuple[int, dict[str, Any]]:
    """Register with the code of account 1's shop at GRAPHQL."""
    code = make_code(plugin.keys, plugin.allow(GRAPHQL).id)
    request: dict[str, Any] = {
        "headers": {"Saleor-Api-Url": api_url},
        "json": {"auth_token": "t" * 30},
        "query_string": {"code": code},
    }
    answer = plugin.client.post("/saleor/register", **{**request, **changes})
    return answer.status_code, answer.get_json()


def test_a_shop_that_was_added_is_connected(plugin: Plugin, saleor: StandInSaleor) -> None:
    answer = plugin.install(saleor)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    shop = plugin.shop(saleor.api_url)
    assert (shop.app_id, shop.token) == (saleor.app_id, saleor.token)
    assert json.loads(shop.jwks or "") == {"keys": [saleor.key.jwk]}
    assert shop.connected_at is not None
    assert saleor.calls == ["/graphql/", JWKS_PATH]


def test_the_last_registration_counts(plugin: Plugin, installed: StandInSaleor) -> None:
    first = plugin.shop(installed.api_url)
    plugin.install(installed)
    second = plugin.shop(installed.api_url)
    assert (second.app_id, second.token) == (installed.app_id, installed.token)
    assert (second.app_id, second.token) != (first.app_id, first.token)
    assert (second.id, second.connected_at) == (first.id, first.connected_at)


@pytest.mark.parametrize(
    "api_url",
    [
        "http://169.254.169.254/graphql/",
        "http://127.0.0.1:8000/graphql",
        "http://127.0.0.1:8000/graphql/?",
        "http://127.0.0.1:8000@evil.test/graphql/",
        "HTTP://127.0.0.1:8000/graphql/",
        "api:1",
        "file:///etc/passwd",
        "",
        "http://" + "a" * 9_000,
    ],
)
def test_a_shop_that_nobody_added_is_never_called(plugin: Plugin, api_url: str) -> None:
    with RequestsMock(assert_all_requests_are_fired=False) as shops:
        status, answer = register(plugin, api_url)
        assert not shops.calls
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
def test_an_odd_request_is_refused_without_a_call(plugin: Plugin, request_parts: dict[str, Any]) -> None:
    with RequestsMock(assert_all_requests_are_fired=False) as shops:
        status, answer = register(plugin, **request_parts)
        assert not shops.calls
    assert (status, answer["error"]["code"]) == (400, "BAD_REQUEST")


def test_an_oversized_request_is_refused(plugin: Plugin) -> None:
    status, answer = register(plugin, json=None, data=b" " * 1_000_001)
    assert (status, answer["error"]["code"]) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("graphql", "jwks", "status", "code"),
    [
        ({"json": {"data": {"app": None}}}, {}, 401, "UNKNOWN_APP_ID"),
        ({"json": {"errors": [{}], "data": {"app": None}}}, {}, 401, "UNKNOWN_APP_ID"),
        ({"json": {"errors": [{}]}, "status": 400}, {}, 401, "UNKNOWN_APP_ID"),
        ({"status": 401}, {}, 401, "UNKNOWN_APP_ID"),
        ({"json": {"data": {"app": {"id": "A", "permissions": []}}}}, {}, 403, "PERMISSION_MISSING"),
        ({"json": {"data": {"app": {"id": "A", "permissions": None}}}}, {}, 403, "PERMISSION_MISSING"),
        ({"json": {"data": {"app": {"id": 5, "permissions": []}}}}, {}, 503, "SALEOR_NOT_AVAILABLE"),
        ({"json": {"data": {"app": "A"}}}, {}, 503, "SALEOR_NOT_AVAILABLE"),
        ({"json": {"data": 5}}, {}, 503, "SALEOR_NOT_AVAILABLE"),
        ({"json": {}}, {}, 503, "SALEOR_NOT_AVAILABLE"),
        ({"body": b"<html>"}, {}, 503, "SALEOR_NOT_AVAILABLE"),
        ({"body": b" " * 64_001}, {}, 503, "SALEOR_NOT_AVAILABLE"),
        ({"status": 500}, {}, 503, "SALEOR_NOT_AVAILABLE"),
        ({"body": requests.ConnectionError()}, {}, 503, "SALEOR_NOT_AVAILABLE"),
        ({"body": requests.Timeout()}, {}, 503, "SALEOR_NOT_AVAILABLE"),
        (
            {"status": 302, "headers": {"Location": "http://169.254.169.254/"}},
            {},
            503,
            "SALEOR_NOT_AVAILABLE",
        ),
        ({"json": OUR_APP}, {"status": 404}, 503, "JWKS_NOT_AVAILABLE"),
        ({"json": OUR_APP}, {"status": 401}, 503, "JWKS_NOT_AVAILABLE"),
        ({"json": OUR_APP}, {"status": 302, "headers": {"Location": KEYS}}, 503, "JWKS_NOT_AVAILABLE"),
        ({"json": OUR_APP}, {"json": {"keys": []}}, 503, "JWKS_NOT_AVAILABLE"),
        ({"json": OUR_APP}, {"body": b"\xff"}, 503, "JWKS_NOT_AVAILABLE"),
        ({"json": OUR_APP}, {"body": requests.ConnectionError()}, 503, "JWKS_NOT_AVAILABLE"),
        ({"json": OUR_APP}, {"json": {"keys": [SigningKey(1024).jwk]}}, 503, "JWKS_NOT_AVAILABLE"),
    ],
)
def test_a_failure_tells_staff_what_to_do(
    plugin: Plugin, graphql: dict[str, Any], jwks: dict[str, Any], status: int, code: str
) -> None:
    with RequestsMock() as shops:
        shops.add(responses.POST, GRAPHQL, **graphql)
        if jwks:
            shops.add(responses.GET, KEYS, **jwks)
        answered, content = register(plugin)
    assert (answered, content["success"], content["error"]["code"]) == (status, False, code)
    message = content["error"]["message"]
    assert message[0].isupper()
    assert 20 < len(message) < MAX_MESSAGE_CHARS
    assert "ttt" not in message
    shop = plugin.shop(GRAPHQL)
    assert (shop.app_id, shop.token, shop.jwks, shop.connected_at) == (None, None, None, None)
    assert plugin.refusals() == {("saleor_register", code.lower()): 1}


def test_a_failed_registration_leaves_the_earlier_one(plugin: Plugin, installed: StandInSaleor) -> None:
    before = plugin.shop(installed.api_url)
    installed.away.add(JWKS_PATH)
    assert plugin.install(installed).status_code == 503
    assert plugin.shop(installed.api_url) == before
    installed.away.clear()
    assert plugin.install(installed).status_code == 200


def test_the_token_is_sent_to_the_shop_and_to_nobody_else(plugin: Plugin, monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with RequestsMock() as shops:
        shops.add(responses.POST, GRAPHQL, json=OUR_APP)
        shops.add(responses.GET, KEYS, body=captures.JWKS)
        assert register(plugin) == (200, {"success": True})
        to_graphql, to_keys = (call.request.headers for call in shops.calls)
    assert to_graphql["Authorization"] == f"Bearer {'t' * 30}"
    assert "Authorization" not in to_keys
