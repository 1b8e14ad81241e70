"""The manifest fits the Saleor that asks for it."""

import json
import re
import struct
from urllib.parse import urlsplit

import pytest

from salepixel.shops.store import connect_shop
from salepixel_plugin.saleor.codes import make_code
from salepixel_plugin.saleor.manifest import (
    LIFECYCLE_EVENTS,
    ORDER_EVENTS,
    Addresses,
    Installation,
    build_manifest,
)
from tests.make import seal_token
from tests.plugin.saleor import captures
from tests.plugin.saleor.conftest import Plugin

URL = "https://salepixel.shop.test"


def test_the_manifest_names_this_plugin(plugin: Plugin) -> None:
    shop = plugin.allow("https://shop.test/graphql/")
    path = plugin.manifest_url(shop).removeprefix(plugin.url)
    answer = plugin.client.get(path, headers={"Saleor-Schema-Version": "3.23"})
    manifest = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert (manifest["id"], manifest["name"]) == (f"salepixel-{shop.id}", "Salepixel (Shoes)")
    assert manifest["permissions"] == ["MANAGE_ORDERS"]
    code = make_code(plugin.keys, shop.id)
    assert manifest["tokenTargetUrl"] == f"{plugin.url}/saleor/register?code={code}"
    assert manifest["appUrl"] == f"{plugin.url}/saleor/app/{shop.id}"
    targets = {hook["targetUrl"] for hook in manifest["webhooks"]}
    assert targets == {f"{plugin.url}/saleor/webhooks?shop={shop.id}"}
    assert all(manifest[name] for name in ("name", "version", "about", "author"))


@pytest.mark.parametrize("query", ["", "?code=", "?code=0123", "?code=é", "?code=" + "0" * 44])
def test_without_a_valid_code_a_manifest_connects_no_shop(plugin: Plugin, query: str) -> None:
    manifest = plugin.client.get(f"/saleor/manifest{query}").get_json()
    assert (manifest["id"], manifest["tokenTargetUrl"]) == ("salepixel", f"{plugin.url}/saleor/register")


def test_one_webhook_has_all_order_events() -> None:
    orders, lifecycle = build_manifest(URL, (3, 23))["webhooks"]
    assert orders["asyncEvents"] == list(ORDER_EVENTS)
    assert lifecycle["asyncEvents"] == list(LIFECYCLE_EVENTS)
    for hook in (orders, lifecycle):
        for event in hook["asyncEvents"]:
            typename = "".join(word.capitalize() for word in event.split("_"))
            assert re.search(rf"\.\.\. on {typename} {{", hook["query"])


MENU = "NAVIGATION_ORDERS"
OLD = [MENU, "ORDER_DETAILS_MORE_ACTIONS"]
WIDGETS = [MENU, "ORDER_DETAILS_WIDGETS", "CUSTOMER_DETAILS_WIDGETS"]
ALL = [*WIDGETS, "HOMEPAGE_WIDGETS"]


@pytest.mark.parametrize(
    ("asking", "mounts", "has_all"),
    [
        ("", OLD, False),
        ("nonsense", OLD, False),
        ("9999999999.1", OLD, False),
        ("3.14", OLD, False),
        ("3.19", OLD, True),
        ("3.21", OLD, True),
        ("3.22", WIDGETS, True),
        ("3.23", ALL, True),
        ("3.24", ALL, True),
        ("4.0", ALL, True),
    ],
)
def test_a_manifest_contains_only_what_its_saleor_supports(
    plugin: Plugin, asking: str, mounts: list[str], has_all: bool
) -> None:
    address = plugin.manifest_url(plugin.allow("https://shop.test/graphql/")).removeprefix(plugin.url)
    manifest = plugin.client.get(address, headers={"Saleor-Schema-Version": asking}).get_json()
    assert [extension["mount"] for extension in manifest["extensions"]] == mounts
    query = manifest["webhooks"][0]["query"]
    assert ("voucherCode" in query) is has_all
    assert query.count("{") == query.count("}")
    assert "totalRefunded { amount }\n" in query


MOUNTS_SINCE = {
    (3, 14): {MENU, "ORDER_DETAILS_MORE_ACTIONS", "ORDER_OVERVIEW_MORE_ACTIONS"},
    (3, 22): {"ORDER_DETAILS_WIDGETS", "CUSTOMER_DETAILS_WIDGETS"},
    (3, 23): {"HOMEPAGE_WIDGETS"},
}
TARGETS_SINCE = {(3, 14): {"POPUP", "APP_PAGE"}, (3, 22): {"WIDGET", "NEW_TAB"}}
OPTIONS = {"HOMEPAGE_WIDGETS": "homeWidgetTarget"}


