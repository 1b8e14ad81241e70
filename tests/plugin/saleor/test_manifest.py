"""The manifest fits the Saleor that asks for it."""

import json
import re
import struct
from urllib.parse import urlsplit

import pytest

from salepixel_plugin.saleor.codes import make_code
from salepixel_plugin.saleor.manifest import LIFECYCLE_EVENTS, ORDER_EVENTS, Installation, build_manifest
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
    assert manifest["appUrl"] == f"{plugin.url}/"
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


@pytest.mark.parametrize(
    ("asking", "mounts", "has_all"),
    [
        ("", [], False),
        ("nonsense", [], False),
        ("9999999999.1", [], False),
        ("3.14", [], False),
        ("3.19", [], True),
        ("3.21", [], True),
        ("3.22", ["NAVIGATION_ORDERS"], True),
        ("3.23", ["NAVIGATION_ORDERS"], True),
        ("4.0", ["NAVIGATION_ORDERS"], True),
    ],
)
def test_a_manifest_contains_only_what_its_saleor_supports(
    plugin: Plugin, asking: str, mounts: list[str], has_all: bool
) -> None:
    manifest = plugin.client.get("/saleor/manifest", headers={"Saleor-Schema-Version": asking}).get_json()
    assert [extension["mount"] for extension in manifest["extensions"]] == mounts
    query = manifest["webhooks"][0]["query"]
    assert ("voucherCode" in query) is has_all
    assert query.count("{") == query.count("}")
    assert "totalRefunded { amount }\n" in query


def test_every_page_that_the_manifest_names_exists(plugin: Plugin) -> None:
    manifest = plugin.client.get("/saleor/manifest", headers={"Saleor-Schema-Version": "3.23"}).get_json()
    for url in (manifest["appUrl"], *(extension["url"] for extension in manifest["extensions"])):
        assert plugin.client.get(url.removeprefix(plugin.url)).status_code in (200, 302, 303, 401)


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
