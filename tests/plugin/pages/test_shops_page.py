"""The page Shops: connect a Saleor, list its Dashboards, pause and remove it, without a command line."""

import re
from typing import Any

import pytest

from salepixel.shops.dashboards import page_in_dashboard, proposed_dashboard
from tests.plugin.conftest import HATS, SHOES, Office

API_URL = "https://shop.test/graphql/"
PATH = "/accounts/7/shops"


@pytest.fixture
def shop(office: Office) -> str:
    """The id of a shop that was added on the page."""
    assert office.page(PATH, SHOES, method="POST", data={"api_url": API_URL}).status_code == 303
    return str(_shop(office)["id"])


def _step(office: Office, shop: str, step: str, key: str = SHOES, **form: str) -> int:
    answer = office.page(f"{PATH}/{shop}", key, method="POST", data={"step": step, **form})
    return answer.status_code


def _shop(office: Office) -> Any:
    return next(one for one in office.get("/shops")["shops"] if one["api_url"] == API_URL)


def test_a_shop_is_connected_from_the_page(office: Office, shop: str) -> None:
    text = office.page(PATH, SHOES).text
    assert "Not installed" in text
    assert _shop(office)["manifest_url"] in text
    assert "https://shop.test/dashboard/" in text, "proposed, not set"
    assert _shop(office)["dashboards"] == []


def test_a_shop_is_removed_only_after_a_second_press(office: Office, shop: str) -> None:
    text = office.page(PATH, SHOES).text
    assert 'value="remove"' in text
    assert 'value="remove"' not in re.sub(r"(?s)<details.*?</details>", "", text)


@pytest.mark.parametrize("api_url", ["", "shop.test", "ftp://shop.test/", "javascript:alert(1)"])
def test_a_shop_needs_an_address(office: Office, api_url: str) -> None:
    answer = office.page(PATH, SHOES, method="POST", data={"api_url": api_url})
    assert answer.status_code == 422
    assert "Enter the address" in answer.text


def test_name_and_dashboards_are_saved_and_a_shop_is_paused_resumed_and_removed(
    office: Office, shop: str
) -> None:
    assert (
        _step(office, shop, "save", name="Main", dashboards="https://A.test/d\n http://localhost:9000") == 303
    )
    saved = _shop(office)
    assert saved["name"] == "Main"
    assert saved["dashboards"] == ["https://a.test/d/", "http://localhost:9000/"]
    assert _step(office, shop, "pause") == 303
    assert _shop(office)["state"] == "paused"
    assert _step(office, shop, "resume") == 303
    assert _step(office, shop, "remove") == 303
    assert _shop(office)["state"] == "removed"
    assert _step(office, shop, "save", name="Main", dashboards="") == 422


@pytest.mark.parametrize(
    "written",
    [
        "dash.shop.test",
        "javascript:alert(1)",
        "https://",
        "https://a.test/;script-src",
        "https://a.test?x=1",
        "https://user@a.test/",
        "https://*.test/",
        "https://a.test:99999/",
        "https://a;b.test/",
        "'self'",
        "*",
        " ".join(f"https://d{n}.test/" for n in range(6)),
    ],
)
def test_only_addresses_of_dashboards_may_frame_the_report(office: Office, shop: str, written: str) -> None:
    status = _step(office, shop, "save", name="", dashboards=written)
    origins = [one for one in _shop(office)["dashboards"] if ";" in one or "'" in one or "*" in one]
    assert origins == []
    assert status == (303 if ";script" in written else 422)


def test_another_account_and_a_reader_change_nothing(office: Office, shop: str) -> None:
    assert _step(office, shop, "remove", HATS) == 404
    assert (
        office.page(f"/accounts/8/shops/{shop}", HATS, method="POST", data={"step": "pause"}).status_code
        == 404
    )
    assert office.page(PATH, HATS).status_code == 404
    assert _shop(office)["state"] == "waiting"


@pytest.mark.parametrize(
    ("stored", "path", "address"),
    [
        (
            "https://a.test/dashboard/",
            "/orders/1",
            "https://a.test/dashboard/extensions/app/QXBwOjE%3D/orders/1",
        ),
        ("https://a.test/ https://b.test/", "/", "https://a.test/extensions/app/QXBwOjE%3D/"),
        ("", "/", None),
    ],
)
def test_a_page_of_the_app_has_an_address_in_the_dashboard(
    stored: str, path: str, address: str | None
) -> None:
    assert page_in_dashboard(stored, "QXBwOjE=", path) == address


def test_saleor_cloud_has_its_dashboard_beside_the_api() -> None:
    assert proposed_dashboard("https://a.saleor.cloud/graphql/") == "https://a.saleor.cloud/dashboard/"


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        ("https://b.test", "https://b.test/extensions/app/QQ/"),
        ("https://a.test", "https://a.test/extensions/app/QQ/"),
        ("https://b.test.evil", "https://a.test/extensions/app/QQ/"),
        ("null", "https://a.test/extensions/app/QQ/"),
    ],
)
def test_a_link_stays_in_the_dashboard_that_it_is_in(origin: str, address: str) -> None:
    assert page_in_dashboard("https://a.test/ https://b.test/", "QQ", "/", origin) == address
