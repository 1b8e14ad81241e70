"""The overview of an account and of a campaign: what happened, at a glance, and as tables."""

import re
from datetime import timedelta

import pytest

from salepixel.report.figures import Name
from salepixel.sums.delays import STEPS
from salepixel_plugin.pages.overview import FIGURES, OF_CAMPAIGNS
from salepixel_plugin.pages.pictures import DELAYS
from tests.plugin.api.test_overview import fill
from tests.plugin.conftest import PLACED, SHOES, Office
from tests.plugin.pages.test_pages import _check

DAY = timedelta(days=1)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_every_figure_and_every_step_has_its_words() -> None:
    assert set(FIGURES) == set(Name)
    assert len(DELAYS) == len(STEPS) + 1


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_pages_are_whole_small_and_without_script(office: Office, lang: str) -> None:
    campaign = fill(office)
    for path in ("/accounts/7", f"/campaigns/{campaign['id']}"):
        answer = office.page(f"{path}?lang={lang}&period=year&compare=year")
        assert answer.status_code == 200
        _check(answer.text)
        assert len(answer.data) < 150_000
        ids = re.findall(r'\sid="([^"]+)"', answer.text)
        assert len(ids) == len(set(ids))


def test_each_currency_has_figures_and_charts_of_its_own(office: Office) -> None:
    fill(office)
    page = text_of(office.page("/accounts/7?period=7d").text)
    assert "Net revenue by day (EUR)" in page
    assert "Net revenue by day (USD)" not in page
    assert "EUR: €69.80" in page
    assert "USD: $39.80" in page
    dollars = text_of(office.page("/accounts/7?period=7d&currency=USD").text)
    assert "Net revenue by day (USD)" in dollars
    assert "109.60" not in page + dollars, "currencies are never added up"
    assert "(EUR)" in text_of(office.page("/accounts/7?period=7d&currency=QQQ").text)


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        ("/accounts/7", "Campaigns sent in this period: 1"),
        ("/campaigns/{}", "The whole campaign, since sending"),
    ],
)
def test_figures_of_days_and_of_whole_campaigns_are_apart(office: Office, path: str, whole: str) -> None:
    campaign = fill(office)
    page = office.page(path.format(campaign["id"]) + "?period=7d").text
    days, campaigns = page.split(f"<h2>{whole}</h2>")
    assert "<h2>Orders and clicks of this period</h2>" in days
    figure = re.compile(r'<li class="card figure (\w+)"')
    assert set(figure.findall(campaigns)) <= OF_CAMPAIGNS
    assert set(figure.findall(days)) & OF_CAMPAIGNS == set()
    assert {"net_revenue", "orders", "human_clicks"} <= set(figure.findall(days))
    assert "clickers" in figure.findall(campaigns)


def test_reasons_stand_by_their_counts(office: Office) -> None:
    campaign = fill(office)
    office.order(id="x-0", number="x-0", email="x0@shop.test")
    for number in range(1, 4):
        about = office.click(campaign, f"c{number}", link=1)  # no sales link; after no_click by its key
        office.order(id=f"x-{number}", number=f"x-{number}", email=f"x{number}@shop.test", click=about)
    page = office.page(f"/campaigns/{campaign['id']}").text
    table = page[page.index("Orders not attributed to an e-mail") :]
    counts = [int(count) for count in re.findall(r'<td class="number">(\d+)</td>', table)]
    assert len(counts) > 1
    assert counts == sorted(counts, reverse=True)
    offered = office.page("/accounts/7/orders").text
    select = offered[offered.index('name="reason"') :].partition("</select>")[0]
    of_filter = [int(count) for count in re.findall(r"\((\d+)\)", select)]
    assert len(of_filter) > 1
    assert of_filter == sorted(of_filter, reverse=True)


def test_a_change_is_said_in_words(office: Office) -> None:
    fill(office)
    today = PLACED.date()
    days = f"from={today - DAY}&to={today}"
    page = text_of(office.page(f"/accounts/7?{days}&compare=before").text)
    assert "100% more than before: 1" in page
    assert "more than before" not in text_of(office.page(f"/accounts/7?{days}&compare=none").text)


def test_each_chart_has_its_values_in_a_table(office: Office) -> None:
    campaign = fill(office)
    html = office.page(f"/campaigns/{campaign['id']}").text
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert len(figures) == 8
    for figure in figures:
        assert figure.count("<table>") == 1
        assert 'role="img"' in figure
    assert re.search(r"E-mails sent</th><td class=\"number\">50<", html)
    assert re.search(r"Clickers</th><td class=\"number\">3 \(6%\)<", html)


def test_an_account_without_clicks_says_so(office: Office) -> None:
    page = text_of(office.page("/accounts/8").text)
    assert "No clicks and no orders in this period" in page
    assert "NaN" not in page


def test_a_campaign_is_compared_with_another_one_on_the_same_days_after_sending(office: Office) -> None:
    campaign = fill(office)["id"]
    other = office.campaign(name="Winter")
    office.order(id="w", number="w", click=office.click(other, "c9"))
    html = office.page(f"/campaigns/{campaign}?with={other['id']}").text
    assert f'<option value="{other["id"]}" selected>Winter</option>' in html
    assert "100% more than before: 1" in text_of(html)
    foreign = office.campaign(emp_id=8)["id"]
    assert office.page(f"/campaigns/{campaign}?with={foreign}", SHOES).status_code == 404
