"""Whatever bytes come in: a clear answer, never a 500."""

from decimal import Decimal
from io import BytesIO

import psycopg.errors
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from kit.saleor import Line, StandInSaleor
from salepixel.shops.shop import Shop
from salepixel.storage import schema
from salepixel_plugin.reception import REFUSED
from salepixel_plugin.saleor import webhooks
from tests.examples import costly
from tests.plugin.saleor import captures
from tests.plugin.saleor.conftest import Plugin

PATH = "/saleor/webhooks"
PAID = captures.captured("b_customer_two_charges_refunds/006-order_fully_paid")
SHOES = Line("Red shoes", 2, Decimal("39.80"), "R-1")


def reason_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["reason"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"a": 1, "a": 1}',
        b'{"a": NaN}',
        b"[" * 90_000,
        b'{"a": 1e99999999999999999999}',
    ],
)
def test_a_signed_body_that_is_no_json_object_is_400(
    plugin: Plugin, installed: StandInSaleor, body: bytes
) -> None:
    answer = installed.send(plugin.url, installed.sign_raw("order_paid", body))
    assert (answer.status_code, answer.json()["reason"]) == (400, "malformed")


def test_over_32_mb_is_413(plugin: Plugin, installed: StandInSaleor) -> None:
    fits = installed.sign_raw("order_paid", b" " * 32_000_000)
    assert installed.send(plugin.url, fits).json()["reason"] == "malformed"
    answer = plugin.client.post("/saleor/webhooks", data=b" " * 32_000_001)
    assert reason_of(answer) == (413, "too_large")


@pytest.mark.parametrize(
    ("size", "expected"), [(32_000_000, (400, "malformed")), (32_000_001, (413, "too_large"))]
)
def test_over_32_mb_without_a_length_is_413(
    plugin: Plugin, installed: StandInSaleor, size: int, expected: tuple[int, str]
) -> None:
    signed = installed.sign_raw("order_paid", b" " * size)
    # As werkzeug's own server hands over a chunked body: no length, an end.
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = plugin.client.post(
        "/saleor/webhooks",
        input_stream=BytesIO(signed.body),
        headers=signed.headers,
        environ_overrides=chunked,
    )
    assert reason_of(answer) == expected


def test_one_large_delivery_is_read_at_a_time_while_small_ones_continue(
    plugin: Plugin, installed: StandInSaleor
) -> None:
    large = installed.sign_raw("order_paid", b" " * (webhooks.LARGE_BYTES + 1))
    small = installed.sign_raw("order_paid", b" " * webhooks.LARGE_BYTES)
    with webhooks._one_large:
        assert reason_of(plugin.client.post(PATH, data=large.body, headers=large.headers)) == (503, "busy")
        assert reason_of(plugin.client.post(PATH, data=small.body, headers=small.headers)) == (
            400,
            "malformed",
        )
    for _ in range(2):
        answer = plugin.client.post(PATH, data=large.body, headers=large.headers)
        assert reason_of(answer) == (400, "malformed")


@pytest.mark.parametrize(("signed", "expected"), [(True, 503), (False, 400)])
@pytest.mark.parametrize("reason", ["cut_short", "too_large", "busy"])
def test_an_incomplete_signed_delivery_is_503_so_the_shop_retries(
    plugin: Plugin, reason: str, signed: bool, expected: int
) -> None:
    """A body that a shop may have sent gets a 503, because Saleor does not retry after a 4xx."""
    headers = {"Saleor-Signature": "a..b"} if signed else {}
    answer = plugin.client.post(PATH, headers=headers, environ_overrides={REFUSED: reason})
    wanted = {"cut_short": expected, "too_large": 413, "busy": 503}[reason]
    assert reason_of(answer) == (wanted, reason)
    if wanted == 503:
        assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("path", "reason", "expected"),
    [
        ("/api/v1/contacts", "too_large", (413, "too_large")),
        ("/api/v1/contacts", "cut_short", (400, "bad_request")),
        ("/api/v1/contacts", "busy", (503, "service_unavailable")),
        ("/saleor/register", "cut_short", (400, "bad_request")),
    ],
)
def test_an_incomplete_call_is_refused(
    plugin: Plugin, path: str, reason: str, expected: tuple[int, str]
) -> None:
    assert reason_of(plugin.client.post(path, environ_overrides={REFUSED: reason})) == expected


def test_a_body_shorter_than_its_length_is_never_verified(plugin: Plugin, installed: StandInSaleor) -> None:
    signed = installed.sign_raw("order_paid", b"{}")
    answer = plugin.client.post(
        PATH,
        input_stream=BytesIO(signed.body),
        headers=signed.headers,
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": "3"},
    )
    assert reason_of(answer) == (503, "cut_short")


LATIN = st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")
HEADER_TEXT = st.text(LATIN, max_size=60)
ANY_JSON = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@costly(15)
@given(
    body=st.binary(max_size=200) | st.just(PAID.body),
    event=HEADER_TEXT | st.just("order_fully_paid"),
    api_url=HEADER_TEXT | st.just(captures.API_URL),
    signature=HEADER_TEXT | st.just(PAID.headers["Saleor-Signature"]),
)
def test_no_bytes_cause_a_500(
    plugin: Plugin, captured_shop: Shop, body: bytes, event: str, api_url: str, signature: str
) -> None:
    headers = {"Saleor-Event": event, "Saleor-Api-Url": api_url, "Saleor-Signature": signature}
    answer = plugin.client.post("/saleor/webhooks", data=body, headers=headers)
    # 503: a forged signature under an unknown key, while this shop's JWKS is unavailable.
    assert answer.status_code in (200, 400, 401, 503)
    assert answer.get_json()["ok"] is (answer.status_code == 200)


@costly(13)
@given(st.data())
def test_no_signed_json_causes_a_500(plugin: Plugin, installed: StandInSaleor, data: st.DataObject) -> None:
    order = installed.order("1", [SHOES])
    order[data.draw(st.sampled_from(sorted(order)))] = data.draw(ANY_JSON)
    signed = installed.sign("order_updated", {"order": order})
    answer = plugin.client.post("/saleor/webhooks", data=signed.body, headers=signed.headers)
    assert answer.status_code in (200, 400)


def test_a_delivery_with_unstorable_values_is_kept_and_not_retried_for_ever(
    plugin: Plugin, installed: StandInSaleor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bool:
        raise sa.exc.OperationalError("", {}, psycopg.errors.ProgramLimitExceeded(""))

    monkeypatch.setattr(webhooks, "store_order", refuse)
    answer = installed.send(
        plugin.url, installed.sign("order_paid", {"order": installed.order("1", [SHOES])})
    )
    assert answer.status_code == 200
    with plugin.database.read() as connection:
        assert list(connection.scalars(sa.select(schema.deliveries.c.unread))) == ["unstorable"]
