"""The page that shows which orders are known, and how they arrived."""

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.orders.unread import UnreadOrder, keep_unread
from salepixel.shops import polls
from salepixel.storage import schema
from salepixel_plugin.languages import LANGUAGES
from tests.plugin.api.test_coverage import asked_shop, ignored_hit
from tests.plugin.conftest import HATS, PLACED, SHOES, Office
from tests.plugin.pages.test_pages import _check

PATH = "/accounts/7/coverage"


def text_of(office: Office, path: str = PATH, key: str = SHOES) -> str:
    answer = office.page(path, key)
    assert answer.status_code == 200, answer.text
    _check(answer.text)
    return answer.text


def test_the_settings_link_to_it(office: Office) -> None:
    links = _check(office.page("/accounts/7/policy", SHOES).text).links
    assert PATH in links
    assert "/accounts/8/coverage" not in links, "another account's"


def test_a_shop_without_an_installed_app_is_named(office: Office) -> None:
    office.post("/shops", {"empId": 7, "platform": "saleor", "api_url": "https://new.test/graphql/"})
    assert "https://new.test/graphql/ was added, but the app is not installed" in text_of(office)
    assert office.get("/shops")["shops"][0]["manifest_url"] in text_of(office)
    asked_shop(office)
    assert "https://shop.test/graphql/ was added, but" not in text_of(office)


def test_a_paused_shop_is_resumed_by_a_button(office: Office) -> None:
    shop = asked_shop(office)
    resume = f"/accounts/7/shops/{shop}/resume"
    assert resume not in text_of(office)
    office.call("PATCH", f"/shops/{shop}", {"paused": True})
    assert f'action="{resume}"' in text_of(office)
    assert office.page(resume, HATS, method="POST").status_code == 404
    assert office.page(resume, SHOES, method="POST").headers["Location"] == PATH
    assert office.get("/shops")["shops"][0]["paused_at"] is None
    assert "has been paused" not in text_of(office)


def test_an_incomplete_sum_of_days_is_not_shown(office: Office) -> None:
    asked_shop(office)
    office.order()
    in_shop = re.compile(r'data-label="In the shop" class="number">(.*?)</td>')
    assert in_shop.findall(text_of(office)) == ["2", "2"]
    office.order(id="o-2", number="2", placed_at=(PLACED - timedelta(days=2)).isoformat())
    assert [cell.count("–") for cell in in_shop.findall(text_of(office))] == [0, 1, 1]


def test_it_shows_the_days_and_what_the_pixel_did_not_see(office: Office) -> None:
    asked_shop(office)
    office.order(click=office.click(office.campaign(), "ana"), payment="PayPal")
    shown = text_of(office)
    assert "All changes in https://shop.test/graphql/ up to" in shown
    assert "The pixel saw none of these orders" in shown
    assert "Fetched from the shop" in shown


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        ("it answered 503", "could not be fetched since"),
        ("token_refused", "the app was deactivated or deleted there"),
        ("app_inactive", "press Activate"),
        ("permission_removed", 'tick "Manage orders"'),
        ("it answered: <b>boo</b>", "&lt;b&gt;boo&lt;/b&gt;"),
    ],
)
def test_it_says_why_a_shop_cannot_be_polled_and_what_to_do(office: Office, problem: str, said: str) -> None:
    asked_shop(office)
    with office.database.write() as connection:
        polls.fail_poll(connection, polls.list_polls(connection, 7)[0], problem, PLACED, PLACED)
    assert said in text_of(office)


@pytest.mark.parametrize(
    ("values", "said", "shows_manifest"),
    [
        ({"token": None, "disconnected_at": PLACED}, "has not been connected since", True),
        ({"token": None, "disconnected_at": None}, "has not been connected since", True),
        ({"app_active": False, "app_status_at": PLACED}, "The app was deactivated in", False),
        ({"paused_at": PLACED}, "has been paused since", False),
        ({"removed_at": PLACED}, "was removed on", False),
    ],
)
@pytest.mark.parametrize("lang", ["en", "es"])
def test_it_says_why_orders_are_missing_since_when_and_what_to_do(
    office: Office, values: dict[str, Any], said: str, shows_manifest: bool, lang: str
) -> None:
    asked_shop(office)
    with office.database.write() as connection:
        connection.execute(sa.update(schema.shops).values(values))
    shown = text_of(office, f"{PATH}?lang={lang}")
    since = LANGUAGES[lang].time(PLACED).removesuffix(" UTC")  # the account says its zone once
    notice = re.search(rf"<p[^>]*>[^<]*shop\.test/graphql/[ .][^<]*{re.escape(since)}[^<]*", shown)
    assert notice, "since when"
    assert (lang == "es") or said in notice[0]
    assert "All changes in" not in shown
    assert ("/saleor/manifest?code=" in shown) is shows_manifest


def test_it_names_unreadable_orders(office: Office) -> None:
    shop = asked_shop(office)
    with office.database.write() as connection:
        for number, detail in (("1042", "it answered: <b>no origin</b>"), ("", "")):
            order = UnreadOrder(shop, f"id-{number}", number, "order_not_answered", detail, PLACED)
            keep_unread(connection, order, PLACED)
    shown = text_of(office)
    assert "Salepixel cannot read these orders" in shown
    assert "1042" in shown
    assert "&lt;b&gt;no origin" in shown
    assert "id-" in shown


def test_it_is_translated_and_says_when_there_is_nothing(office: Office) -> None:
    shown = text_of(office, "/accounts/8/coverage?lang=es", HATS)
    assert "Estado del seguimiento" in shown
    assert "No hay pedidos en este periodo" in shown


def test_invalid_days_are_refused_with_an_explanation(office: Office) -> None:
    answer = office.page(f"{PATH}?from=2026-01-01&to=2026-11-22", SHOES)
    assert answer.status_code == 422
    assert "at most 92 days" in answer.text


def test_another_account_cannot_see_it(office: Office) -> None:
    assert office.page(PATH, HATS).status_code == 404


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "en",
            ("Pixel hits with a problem", "Put your shop&#39;s variable for the order number into PEDIDO"),
        ),
        ("es", ("Visitas al píxel con algún problema", "la variable de su tienda para el número de pedido")),
    ],
)
def test_it_says_why_pixel_hits_had_a_problem_and_what_to_do(
    office: Office, lang: str, said: tuple[str, str]
) -> None:
    assert said[0] not in text_of(office, f"{PATH}?lang={lang}")
    ignored_hit(office, "placeholder_order")
    ignored_hit(office, "of another version", "of another version")
    shown = text_of(office, f"{PATH}?lang={lang}")
    assert [text for text in (*said, "placeholder_order", "of another version") if text not in shown] == []


def test_it_says_why_more_orders_arrived_than_the_shop_counted(office: Office) -> None:
    hint = "More orders arrived by webhook than the shop counted"
    asked_shop(office)
    office.order()
    assert hint not in text_of(office), "the shop counted two"
    for number in ("2", "3"):
        office.order(id=f"o-{number}", number=number)
    assert hint in text_of(office)
