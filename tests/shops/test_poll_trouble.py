"""An order that a shop cannot return blocks no other, and a refusal by the shop has a reason."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kit.saleor import StandInSaleor
from salepixel.orders import unread
from salepixel.orders.unread import UnreadOrder
from salepixel.shops import polls
from salepixel.shops import store as shops
from salepixel.shops.contract import PageTooLarge
from salepixel.shops.saleor import api as saleor_api
from salepixel.storage import schema
from tests.make import NOON
from tests.shops.test_poll import MINUTE, Office, office, shop
from tests.worker.world import HOUR

__all__ = ["office", "shop"]

SECOND = timedelta(seconds=1)


def have_many(office: Office, orders: int) -> list[str]:
    """The shop has this many orders; gives their ids, oldest first."""
    return [office.have(f"{n}", NOON + n * SECOND)["id"] for n in range(orders)]


def unread_of(office: Office) -> list[UnreadOrder]:
    with office.database.read() as connection:
        return unread.list_unread(connection, 1, 100)


def calls(office: Office) -> int:
    asked = len(office.shop.calls)
    office.shop.calls.clear()
    return asked


@pytest.mark.parametrize("bad", [(0,), (59,), (7, 8, 31), tuple(range(60)), ()], ids=str)
def test_an_order_that_the_shop_cannot_return_blocks_no_other(office: Office, bad: tuple[int, ...]) -> None:
    ids = have_many(office, 60)
    office.shop.broken = {ids[number] for number in bad}
    office.poll_all(NOON + 10 * MINUTE)
    assert len(office.healed()) == 60 - len(bad)
    assert (office.state().problem, office.state().mark) == ("", NOON + 4 * MINUTE)
    found = {order.order_id: order for order in unread_of(office)}
    assert set(found) == office.shop.broken
    for number in bad:
        one = found[ids[number]]
        assert (one.number, one.reason) == (f"{number}", "order_not_answered")
        assert "OrderOriginEnum" in one.detail
    assert office.refusals() == ({"order_not_answered": len(bad)} if bad else {})


def test_an_unreturned_order_is_counted_once_and_requested_hourly(office: Office) -> None:
    ids = have_many(office, 3)
    office.shop.broken = {ids[1]}
    for minute in range(10, 70, 5):
        office.poll_all(NOON + minute * MINUTE)
    assert office.refusals() == {"order_not_answered": 1}
    (one,) = unread_of(office)
    assert one.since == NOON + 10 * MINUTE
    office.shop.broken = set()
    office.poll_all(NOON + 3 * HOUR)
    assert unread_of(office) == []
    assert set(office.healed()) == {"0", "1", "2"}


def test_a_deleted_order_is_not_requested_again(office: Office) -> None:
    ids = have_many(office, 1)
    office.shop.broken = set(ids)
    office.poll_all(NOON + 10 * MINUTE)
    office.shop.orders.clear()
    office.poll_all(NOON + 2 * HOUR)
    assert unread_of(office) == []


def test_an_unreadable_order_is_listed_and_stored_once_it_is_readable(office: Office) -> None:
    made = office.have("1001")
    office.shop.orders[made["id"]] = {**made, "lines": None}
    office.poll_all(NOON + 10 * MINUTE)
    assert [(one.number, one.reason, one.detail) for one in unread_of(office)] == [("1001", "no_lines", "")]
    assert office.refusals() == {"no_lines": 1}
    office.shop.orders[made["id"]] = made
    office.poll_all(NOON + 2 * HOUR)
    assert unread_of(office) == []
    assert office.healed() == {"1001": True}


def test_an_oversized_page_is_requested_in_halves_and_the_mark_moves(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_many(office, 60)
    # About 2.5 kB an order: ten of them fit, fifty do not.
    monkeypatch.setattr(saleor_api, "MAX_PAGE_BYTES", 30_000)
    office.poll_all(NOON + 10 * MINUTE)
    assert len(office.healed()) == 60
    assert (office.state().problem, office.state().mark) == ("", NOON + 4 * MINUTE)


def test_a_single_oversized_order_is_listed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = have_many(office, 3)
    large = {**office.shop.orders[ids[1]], "userEmail": "a" * 40_000 + "@example.com"}
    office.shop.orders[ids[1]] = large
    monkeypatch.setattr(saleor_api, "MAX_PAGE_BYTES", 30_000)
    office.poll_all(NOON + 10 * MINUTE)
    assert set(office.healed()) == {"0", "2"}
    assert [(one.number, one.reason) for one in unread_of(office)] == [("1", "order_too_large")]
    assert office.state().problem == ""


@pytest.mark.parametrize(("quick", "healed", "problem"), [(13, 60, ""), (2, 0, "too slow")])
def test_a_slow_page_is_requested_in_halves_down_to_a_few_orders(
    office: Office, monkeypatch: pytest.MonkeyPatch, quick: int, healed: int, problem: str
) -> None:
    have_many(office, 60)
    fetch, sizes = saleor_api.fetch_orders, []

    def slow(*asked: Any) -> saleor_api.OrderNodes:
        sizes.append(asked[-1])
        if asked[-1] > quick:
            raise PageTooLarge("too slow", "shop_too_slow")
        return fetch(*asked)

    monkeypatch.setattr(saleor_api, "fetch_orders", slow)
    office.poll_all(NOON + 10 * MINUTE)
    assert len(office.healed()) == healed
    assert office.state().problem == problem
    assert min(sizes) >= 6, "an unavailable shop causes few waits"


def test_an_error_of_the_whole_query_skips_no_order(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the shop rejects the whole query, no order is at fault."""
    have_many(office, 3)
    answer = office.shop.answer

    def misunderstand(path: str, authorization: str, body: bytes = b"{}") -> tuple[int, Any]:
        if b"...Sale" in body:
            return 400, {"errors": [{"message": "Cannot query field 'x' on type 'Order'."}]}
        return answer(path, authorization, body)

    monkeypatch.setattr(office.shop, "answer", misunderstand)
    office.poll_all(NOON + 10 * MINUTE)
    assert "Cannot query field" in office.state().problem
    assert unread_of(office) == []
    monkeypatch.undo()
    office.poll_all(NOON + 20 * MINUTE)
    assert len(office.healed()) == 3


