"""A slow or forbidden shop delays no other shop and reveals nothing."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from kit.saleor import JWKS_PATH, StandInSaleor
from kit.saleor_key import SigningKey
from salepixel.wire import outgoing
from salepixel_plugin.saleor.calls import (
    MAX_PER_ADDRESS,
    MAX_PER_SHOP,
    WINDOW_SECONDS,
    Busy,
    Calls,
    TooManyRegistrations,
)
from salepixel_plugin.saleor.codes import make_code
from tests.conftest import LOOPBACK
from tests.far_host import FarHost, answers, is_silent
from tests.plugin.saleor.conftest import Plugin
from tests.waiting import until


@dataclass
class SlowShop(FarHost):
    """It answers nothing until the test releases it."""

    enough: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.answers["*"] = self._hold

    def _hold(self, *_: Any) -> None:
        self.enough.wait()


@pytest.fixture
def slow() -> Iterator[SlowShop]:
    with SlowShop() as host:
        yield host
        host.enough.set()


def register(plugin: Plugin, api_url: str, emp_id: int = 1) -> tuple[int, dict[str, Any]]:
    code = make_code(plugin.keys, plugin.allow(api_url, emp_id).id)
    answer = plugin.client.post(
        "/saleor/register",
        headers={"Saleor-Api-Url": api_url},
        json={"auth_token": "t"},
        query_string={"code": code},
    )
    return answer.status_code, answer.get_json()


@contextmanager
def waiting(plugin: Plugin, slow: SlowShop, accounts: range) -> Iterator[list[Any]]:
    """A registration of each account at a shop that answers slowly, all of them pending or refused."""
    with ThreadPoolExecutor(len(accounts)) as pool:
        found = [pool.submit(register, plugin, f"{slow.url}/{emp_id}", emp_id) for emp_id in accounts]
        until(lambda: len(slow.requests) + sum(one.done() for one in found) == len(found))
        yield found
        slow.enough.set()


def test_registrations_with_slow_shops_leave_threads_for_deliveries(
    plugin: Plugin, slow: SlowShop, installed: StandInSaleor
) -> None:
    order = installed.order("1", [])
    with waiting(plugin, slow, range(11, 21)) as registrations:
        under_way = [one for one in registrations if not one.done()]
        assert len(under_way) == 2, "half of the four threads"
        assert installed.deliver(plugin.url, "order_paid", order).status_code == 200
        assert {one.result()[0] for one in registrations if one not in under_way} == {503}
    assert {one.result()[1]["error"]["code"] for one in under_way} == {"SALEOR_NOT_AVAILABLE"}
    assert plugin.refusals()["saleor_register", "busy"] == 8


def test_each_account_makes_one_call_at_a_time(plugin: Plugin, slow: SlowShop) -> None:
    with waiting(plugin, slow, range(11, 12)):
        assert register(plugin, f"{slow.url}/other", 11)[1]["error"]["code"] == "BUSY"


def test_a_slow_key_lookup_delays_only_its_own_shops_deliveries(
    plugin: Plugin, installed: StandInSaleor, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, asked = threading.Event(), threading.Event()
    answer = installed.answer

    def slowly(path: str, *rest: Any) -> Any:
        if path == JWKS_PATH:
            asked.set()
            over.wait()
        return answer(path, *rest)

    monkeypatch.setattr(installed, "answer", slowly)
    order = installed.order("1", [])
    good = installed.sign("order_paid", {"order": order})
    forged = installed.sign_raw("order_paid", good.body, SigningKey().sign(good.body))
    with ThreadPoolExecutor(1) as pool, StandInSaleor() as other:
        first = pool.submit(installed.send, plugin.url, forged)
        asked.wait()
        assert installed.send(plugin.url, forged).status_code == 503
        assert installed.send(plugin.url, good).status_code == 200
        plugin.install(other, 2)
        assert other.deliver(plugin.url, "order_paid", other.order("1", [])).status_code == 200
        over.set()
        assert first.result().status_code == 401


def test_registrations_are_limited_by_shop_and_by_address() -> None:
    now = [0.0]
    calls = Calls(1, lambda: now[0])
    for _ in range(MAX_PER_SHOP):
        calls.count_registration("a", "192.0.2.1")
    with pytest.raises(TooManyRegistrations):
        calls.count_registration("a", "192.0.2.2")
    for n in range(MAX_PER_ADDRESS - MAX_PER_SHOP):
        calls.count_registration(f"b{n}", "192.0.2.1")
    with pytest.raises(TooManyRegistrations):
        calls.count_registration("c", "192.0.2.1")
    calls.count_registration("c", "192.0.2.2")
    now[0] = WINDOW_SECONDS
    calls.count_registration("a", "192.0.2.1")


def test_a_failed_call_makes_room_for_the_next_one() -> None:
    calls = Calls(1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), calls.slot(1):
            _ = 1 / 0
    with calls.slot(1), pytest.raises(Busy):
        calls.slot(2).__enter__()


def test_too_many_registrations_of_a_shop_make_no_more_calls(plugin: Plugin) -> None:
    with FarHost({"*": answers(404)}) as host:
        codes = [register(plugin, f"{host.url}/")[1]["error"]["code"] for _ in range(MAX_PER_SHOP + 2)]
        assert len(host.requests) == MAX_PER_SHOP
    assert codes == ["SALEOR_NOT_AVAILABLE"] * MAX_PER_SHOP + ["TOO_MANY"] * 2


def test_a_registration_reveals_nothing_about_an_address(
    plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = outgoing.call
    monkeypatch.setattr(outgoing, "call", lambda *args, **more: call(*args, **more | {"seconds": 0.5}))
    behaviours = [answers(404), answers(500, b"Redis"), answers(200, b"x"), is_silent]
    with FarHost() as host:
        url = f"{host.url}/graphql/"
        results = []
        for behaviour in behaviours:
            host.answers["*"] = behaviour
            results.append(register(plugin, url))
        outgoing.allow_private(())
        results.append(register(plugin, url))
        outgoing.allow_private(LOOPBACK)
        assert len(host.requests) == len(behaviours)
    results.append(register(plugin, url))  # nothing listens there now
    assert results == [results[0]] * 6
    assert results[0][0] == 503
