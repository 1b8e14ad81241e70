"""An IP address has a limit for requests without a key; a shop's webhooks have none."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from salepixel_plugin import rate_limits, windows
from salepixel_plugin.rate_limits import MAIL_SECONDS, MAX_REQUESTS, SOURCES, WINDOW_SECONDS, RateLimits
from tests.plugin.conftest import Office
from tests.plugin.test_tally import counted

FEW = 3


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_each_kind_of_request_has_its_own_limit_per_ip_address() -> None:
    clock = Clock()
    table = RateLimits(clock)
    assert [table.count("login", "192.0.2.1") for _ in range(MAX_REQUESTS)] == [0] * MAX_REQUESTS
    assert 0 < table.count("login", "192.0.2.1") <= WINDOW_SECONDS + 1
    assert table.count("login", "192.0.2.2") == 0
    assert table.count("saleor_manifest", "192.0.2.1") == 0
    clock.now += WINDOW_SECONDS - 10
    assert table.count("login", "192.0.2.1") in (10, 11)
    clock.now += 10
    assert table.count("login", "192.0.2.1") == 0


def test_many_ip_addresses_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert windows.REMEMBERED <= 10_000
    table = RateLimits(Clock())
    for source in SOURCES:
        monkeypatch.setattr(table._requests[source], "remembered", 5)
        for number in range(50):
            table.count(source, f"192.0.2.{number}")
        assert len(table._requests[source]._counts) == 5


def ask(office: Office, method: str, path: str, address: str) -> TestResponse:
    environ: Any = {"REMOTE_ADDR": address}
    return office.browser.open(
        path, method=method, data=b"{}" if method == "POST" else None, environ_base=environ
    )


@pytest.mark.parametrize(
    ("method", "path", "source"),
    [
        ("GET", "/login", "login"),
        ("POST", "/login", "login"),
        ("GET", "/saleor/manifest", "saleor_manifest"),
        ("POST", "/saleor/register?code=x", "saleor_register"),
    ],
)
def test_only_the_ip_address_that_asks_too_often_gets_429(
    office: Office, monkeypatch: pytest.MonkeyPatch, method: str, path: str, source: str
) -> None:
    monkeypatch.setattr(rate_limits, "MAX_REQUESTS", FEW)
    for _ in range(FEW):
        assert ask(office, method, path, "192.0.2.1").status_code in (200, 400, 403)
    for _ in range(2):
        refused = ask(office, method, path, "192.0.2.1")
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= WINDOW_SECONDS + 1
        assert "Too many requests came from your network" in refused.text
    assert ask(office, method, path, "192.0.2.2").status_code in (200, 400, 403)
    assert office.get("/accounts/7")["empId"] == 7, "who has a key is not limited"
    office.store_counts()
    assert counted(office.database)[source, "too_many_requests"] == 2


def test_an_account_sends_few_test_emails_and_others_are_not_slowed_down(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "MAX_MAILS", FEW)
    own = {"sender": "news@shop.test", "host": "127.0.0.1", "port": 1, "encryption": "none"}
    own |= {"user": "", "password": "", "sender_name": ""}
    for emp_id in (7, 8):
        assert office.call("PUT", f"/accounts/{emp_id}/smtp", own).status_code == 200
    test = {"to": "ana@shop.test"}
    answers = [office.call("POST", "/accounts/7/smtp/test", test).status_code for _ in range(FEW + 1)]
    assert answers == [200] * FEW + [429]
    page = office.page("/accounts/7/email/test?lang=es", method="POST", data={"recipient": test["to"]})
    assert (page.status_code, "demasiados e-mails" in page.text) == (429, True)
    assert 0 < int(page.headers["Retry-After"]) <= MAIL_SECONDS + 1
    assert office.call("POST", "/accounts/8/smtp/test", test).status_code == 200
    office.store_counts()
    assert counted(office.database)["mail", "too_many_mails"] == 2


def test_the_form_explains_the_limit_in_the_readers_language(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "MAX_REQUESTS", 0)
    assert "demasiadas peticiones" in office.browser.get("/login?lang=es").text


def test_webhooks_are_never_limited(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MAX_REQUESTS", 0)
    headers = {"Saleor-Api-Url": "https://shop.test/graphql/"}
    for _ in range(MAX_REQUESTS + 1):
        answer = office.browser.post("/saleor/webhooks?shop=000000000001", data=b"{}", headers=headers)
        assert answer.status_code == 401