def deactivate(office: Office, saleor: StandInSaleor, reported: bool) -> None:
    saleor.app_active = False
    if reported:
        with office.database.write() as connection:
            shops.keep_app_status(connection, office.shop_id, False, NOON)


def remove_permission(office: Office, saleor: StandInSaleor, reported: bool) -> None:
    saleor.permissions = ()


def delete(office: Office, saleor: StandInSaleor, reported: bool) -> None:
    saleor.token = "of a new installation"


@pytest.mark.parametrize(
    ("happens", "reported", "problem"),
    [
        (deactivate, True, "app_inactive"),
        (deactivate, False, "token_refused"),
        (remove_permission, False, "permission_removed"),
        (delete, False, "token_refused"),
    ],
)
def test_the_reason_for_a_refused_poll_is_shown_and_orders_are_found_once_fixed(
    office: Office, happens: Any, reported: bool, problem: str
) -> None:
    have_many(office, 3)
    happens(office, office.shop, reported)
    office.poll_all(NOON + 10 * MINUTE)
    assert (office.state().problem, office.refusals()) == (problem, {problem: 1})
    office.shop.app_active, office.shop.permissions, office.shop.token = True, ("MANAGE_ORDERS",), "token"
    office.poll_all(NOON + 20 * MINUTE)
    assert (office.state().problem, len(office.healed())) == ("", 3)
    assert office.state().shop.state == "connected", "without a report that it is active again"


@pytest.mark.parametrize("how", ["paused", "removed"])
def test_a_paused_or_removed_shop_is_not_polled(office: Office, how: str) -> None:
    office.have("1001")
    with office.database.write() as connection:
        if how == "paused":
            shops.change_shop(connection, office.shop_id, name=None, paused=True, at=NOON)
        else:
            shops.remove_shop(connection, office.shop_id, NOON)
    assert not office.poll(NOON + HOUR)
    assert calls(office) == 0
    if how == "paused":
        with office.database.write() as connection:
            shops.change_shop(connection, office.shop_id, name=None, paused=False, at=NOON)
        office.poll_all(NOON + 2 * HOUR)
        assert office.healed() == {"1001": True}


def test_a_day_with_missing_orders_is_counted_again_until_none_is_missing(office: Office) -> None:
    ids = have_many(office, 3)
    office.shop.broken = {ids[0]}
    office.poll_all(NOON + 10 * MINUTE)
    office.shop.broken = set()
    office.poll_all(NOON + timedelta(days=30))
    with office.database.read() as connection:
        assert polls.days_with_missing(connection, office.shop_id, NOON.date(), 9) == []
        row = connection.execute(sa.select(schema.shop_days).order_by(schema.shop_days.c.day)).first()
    assert row is not None
    assert (row.day, row.orders, row.known) == (f"{NOON.date()}", 3, 3)
