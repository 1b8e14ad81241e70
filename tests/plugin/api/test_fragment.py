"""The fragment: pixels for customers who came from an e-mail, and nothing for all others."""

from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from babel.numbers import list_currencies

from salepixel.clicks.hits import is_signed, parse_hit
from salepixel.money.amounts import minor_digits
from salepixel.storage import schema
from tests.plugin.conftest import PLACED, Office

LINES = [
    {"product": 'Zapato "ñ" <b>&', "quantity": 2, "amount": "1234.50"},
    {"product": "Laces\n+ 1", "quantity": 1, "amount": 3},
]


class _Images(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "img"
        self.found.append(dict(attrs))


def _pixels(office: Office, click: str, **changes: Any) -> list[str]:
    wanted = {"empId": 7, "click": click, "order": "1042", "currency": "EUR", "lines": LINES} | changes
    answer = office.call("POST", "/fragment", wanted)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/html; charset=utf-8"
    images = _Images(answer.text).found
    for image in images:
        assert (image["alt"], image["width"], image["height"]) == ("", "1", "1")
    return [str(image["src"]) for image in images]


def test_a_secret_that_cannot_be_opened_signs_nothing_until_it_is_renewed(office: Office) -> None:
    click = office.click(office.campaign(), "c1")
    with office.database.write() as connection:
        connection.execute(sa.update(schema.accounts).values(pixel_secret="sealed 1 AAAA"))
    assert office.get("/accounts/7")["pixel_secret"] == ""
    assert [parse_hit(urlsplit(url).query).signature for url in _pixels(office, click)] == ["", ""]
    office.call("PATCH", "/accounts/7", {"renew_pixel_secret": True})
    assert len(office.get("/accounts/7")["pixel_secret"]) == 64
    assert all(parse_hit(urlsplit(url).query).signature for url in _pixels(office, click))


def test_each_line_is_a_signed_pixel_that_the_edge_can_read(office: Office) -> None:
    click = office.click(office.campaign(), "c1")
    secret = bytes.fromhex(office.get("/accounts/7")["pixel_secret"])
    urls = [urlsplit(url) for url in _pixels(office, click)]
    assert {(url.scheme, url.netloc, url.path) for url in urls} == {
        ("http", "track7.shop.test", "/track/sale")
    }
    hits = [parse_hit(url.query) for url in urls]
    assert [(hit.product, hit.quantity, hit.amount) for hit in hits] == [
        ('Zapato "ñ" <b>&', Decimal(2), Decimal("1234.50")),
        ("Laces + 1", Decimal(1), Decimal(3)),
    ]
    for hit in hits:
        assert (hit.emp_id, hit.order, hit.currency, hit.click) == (7, "1042", "EUR", click)
        assert is_signed(secret, hit)


def test_an_account_without_a_secret_has_unsigned_pixels(office: Office) -> None:
    click = office.click(office.campaign(1), "c1")
    hits = [parse_hit(urlsplit(url).query) for url in _pixels(office, click, empId=1)]
    assert [hit.signature for hit in hits] == ["", ""]


@pytest.mark.parametrize("digits", [0, 2, 3])
def test_the_edge_parses_amounts_of_every_currency_as_intended(office: Office, digits: int) -> None:
    click = office.click(office.campaign(), "c1")
    secret = bytes.fromhex(office.get("/accounts/7")["pixel_secret"])
    currencies = [code for code in sorted(list_currencies()) if minor_digits(code) == digits]
    for currency in currencies[:40]:
        amounts = [Decimal(text).scaleb(-digits) for text in ("1", "1234", "1234567", "998000000000")]
        lines = [{"product": "x", "quantity": 1, "amount": f"{amount:f}"} for amount in amounts]
        hits = [parse_hit(urlsplit(u).query) for u in _pixels(office, click, currency=currency, lines=lines)]
        assert [hit.amount for hit in hits] == amounts, currency
        assert all(is_signed(secret, hit) for hit in hits)


def test_with_whole_order_pixels_each_line_reports_the_order_total(office: Office) -> None:
    click = office.click(office.campaign(), "c1")
    office.call("PATCH", "/accounts/7", {"pixel_amount": "order"})
    hits = [parse_hit(urlsplit(url).query) for url in _pixels(office, click)]
    assert [hit.amount for hit in hits] == [Decimal("1237.50")] * 2


HOSTED = [
    ("line", [('Zapato "ñ" <b>&', "2", "1234.50"), ("Laces + 1", "1", "3.00")]),
    ("order", [('Zapato "ñ" <b>&, Laces + 1', "3", "1237.50")]),
]


@pytest.mark.parametrize(("per", "reported"), HOSTED)
def test_the_hosted_pixel_keeps_working(office: Office, per: str, reported: list[tuple[str, ...]]) -> None:
    click = office.click(office.campaign(), "c1")
    hosted = "https://track.mdrctr.com/track/sale?x=1"
    office.call("PATCH", "/accounts/7", {"hosted_pixel": hosted, "hosted_emp_id": "a&b", "forward_per": per})
    urls = [url for url in _pixels(office, click) if url.startswith(hosted)]
    asked = [parse_qs(urlsplit(url).query) for url in urls]
    assert asked == [
        {"x": ["1"], "empId": ["a&b"], "PRODUCTO": [p], "CANTIDAD": [q], "IMPORTE": [a]}
        for p, q, a in reported
    ]


def test_visitors_without_a_click_get_nothing(office: Office) -> None:
    office.call("PATCH", "/accounts/7", {"hosted_pixel": "https://track.mdrctr.com/track/sale"})
    campaign = office.campaign()
    good = office.click(campaign, "c1")
    assert _pixels(office, good)
    nothing = {
        "none": "",
        "forged": good[:-8] + ("B" if good[-8] == "A" else "A") + good[-7:],
        "cut": good[:-10],
        "of another account": office.click(office.campaign(8), "c1"),
        "outside the window": office.click(campaign, "c1", PLACED - timedelta(days=8)),
        "in the future": office.click(campaign, "c1", PLACED + timedelta(days=1)),
        "on a link that earns nothing": office.click(campaign, "c1", link=1),
        "not ascii": "é\x00",
    }
    for why, click in nothing.items():
        assert _pixels(office, click) == [], why


def test_a_pixel_names_every_item_as_the_edge_parses_it(office: Office) -> None:
    click = office.click(office.campaign(), "c1")
    secret = bytes.fromhex(office.get("/accounts/7")["pixel_secret"])
    names = ["Red\u00a0\u200bshoes\n", "y" * 300, "Set 👨\u200d👩\u200d👧"]
    lines = [{"product": name, "quantity": "0.5", "amount": "1"} for name in names]
    hits = [parse_hit(urlsplit(url).query) for url in _pixels(office, click, lines=lines)]
    assert [hit.product for hit in hits] == ["Red shoes", "y" * 200, "Set 👨\u200d👩\u200d👧"]
    assert all(is_signed(secret, hit) for hit in hits)


@pytest.mark.parametrize("amounts", [["999999999999.999"], ["600000000000", "600000000000"]])
def test_an_amount_above_the_limit_is_refused(office: Office, amounts: list[str]) -> None:
    lines = [{"product": "Hat", "quantity": 1, "amount": amount} for amount in amounts]
    reported = {"empId": 7, "click": "", "order": "1", "currency": "EUR", "lines": lines}
    answer = office.call("POST", "/fragment", reported)
    assert answer.status_code == 422
    assert "too large for an order" in answer.text