def _since(table: dict[tuple[int, int], set[str]], schema: tuple[int, int]) -> set[str]:
    return {name for first, names in table.items() if first <= schema for name in names}


@pytest.mark.parametrize("schema", [(3, 14), (3, 21), (3, 22), (3, 23), (3, 24)], ids=str)
def test_extensions_keep_the_rules_of_saleor_and_its_dashboard(schema: tuple[int, int]) -> None:
    # saleor/app/manifest_validations.py of 3.23.28; src/extensions/domain of saleor-dashboard 3.23.27.
    manifest = build_manifest(URL, schema, Installation("0" * 12, "Shoes", "0" * 44))
    for extension in manifest["extensions"]:
        mount, target, url = extension["mount"], extension["target"], extension["url"]
        assert mount in _since(MOUNTS_SINCE, schema)
        assert target in _since(TARGETS_SINCE, schema)
        assert 1 <= len(extension["label"]) <= 256
        assert set(extension["permissions"]) <= set(manifest["permissions"])
        assert (target == "APP_PAGE") is url.startswith("/")
        assert target == "APP_PAGE" or url.startswith(f"{manifest['appUrl']}")
        options = extension.get("options", {})
        assert len(options) == (1 if target == "WIDGET" else 0)
        assert target != "WIDGET" or mount.endswith("_WIDGETS")
        assert all(name == OPTIONS.get(mount, "widgetTarget") for name in options)
        assert all(settings["method"] == "POST" for settings in options.values())


def test_the_operators_own_pages_are_in_the_manifest() -> None:
    addresses = Addresses("https://a.test/app", "https://a.test/privacy", "https://a.test/help")
    manifest = build_manifest(URL, (3, 23), None, addresses)
    found = [manifest[name] for name in ("homepageUrl", "dataPrivacyUrl", "supportUrl")]
    assert found == ["https://a.test/app", "https://a.test/privacy", "https://a.test/help"]


def test_every_page_that_the_manifest_names_exists(plugin: Plugin) -> None:
    shop = plugin.allow("https://shop.test/graphql/")
    address = plugin.manifest_url(shop).removeprefix(plugin.url)
    with plugin.database.write() as connection:
        connect_shop(connection, shop, "QXBwOjE=", seal_token(plugin.keys, shop.id), "{}", captures.NOW)
    manifest = plugin.client.get(address, headers={"Saleor-Schema-Version": "3.23"}).get_json()
    assert plugin.client.get(manifest["appUrl"].removeprefix(plugin.url)).status_code == 200
    for extension in manifest["extensions"]:
        if extension["target"] == "WIDGET":
            answer = plugin.client.post(
                extension["url"].removeprefix(plugin.url), data={"accessToken": "null"}
            )
            assert answer.status_code == 403, "it asks for a token"


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("field", ["homepageUrl", "dataPrivacyUrl", "supportUrl"])
def test_pages_about_the_app_need_no_key_and_have_the_linked_section(
    plugin: Plugin, field: str, lang: str
) -> None:
    address = urlsplit(build_manifest(plugin.url, (3, 23))[field])
    assert f"{address.scheme}://{address.netloc}" == plugin.url
    answer = plugin.client.get(f"{address.path}?lang={lang}")
    assert answer.status_code == 200
    assert f'<html lang="{lang}">' in answer.text
    assert not address.fragment or f'id="{address.fragment}"' in answer.text


def test_the_logo_is_a_png_that_saleor_accepts_and_needs_no_key(plugin: Plugin) -> None:
    address = build_manifest(plugin.url, (3, 23))["brand"]["logo"]["default"]
    answer = plugin.client.get(address.removeprefix(plugin.url))
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert address.endswith(".png")
    assert answer.data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", answer.data[16:24])
    assert width == height >= 256
    assert len(answer.data) < 10_000
    answer.close()


def test_the_manifest_keeps_the_limits_of_saleor() -> None:
    manifest = build_manifest(URL, (3, 23), Installation("0" * 12, "n" * 200, "0" * 44))
    assert len(manifest["name"]) <= 60
    urls = [manifest[name] for name in ("appUrl", "homepageUrl", "dataPrivacyUrl", "supportUrl")]
    assert all(len(url) <= 200 for url in urls)
    assert len(manifest["version"]) <= 60
    assert all(len(hook["targetUrl"]) <= 255 for hook in manifest["webhooks"])
    assert json.loads(json.dumps(manifest)) == manifest
