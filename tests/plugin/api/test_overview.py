"""The figures of an account and of a campaign for programs."""

from datetime import timedelta
from typing import Any

import pytest

from salepixel.clicks.tokens import Signal
from tests.plugin.conftest import HATS, PLACED, Office

DAY = timedelta(days=1)


def fill(office: Office) -> Any:
    """Three orders in two currencies, one of them refunded in part; a bot click; 50 e-mails sent."""
    campaign = office.campaign()
    for number, currency in enumerate(("EUR", "USD", "EUR")):
        placed = (PLACED - number * DAY).isoformat()
        token = office.click(campaign, f"c{number}", PLACED - number * DAY)
        bought: dict[str, Any] = {
            "id": f"o{number}",
            "number": f"{number}",
            "currency": currency,
            "placed_at": placed,
        }
        office.order(**bought, click=token, refunded="0" if number else "9.80")
    office.click(campaign, "scanner", signals=Signal.HEAD)
    sent = {"sent_at": (PLACED - 3 * DAY).isoformat(), "sent_count": 50}
    assert office.call("PATCH", f"/campaigns/{campaign['id']}", sent).status_code == 200
    return campaign


def values(found: Any) -> dict[tuple[str, str | None], str]:
    return {(one["name"], one["currency"]): one["value"] for one in found["figures"]}


@pytest.mark.parametrize("what", ["campaign", "account"])
def test_the_figures_are_those_of_the_sales(office: Office, what: str) -> None:
    campaign = fill(office)
    path = f"/campaigns/{campaign['id']}" if what == "campaign" else "/accounts/7"
    found = office.get(f"{path}/overview")
    totals = {one["currency"]: one for one in office.get(f"/campaigns/{campaign['id']}/sales")["totals"]}
    for currency, total in totals.items():
        assert values(found)["net_revenue", currency] == f"{float(total['net']):.4f}"
        assert values(found)["orders", currency] == f"{total['orders']}"
        by_day = [one for one in found["by_day"] if one["currency"] == currency]
        assert sum(one["orders"] for one in by_day) == total["orders"]
        assert sum(float(one["net"]) for one in by_day) == pytest.approx(float(total["net"]))
    assert values(found)["human_clicks", None] == "3"
    assert values(found)["click_rate", None] == "0.0600"
    assert sum(one["bot"] for one in found["clicks_by_day"]) == 1
    assert found["audience"] == {"campaigns": 1, "sent": 50, "clickers": 3, "buyers": 3, "unknown": 0}
    assert sum(one["orders"] for one in found["time_to_purchase"]) == 3
    if what == "campaign":
        assert sum(one["human"] for one in found["hours_after_sending"]) == 2, "within 48 hours"
        assert [one["name"] for one in found["best_links"]] == ["Hero", "Hero"]
        assert {one["currency"] for one in found["best_items"]} == {"EUR", "USD"}
    else:
        assert [one["id"] for one in found["best_campaigns"]] == [campaign["id"]] * 2
        assert values(found)["share_of_orders", None] == "1.0000"


def test_a_period_is_compared_with_the_one_before(office: Office) -> None:
    fill(office)
    today, before = PLACED.date(), PLACED.date() - 2 * DAY
    days = f"from={today - DAY}&to={today}&compare=before"
    found = office.get(f"/accounts/7/overview?{days}")
    assert (found["from"], found["to"]) == (f"{today - DAY}", f"{today}")
    (clicks,) = (one for one in found["figures"] if one["name"] == "human_clicks")
    assert (clicks["value"], clicks["before"], clicks["change"]) == ("2", "1", 1.0)
    assert office.get(f"/accounts/7/overview?from={before}&to={before}")["clicks_by_day"] == [
        {"day": f"{before}", "human": 1, "bot": 0}
    ]


def test_an_account_without_orders_and_clicks_has_no_figures_of_money(office: Office) -> None:
    found = office.get("/accounts/8/overview", HATS)
    assert values(found) == {("orders", None): "0", ("human_clicks", None): "0"}
    assert (found["by_day"], found["clicks_by_day"], found["best_campaigns"]) == ([], [], [])


def test_bad_days_are_refused(office: Office) -> None:
    for query in ("from=2026-11-02&to=2026-11-01", "from=yesterday", "compare=never"):
        assert office.call("GET", f"/accounts/7/overview?{query}").status_code == 422
