"""The page that compares the models."""

from datetime import timedelta

import pytest

from salepixel.accounts.store import change_account
from salepixel.report import journeys
from tests.plugin.conftest import HATS, PLACED, SHOES, Office
from tests.plugin.pages.test_pages import XSS, _check


def text_of(office: Office, path: str = "/accounts/7/models", key: str = SHOES) -> str:
    answer = office.page(path, key)
    assert answer.status_code == 200, answer.text
    _check(answer.text)
    return answer.text


def test_the_campaigns_page_links_to_it(office: Office) -> None:
    office.campaign()
    assert "/accounts/7/models" in _check(office.page("/accounts/7/campaigns").text).links


def test_it_shows_each_model_and_why_two_have_no_result(office: Office) -> None:
    office.order(click=office.click(office.campaign(), "ana"))
    shown = text_of(office)
    for title in ("Last click", "First click", "Linear", "Position-based 40/20/40", "Time decay"):
        assert f">{title}</th>" in shown
    assert ">Markov</th>" not in shown
    assert "this period has 1 of the 300 orders that are needed" in shown
    assert "€39.80" in shown
    assert "not what caused it" in shown


def test_with_enough_orders_it_shows_shares_with_intervals(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journeys, "MIN_ORDERS", 1)
    office.order(click=office.click(office.campaign(), "ana"))
    shown = text_of(office)
    assert ">Markov</th>" in shown
    assert "100% (" in shown
    assert "Not enough data" not in shown


def test_it_is_translated_and_says_when_there_is_nothing(office: Office) -> None:
    shown = text_of(office, "/accounts/8/models?lang=es", HATS)
    assert "Comparación de modelos" in shown
    assert "Sin pedidos atribuidos" in shown


def test_it_can_be_limited_to_some_days(office: Office) -> None:
    office.order(click=office.click(office.campaign(), "ana"))
    day = PLACED.date().isoformat()
    eve, month = ((PLACED.date() - timedelta(days=days)).isoformat() for days in (1, 31))
    assert "No attributed orders" in text_of(office, f"/accounts/7/models?from={month}&to={eve}")
    for last in (day, ""):
        assert "€39.80" in text_of(office, f"/accounts/7/models?from={day}&to={last}"), "the last day counts"


def test_it_says_which_clicks_were_deleted(office: Office) -> None:
    """Of a later period, all clicks are stored."""
    office.order(click=office.click(office.campaign(), "ana"))
    day = PLACED.replace(hour=0, minute=0, second=0, microsecond=0)
    for ended, is_said in ((day, True), (day - timedelta(days=99), False)):
        with office.database.write() as connection:
            change_account(connection, 7, {"clicks_ended_before": ended})
        path = f"/accounts/7/models?from={day:%Y-%m-%d}"
        assert ("were deleted because of this account" in text_of(office, path)) is is_said
        answer = office.get(f"{path}T00:00:00Z", SHOES)
        assert answer["clicks_ended_before"] == (f"{day:%Y-%m-%dT%H:%M:%SZ}" if is_said else None)


@pytest.mark.parametrize("reported", ["from=nonsense", "from=2026-11-23&to=2026-11-22", "to=9999-99-99"])
def test_an_invalid_period_is_explained(office: Office, reported: str) -> None:
    answer = office.page(f"/accounts/7/models?{reported}")
    assert answer.status_code == 422
    _check(answer.text)
    assert "Enter dates such as 2026-11-23" in answer.text


def test_names_cannot_inject_html(office: Office) -> None:
    for number, name in enumerate(XSS[:4]):
        campaign = office.campaign(name=name)
        office.order(id=f"o-{number}", number=str(number), click=office.click(campaign, "ana"))
    assert "<script>" not in text_of(office)


def test_another_account_cannot_open_it(office: Office) -> None:
    assert office.page("/accounts/7/models", HATS).status_code == 404
    assert office.browser.get("/accounts/7/models").status_code == 303
