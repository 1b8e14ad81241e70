"""Whatever a body holds, the answer is clear and never a 500."""

from typing import Any

import pytest

from salepixel.mailers.known import PLATFORMS
from tests.plugin.conftest import PLACED, Office

NOT_JSON = [
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"empId": 7, "name": "\\ud800"}',
    b'{"empId": ' + b"9" * 5000 + b"}",
    b'{"empId": NaN}',
    b'{"empId": 1e999}',
    b'{"\\u0000": 1}',
]
POSTS = [
    "/accounts",
    "/accounts/7/keys",
    "/campaigns",
    "/contacts",
    "/shops",
    "/sales",
    "/fragment",
    "/outbox/dead/retry",
]


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:20]))
def test_a_body_that_is_not_a_json_object_is_refused(office: Office, body: bytes) -> None:
    for path in POSTS:
        answer = office.call("POST", path, body)
        assert answer.status_code == 422, (path, answer.text)
        assert answer.json is not None
        assert answer.json["message"]
        assert answer.json["reason"] in ("not_json", "invalid")


ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    2**70,
    1.5,
    "",
    "7",
    "\x00",
    "a\nb",
    "é" * 100_000,
    [],
    {},
    [[[]]],
    {"a": {"b": 1}},
]
GOOD: dict[str, dict[str, Any]] = {
    "/accounts": {"empId": 70, "name": "n", "currency": "EUR", "tracking_host": "t.test", "window_days": 7},
    "/campaigns": {"empId": 7, "name": "n", "mailer": "plain", "links": [{"url": "https://a.test/"}]},
    "/contacts": {"empId": 7, "contacts": [{"ref": "c", "email": "a@b.test", "consent": True}]},
    "/shops": {"empId": 7, "platform": "saleor", "api_url": "https://a.test/graphql/"},
    "/sales": {
        "empId": 7,
        "orders": [
            {
                "id": "1",
                "number": "1",
                "currency": "EUR",
                "placed_at": PLACED.isoformat(),
                "updated_at": PLACED.isoformat(),
                "paid": True,
                "cancelled": False,
                "total": "5",
                "refunded": "0",
                "email": "a@b.test",
                "click": "",
                "lines": [{"item": "Hat", "sku": "h", "quantity": 1, "amount": "5"}],
            }
        ],
    },
    "/fragment": {
        "empId": 7,
        "click": "x",
        "order": "1",
        "currency": "EUR",
        "lines": [{"product": "Hat", "quantity": 1, "amount": "5"}],
    },
}


def _with_each_field_replaced(value: Any, odd: Any) -> list[Any]:
    """The value once for each field in it, with that field replaced."""
    if isinstance(value, dict):
        return [
            value | {name: changed}
            for name, v in value.items()
            for changed in _with_each_field_replaced(v, odd)
        ] + [odd]
    if isinstance(value, list):
        return [[changed] for changed in _with_each_field_replaced(value[0], odd)] + [odd]
    return [odd]


@pytest.mark.parametrize("path", GOOD)
def test_no_value_in_any_field_causes_a_server_error(office: Office, path: str) -> None:
    assert office.call("POST", path, GOOD[path]).status_code in (200, 201)
    for odd in ODD:
        for body in _with_each_field_replaced(GOOD[path], odd):
            answer = office.call("POST", path, body)
            assert answer.status_code < 500, (body, answer.text)
            if answer.status_code == 422:
                assert answer.json is not None
                assert answer.json["message"].startswith(("Correct", "Send"))


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("/accounts", {"empId": 0}, "empId"),
    ("/accounts", {"empId": 2**32}, "empId"),
    ("/accounts", {"currency": "EURO"}, "currency"),
    ("/accounts", {"name": " "}, "name"),
    ("/accounts", {"tracking_host": "https://t.test"}, "tracking_host"),
    ("/accounts", {"tracking_host": "t.test/path"}, "tracking_host"),
    ("/accounts", {"tracking_host": "t.test:80"}, "tracking_host"),
    ("/accounts", {"window_days": 366}, "window_days"),
    ("/accounts", {"pixel_amount": "all"}, "pixel_amount"),
    ("/accounts", {"hosted_pixel": "javascript:alert(1)"}, "hosted_pixel"),
    ("/accounts", {"nmae": "x"}, "nmae"),
    ("/campaigns", {"links": [{"url": "javascript:alert(1)"}]}, "links.0.url"),
    ("/campaigns", {"links": [{"url": "https://user:pw@a.test/"}]}, "links.0.url"),
    ("/campaigns", {"links": [{"url": "//a.test/"}]}, "links.0.url"),
    ("/campaigns", {"mailer": "pigeon"}, "mailer"),
    ("/campaigns", {"mailer": "mdirector"}, "contact_tag"),
    ("/campaigns", {"contact_tag": "a&b"}, "contact_tag"),
    ("/campaigns", {"contact_tag": "%CAMPAIGNID%"}, "contact_tag"),
    ("/contacts", {"contacts": [{"ref": ""}]}, "contacts.0.ref"),
    ("/contacts", {"contacts": [{"ref": "c", "email": "nobody"}]}, "contacts.0.email"),
    ("/shops", {"platform": "abacus"}, "platform"),
    ("/shops", {"api_url": "ftp://a.test"}, "api_url"),
    ("/sales", {"orders": [{}]}, "orders.0.id"),
    ("/fragment", {"lines": []}, "lines"),
]


