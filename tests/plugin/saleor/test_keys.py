"""A shop may change its key at any time, and a forged delivery cannot make us call it."""

import threading
from decimal import Decimal
from typing import Any

import pytest
import requests

from kit.saleor import JWKS_PATH, Line, Signed, StandInSaleor
from kit.saleor_key import SigningKey
from salepixel.storage.schema import deliveries
from salepixel_plugin.saleor.calls import Calls
from salepixel_plugin.saleor.jwks import RELOAD_SECONDS, KeyReloads
from tests.plugin.saleor.conftest import Plugin

SHOES = Line("Red shoes", 2, Decimal("39.80"), "R-1")


class Clock:
    """A clock that only the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(plugin: Plugin) -> Clock:
    clock = Clock()
    plugin.app.extensions["salepixel_key_reloads"] = KeyReloads(Calls(2), clock)
    return clock


def deliver(plugin: Plugin, saleor: StandInSaleor, number: str = "1") -> int:
    return saleor.deliver(plugin.url, "order_paid", saleor.order(number, [SHOES])).status_code


def forge(plugin: Plugin, saleor: StandInSaleor, key: SigningKey) -> requests.Response:
    """A delivery of a stranger who knows all that is public."""
    signed = saleor.sign("order_paid", {"order": saleor.order("666", [SHOES])})
    return saleor.send(plugin.url, saleor.sign_raw("order_paid", signed.body, key.sign(signed.body)))


def test_deliveries_are_accepted_after_a_key_rotation(plugin: Plugin, installed: StandInSaleor) -> None:
    assert deliver(plugin, installed) == 200
    old = installed.key
    installed.rotate_key()
    assert deliver(plugin, installed, "2") == 200
    assert installed.calls == [JWKS_PATH]
    assert deliver(plugin, installed, "3") == 200
    assert installed.calls == [JWKS_PATH], "the fresh keys are kept"
    assert forge(plugin, installed, old).status_code == 401, "the old key is no longer the shop's"


def test_a_rotated_key_with_the_same_id_is_accepted(plugin: Plugin, installed: StandInSaleor) -> None:
    for number in ("1", "2"):
        installed.rotate_key()
        installed.key.kid = installed.key.jwk["kid"] = "1"  # as Saleor did before 3.19
        plugin.app.extensions["salepixel_key_reloads"] = KeyReloads(Calls(2))
        assert deliver(plugin, installed, number) == 200


def test_deliveries_are_503_until_the_shops_keys_can_be_loaded(
    plugin: Plugin, installed: StandInSaleor, clock: Clock
) -> None:
    old = installed.key
    installed.rotate_key()
    installed.unavailable.add(JWKS_PATH)
    signed = installed.sign("order_paid", {"order": installed.order("1", [SHOES])})
    for _ in range(3):
        answer = installed.send(plugin.url, signed)
        assert (answer.status_code, answer.json()["reason"]) == (503, "keys_unavailable")
        assert answer.headers["Retry-After"]
    assert installed.calls == [JWKS_PATH], "at most one call a minute"
    assert forge(plugin, installed, old).status_code == 200, "what fits the keys that we have is taken"

    installed.unavailable.clear()
    assert installed.send(plugin.url, signed).status_code == 503
    clock.now += RELOAD_SECONDS
    assert installed.send(plugin.url, signed).status_code == 200


@pytest.mark.parametrize("answers", [{"keys": []}, {"keys": "none"}, []])
def test_an_unusable_jwks_is_503_and_not_stored(
    plugin: Plugin, installed: StandInSaleor, monkeypatch: pytest.MonkeyPatch, answers: Any
) -> None:
    before = plugin.shop(installed.api_url).jwks
    monkeypatch.setattr(installed, "answer", lambda path, authorization: (200, answers))
    assert forge(plugin, installed, SigningKey()).status_code == 503
    assert plugin.shop(installed.api_url).jwks == before


def test_forged_deliveries_cause_one_call_a_minute(
    plugin: Plugin, installed: StandInSaleor, clock: Clock
) -> None:
    stranger = SigningKey()
    good = installed.sign("order_paid", {"order": installed.order("1", [SHOES])})
    for minute in range(1, 4):
        for _ in range(3):
            answer = forge(plugin, installed, stranger)
            assert (answer.status_code, answer.json()["reason"]) == (401, "unknown_key")
            changed = installed.send(plugin.url, Signed(good.headers, good.body + b" "))
            assert (changed.status_code, changed.json()["reason"]) == (401, "bad_signature")
        assert len(installed.calls) == minute
        clock.now += RELOAD_SECONDS


def test_a_rotation_right_after_a_forgery_loses_nothing(
    plugin: Plugin, installed: StandInSaleor, clock: Clock
) -> None:
    assert forge(plugin, installed, SigningKey()).status_code == 401
    installed.rotate_key()
    assert deliver(plugin, installed) == 503, "not 401: Saleor would never send it again"
    clock.now += RELOAD_SECONDS
    assert deliver(plugin, installed) == 200


def test_a_signature_that_no_key_can_verify_causes_no_call(plugin: Plugin, installed: StandInSaleor) -> None:
    signed = installed.sign("order_paid", {"order": installed.order("1", [SHOES])})
    for alg in ("none", "HS256", "PS256"):
        signature = installed.key.sign(signed.body, {"alg": alg, "b64": False, "crit": ["b64"]})
        answer = installed.send(plugin.url, installed.sign_raw("order_paid", signed.body, signature))
        assert (answer.status_code, answer.json()["reason"]) == (401, "bad_signature")
    assert installed.calls == []


def test_many_deliveries_during_a_rotation_cause_one_call_and_none_is_lost(
    plugin: Plugin, installed: StandInSaleor
) -> None:
    installed.rotate_key()
    signed = [installed.sign("order_paid", {"order": installed.order(str(n), [SHOES])}) for n in range(8)]
    answers: list[int] = []

    def send(delivery: Signed) -> None:
        answers.append(installed.send(plugin.url, delivery).status_code)

    threads = [threading.Thread(target=send, args=(delivery,)) for delivery in signed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 503}
    assert 200 in answers
    assert [installed.send(plugin.url, delivery).status_code for delivery in signed] == [200] * 8
    assert installed.calls == [JWKS_PATH]
    with plugin.database.read() as connection:
        assert len(connection.execute(deliveries.select()).all()) == 8
