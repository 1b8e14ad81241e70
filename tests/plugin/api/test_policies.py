"""A policy has a version; a change is previewed before it is applied, and closed months stay."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.plugin.conftest import HATS, PLACED, SHOES, Office

POLICY = "/accounts/7/policies"
LAST_MONTH = f"{(PLACED.replace(day=1) - timedelta(days=1)):%Y-%m}"


def bought_by_ana(office: Office) -> tuple[Any, str]:
    """Ana clicked in two campaigns and bought; gives these campaigns and the order's address."""
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "ana", "email": "ana@example.com"}]})
    old, new = office.campaign(name="Old"), office.campaign(name="New")
    office.click(old, "ana", PLACED - timedelta(days=4))
    office.click(new, "ana")
    shop, order = office.order(email="ana@example.com")
    return (old, new), f"/orders/{shop}/{order}/decision"


def test_an_account_starts_with_the_first_policy(office: Office) -> None:
    answer = office.get(POLICY, SHOES)
    assert answer["closed_before"] is None
    (first,) = answer["policies"]
    del first["applied_at"]
    assert first == {
        "version": 1,
        "window_days": 7,
        "model": "last",
        "alias_match": False,
        "campaign_windows": {},
    }


def test_a_preview_lists_the_affected_orders_and_changes_nothing(office: Office) -> None:
    (old, new), decision = bought_by_ana(office)
    before = office.get(decision)
    preview = office.post(f"{POLICY}/preview", {"model": "linear"}, SHOES)
    (move,) = preview["moves"]
    assert (move["order"], move["currency"], move["reason"]) == ("1042", "EUR", "email_match")
    assert move["before"] == [{"campaign": new["id"], "amount": "39.80"}]
    halves = {old["id"]: "19.90", new["id"]: "19.90"}
    assert {part["campaign"]: part["amount"] for part in move["after"]} == halves
    assert move["differs"] == ["campaign", "click", "amount"]
    sums = {part["campaign"]: part["amount"] for part in preview["sums"]}
    assert sums == {old["id"]: "19.90", new["id"]: "-19.90"}
    assert preview["next"] is None
    assert office.get(decision) == before
    assert len(office.get(POLICY)["policies"]) == 1


@pytest.mark.parametrize(
    ("clicked", "reported", "change", "differs"),
    [
        ([4, 0], {}, {"model": "first"}, ["click"]),
        ([4, 2, 0], {}, {"model": "position"}, ["click", "amount"]),
        (
            [9],
            {"email": "a.n.a@gmail.com"},
            {"alias_match": True},
            ["campaign", "contact", "click", "amount"],
        ),
        ([0], {}, {"window_days": 1}, []),
        ([4, 0], {"lines": [{"item": "Gift", "quantity": 1, "amount": 0}]}, {"model": "first"}, ["click"]),
    ],
    ids=["another click", "shared", "somebody instead of nobody", "nothing", "for nothing"],
)
def test_a_preview_shows_every_change_of_credit(
    office: Office, clicked: list[int], reported: dict[str, Any], change: dict[str, Any], differs: list[str]
) -> None:
    office.call("PATCH", "/accounts/7", {"window_days": 30})
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "ana", "email": "ana@gmail.com"}]})
    campaign = office.campaign()
    for days in clicked:
        office.click(campaign, "ana", PLACED - timedelta(days=days))
    shop, order = office.order(**({"email": "ana@gmail.com"} | reported))
    before = office.get(f"/orders/{shop}/{order}/decision")
    moves = office.post(f"{POLICY}/preview", change, SHOES)["moves"]
    assert [move["differs"] for move in moves] == ([differs] if differs else [])
    office.post(POLICY, change, SHOES)
    office.reconcile(shop, order)
    after = office.get(f"/orders/{shop}/{order}/decision")
    credited = [
        [(one["click"], one["share"]) for one in decision["candidates"] if one["share"]]
        for decision in (before, after)
    ]
    assert (credited[0] != credited[1]) is bool(differs)


def test_a_preview_omits_changes_that_the_current_policy_makes_too(office: Office) -> None:
    (_, new), _ = bought_by_ana(office)
    office.click(
        new, "ana", PLACED + timedelta(minutes=30)
    )  # it comes in late; the order waits for the worker
    assert office.post(f"{POLICY}/preview", {"window_days": 30}, SHOES)["moves"] == []
    (move,) = office.post(f"{POLICY}/preview", {"model": "first"}, SHOES)["moves"]
    assert move["before"] == [{"campaign": new["id"], "amount": "39.80"}]
    assert move["differs"] == ["campaign", "click", "amount"]


def test_an_applied_policy_gets_a_version_that_decisions_name(office: Office) -> None:
    (old, new), decision = bought_by_ana(office)
    applied = office.post(POLICY, {"model": "linear", "campaign_windows": {old["id"]: 30}}, SHOES)
    assert (applied["version"], applied["model"]) == (2, "linear")
    assert applied["campaign_windows"] == {old["id"]: 30}
    again = office.post(POLICY, {"model": "linear"}, SHOES)
    assert again["version"] == 2, "a change of nothing is none"
    shop, order = decision.split("/")[2:4]
    office.reconcile(shop, order)
    reported = office.get(decision)
    assert (reported["policy"], reported["model"]) == (2, "linear")
    assert sorted(candidate["share"] for candidate in reported["candidates"]) == [0.5, 0.5]
    for campaign in (old, new):
        (row,) = office.get(f"/campaigns/{campaign['id']}/sales")["rows"]
        assert (row["amount"], row["quantity"], row["share"]) == ("19.90", 1, 0.5)


