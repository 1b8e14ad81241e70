"""The models side by side, as programs read them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from salepixel.report import journeys
from tests.plugin.conftest import HATS, PLACED, SHOES, Office

DAY = timedelta(days=1)


@pytest.fixture
def two_campaigns(office: Office) -> tuple[str, str]:
    """Ana clicked autumn, then winter, and bought for 39.80; Ben clicked winter and did not buy."""
    autumn, winter = office.campaign(name="Autumn"), office.campaign(name="Winter")
    office.click(autumn, "ana", PLACED - 7 * DAY + timedelta(hours=1, minutes=5))
    office.click(winter, "ben")
    office.order(click=office.click(winter, "ana", PLACED + timedelta(hours=1)))
    return autumn["id"], winter["id"]


def credited_by(answer: Any, model: str) -> dict[str, tuple[str, list[str]]]:
    return {
        campaign["campaign"]: (credit["orders"], [money["net"] for money in credit["money"]])
        for campaign in answer["campaigns"]
        for credit in campaign["credits"]
        if credit["model"] == model
    }


def test_each_model_credits_by_its_own_rule(office: Office, two_campaigns: tuple[str, str]) -> None:
    answer = office.get("/accounts/7/models", key=SHOES)
    autumn, winter = two_campaigns
    assert answer["orders"] == 1
    assert answer["totals"] == [{"currency": "EUR", "net": "39.80"}]
    assert credited_by(answer, "last") == {autumn: ("0.000000", ["0.00"]), winter: ("1.000000", ["39.80"])}
    assert credited_by(answer, "first") == {autumn: ("1.000000", ["39.80"]), winter: ("0.000000", ["0.00"])}
    half = {autumn: ("0.500000", ["19.90"]), winter: ("0.500000", ["19.90"])}
    assert credited_by(answer, "linear") == credited_by(answer, "position") == half
    by_decay = credited_by(answer, "decay")
    # A click of almost a half-life before the order beside one at the order: one third, two thirds.
    assert by_decay[autumn][1] == ["13.27"]
    assert by_decay[winter][1] == ["26.53"]
    assert {c["campaign"]: c["name"] for c in answer["campaigns"]} == {autumn: "Autumn", winter: "Winter"}


def test_each_campaign_has_its_own_window(office: Office, two_campaigns: tuple[str, str]) -> None:
    autumn, winter = two_campaigns
    assert office.get("/accounts/7/models")["campaign_windows"] == {}
    office.post("/accounts/7/policies", {"campaign_windows": {autumn: 1}})
    answer = office.get("/accounts/7/models")
    assert (answer["window_days"], answer["campaign_windows"]) == (7, {autumn: 1})
    assert credited_by(answer, "linear")[winter] == ("1.000000", ["39.80"])
    office.post("/accounts/7/policies", {"window_days": 1, "campaign_windows": {autumn: 7}})
    answer = office.get("/accounts/7/models")
    assert credited_by(answer, "linear")[autumn] == ("0.500000", ["19.90"])


def test_too_few_orders_are_reported_and_not_credited(office: Office, two_campaigns: tuple[str, str]) -> None:
    answer = office.get("/accounts/7/models")
    assert answer["not_enough"] == {
        "reason": "too_few_orders",
        "have": 1,
        "limit": 300,
        "message": "Shapley and Markov need 300 credited orders; the period has 1. Choose another period.",
    }
    assert credited_by(answer, "shapley") == credited_by(answer, "markov") == {}


def test_with_enough_orders_shapley_and_markov_have_intervals(
    office: Office, two_campaigns: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journeys, "MIN_ORDERS", 1)
    answer = office.get("/accounts/7/models")
    assert answer["not_enough"] is None
    for model in ("shapley", "markov"):
        nets = [Decimal(net) for _, [net] in credited_by(answer, model).values()]
        assert sum(nets) == Decimal("39.80")
        for campaign in answer["campaigns"]:
            share = next(c["share"] for c in campaign["credits"] if c["model"] == model)
            assert 0 <= share["low"] <= share["share"] <= share["high"] <= 1
    assert credited_by(answer, "shapley")[two_campaigns[0]] == ("0.500000", ["19.90"])


def test_the_period_applies_to_the_orders(office: Office, two_campaigns: tuple[str, str]) -> None:
    def orders(**period: str) -> int:
        answer = office.call("GET", "/accounts/7/models", query_string=period)
        assert answer.status_code == 200, answer.text
        assert answer.json
        return int(answer.json["orders"])

    placed = PLACED.isoformat()
    assert orders(**{"from": placed}) == 1
    assert orders(**{"from": (PLACED - DAY).isoformat(), "to": placed}) == 0


def test_refunds_are_not_credited(office: Office) -> None:
    campaign = office.campaign()
    office.order(click=office.click(campaign, "ana"), refunded="9.80")
    assert office.get("/accounts/7/models")["totals"] == [{"currency": "EUR", "net": "30.00"}]


def test_the_sums_match_the_campaign_reports(office: Office, two_campaigns: tuple[str, str]) -> None:
    reports = [office.get(f"/campaigns/{campaign}/sales")["totals"] for campaign in two_campaigns]
    net = sum(Decimal(total["net"]) for totals in reports for total in totals)
    assert Decimal(office.get("/accounts/7/models")["totals"][0]["net"]) == net


@pytest.mark.parametrize(
    "period",
    [
        {"from": "yesterday"},
        {"from": "2026-11-23"},
        {"from": "2026-11-23T10:00:00"},
        {"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
        {"from": "2024-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
        {"to": "0001-01-01T00:00:00Z"},
        {"until": "2026-11-01T00:00:00Z"},
    ],
)
def test_an_invalid_period_is_refused(office: Office, period: dict[str, str]) -> None:
    answer = office.call("GET", "/accounts/7/models", query_string=period)
    assert answer.status_code == 422
    assert answer.json
    assert answer.json["reason"] == "invalid"


def test_another_accounts_models_are_not_shown(office: Office, two_campaigns: tuple[str, str]) -> None:
    assert office.call("GET", "/accounts/7/models", key=HATS).status_code == 404
    assert office.call("GET", "/accounts/99/models").status_code == 404
    assert office.get("/accounts/8/models")["campaigns"] == []