@pytest.mark.parametrize(("path", "change", "field"), BAD)
def test_an_error_names_its_field(office: Office, path: str, change: dict[str, Any], field: str) -> None:
    answer = office.call("POST", path, GOOD[path] | change)
    assert answer.status_code == 422, answer.text
    assert answer.json is not None
    assert field in answer.json["errors"]
    assert field in answer.json["message"]


AMOUNTS: list[Any] = [
    "NaN",
    "Infinity",
    "-5",
    -0.01,
    10**12,
    "1e12",
    "1e999",
    10**400,
    "1.234,56",
    "",
]


@pytest.mark.parametrize("amount", AMOUNTS, ids=lambda amount: repr(amount)[:12])
def test_an_invalid_amount_is_refused(office: Office, amount: Any) -> None:
    for field in ("amount",) if amount == "" else ("amount", "total", "refunded"):
        order = dict(GOOD["/sales"]["orders"][0])
        if field == "amount":
            order["lines"] = [order["lines"][0] | {"amount": amount}]
        else:
            order[field] = amount
        answer = office.call("POST", "/sales", {"empId": 7, "orders": [order]})
        assert answer.status_code == 422, (field, answer.text)


TIMES = [
    "2026-11-23T10:00:00",
    "2026-11-23",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "x",
    5,
]


@pytest.mark.parametrize("time", TIMES)
def test_an_invalid_time_of_an_order_is_refused(office: Office, time: Any) -> None:
    order = GOOD["/sales"]["orders"][0] | {"placed_at": time}
    answer = office.call("POST", "/sales", {"empId": 7, "orders": [order]})
    assert answer.status_code == 422
    assert answer.json is not None
    assert "orders.0.placed_at" in answer.json["errors"]


def test_a_total_below_its_lines_is_refused(office: Office) -> None:
    order = GOOD["/sales"]["orders"][0] | {"total": "4.00"}
    answer = office.call("POST", "/sales", {"empId": 7, "orders": [order]})
    assert answer.status_code == 422
    assert "after discounts" in answer.text


def test_an_oversized_body_is_refused(office: Office) -> None:
    answer = office.call("POST", "/accounts", b" " * 1_000_001)
    assert answer.status_code == 413
    assert answer.json is not None
    assert "several calls" in answer.json["message"]


def test_an_unknown_mailer_is_refused_with_the_list_of_known_ones(office: Office) -> None:
    answer = office.call("POST", "/campaigns", GOOD["/campaigns"] | {"mailer": "pigeon"})
    for name in PLATFORMS:
        assert name in answer.text


PATHS = [
    "/campaigns/%00",
    "/campaigns/" + "x" * 5000,
    "/campaigns/0000000000zz/sales",
    "/accounts/" + "9" * 40,
]
PATHS += ["/orders/000000000000/%00/decision", "/orders/x/y/decision", "/orders/000000000000/a%2Fb/decision"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_an_unknown_url_is_404(office: Office, path: str) -> None:
    assert office.call("GET", path).status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=1e3", "limit=" + "9" * 5000])
def test_a_limit_is_from_1_to_1000(office: Office, query: str) -> None:
    assert office.call("GET", f"/campaigns?{query}").status_code == 422


def test_unknown_calls_are_refused_in_json(office: Office) -> None:
    missing, wrong = office.call("GET", "/nothing"), office.call("DELETE", "/campaigns")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert missing.json is not None
    assert missing.json["reason"] == "not_found"
    assert "openapi.json" in missing.json["message"]
    assert wrong.json is not None
    assert wrong.json["reason"] == "method_not_allowed"
    assert "POST" in wrong.headers["Allow"]