@pytest.mark.parametrize("query", ["limit=0", "limit=abc", "limit=2&cursor=rubbish"])
def test_a_preview_of_a_missing_page_is_refused(office: Office, query: str) -> None:
    assert office.call("POST", f"{POLICY}/preview?{query}", {"model": "first"}, SHOES).status_code == 422


def test_a_preview_page_continues_after_the_previous_one(office: Office) -> None:
    bought_by_ana(office)
    for number in range(4):
        office.order(id=f"p-{number}", number=f"{number}", email="ana@example.com")
    seen, path = [], f"{POLICY}/preview?limit=2"
    while path:
        page = office.post(path, {"model": "first"}, SHOES)
        seen += [move["order"] for move in page["moves"]]
        path = page["next"] and f"{POLICY}/preview?limit=2&cursor={page['next']}"
    assert sorted(seen) == ["0", "1", "1042", "2", "3"]


def test_a_closed_month_does_not_change(office: Office) -> None:
    assert office.post("/accounts/7/closings", {"month": LAST_MONTH}, SHOES) == {
        "closed_before": f"{PLACED:%Y-%m}-01T00:00:00Z"
    }
    old = (PLACED.replace(day=1) - timedelta(days=3)).isoformat()
    campaign = office.campaign()
    token = office.click(campaign, "ana", PLACED.replace(day=1) - timedelta(days=3))
    shop, order = office.order(placed_at=old, click=token)
    decision = office.get(f"/orders/{shop}/{order}/decision")
    assert (decision["outcome"], decision["reason"]) == ("unattributed", "month_closed")
    assert office.get(f"/campaigns/{campaign['id']}/sales")["rows"] == []
    earlier = f"{(PLACED.replace(day=1) - timedelta(days=40)):%Y-%m}"
    again = office.post("/accounts/7/closings", {"month": earlier}, SHOES)
    assert again["closed_before"] == f"{PLACED:%Y-%m}-01T00:00:00Z", "it cannot be opened again"


def test_a_refund_after_closing_is_shown_beside_the_closed_row_and_in_its_own_month(
    office: Office,
) -> None:
    first_day = PLACED.replace(day=1)
    sold_at = first_day - timedelta(days=3)
    campaign = office.campaign()
    reported: dict[str, Any] = {
        "placed_at": sold_at.isoformat(),
        "click": office.click(campaign, "ana", sold_at),
    }
    office.order(**reported)
    office.post("/accounts/7/closings", {"month": LAST_MONTH}, SHOES)
    sales = f"/campaigns/{campaign['id']}/sales"
    last_month = f"{sales}?to={(first_day - timedelta(days=1)).date()}"
    closed = office.get(last_month)
    assert "after the month of the order" not in office.page(f"/campaigns/{campaign['id']}").text
    office.order(**reported, updated_at=PLACED.isoformat(), refunded="9.80")

    report = office.get(last_month)
    (row,) = report["rows"]
    assert (row["refunded"], row["refunded_at"], row["refunded_later"]) == ("0.00", None, "9.80")
    row["refunded_later"] = "0.00"
    assert report == closed
    this_month = office.get(f"{sales}?from={first_day.date()}")
    assert (this_month["rows"], this_month["totals"]) == ([], [])
    (total,) = this_month["totals_by_refund_date"]
    assert (total["gross"], total["refunded"], total["net"]) == ("0.00", "9.80", "-9.80")
    assert "€9.80 after the month was closed" in office.page(f"/campaigns/{campaign['id']}/sales").text
    overview = office.page(f"/campaigns/{campaign['id']}").text
    assert "Refunded after the month of the order was closed: €9.80." in overview
    assert f'href="/campaigns/{campaign["id"]}/sales"' in overview


def test_a_month_can_be_closed_only_when_it_is_over_and_decided(office: Office) -> None:
    this_month = f"{datetime.now(UTC):%Y-%m}"
    assert office.call("POST", "/accounts/7/closings", {"month": this_month}, SHOES).status_code == 422
    old = (PLACED.replace(day=1) - timedelta(days=3)).isoformat()
    order = {
        "id": "w",
        "currency": "EUR",
        "placed_at": old,
        "lines": [{"item": "x", "quantity": 1, "amount": 1}],
    }
    office.post("/sales", {"empId": 7, "orders": [order]})
    answer = office.call("POST", "/accounts/7/closings", {"month": LAST_MONTH}, SHOES)
    assert answer.status_code == 409
    assert "still being processed: 1." in answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"model": "best"},
        {"window_days": 0},
        {"window_days": 366},
        {"alias_match": "maybe"},
        {"campaign_windows": {"000000000000": 7}},
        {"campaign_windows": []},
        {"version": 3},
    ],
)
def test_an_invalid_policy_is_refused(office: Office, change: dict[str, Any]) -> None:
    for path in (POLICY, f"{POLICY}/preview"):
        answer = office.call("POST", path, change, SHOES)
        assert answer.status_code == 422, answer.text


def test_a_policy_belongs_to_its_account(office: Office) -> None:
    assert office.call("GET", POLICY, key=HATS).status_code == 404
    for path in (POLICY, f"{POLICY}/preview"):
        assert office.call("POST", path, {"model": "first"}, HATS).status_code == 404
    assert office.call("POST", "/accounts/7/closings", {"month": LAST_MONTH}, HATS).status_code == 404


def test_the_currency_of_closed_months_does_not_change(office: Office) -> None:
    office.order(placed_at="2025-06-02T12:00:00Z")
    office.post("/accounts/7/closings", {"month": "2025-06"}, SHOES)
    answer = office.call("PATCH", "/accounts/7", {"currency": "USD"}, SHOES)
    assert (answer.status_code, (answer.json or {})["reason"]) == (409, "months_closed")
