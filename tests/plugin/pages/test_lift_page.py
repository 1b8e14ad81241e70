"""The tab that shows the lift of a campaign, or why it is unknown."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest

from salepixel.campaigns.holdout import Arm, lift
from salepixel.campaigns.recipients import assign_recipients
from salepixel_plugin.languages import LANGUAGES
from tests.plugin.api.test_recipients import NOW, SENT, assigned, buys, made, set_sent_at
from tests.plugin.conftest import HATS, SHOES, Office
from tests.plugin.pages.test_pages import XSS, _check


def shown(office: Office, campaign: str, lang: str = "en") -> str:
    """The words of the tab."""
    answer = office.page(f"/campaigns/{campaign}/lift?lang={lang}", SHOES)
    assert answer.status_code == 200, answer.text
    _check(answer.text)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


def small(office: Office, buyers: int) -> str:
    """A campaign with one mailed and one held-out contact; this many of them bought."""
    campaign = made(office)
    contacts = [{"ref": ref, "email": f"{ref}@example.com"} for ref in ("l", "r")]
    office.post("/contacts", {"empId": 7, "contacts": contacts})
    with office.database.write() as connection:
        assign_recipients(connection, campaign, {"l": 9999, "r": 0})
    set_sent_at(office, campaign, SENT)
    for ref in ("l", "r")[:buyers]:
        buys(office, ref)
    return campaign


@pytest.mark.parametrize(("percent", "there"), [(0, False), (10, True)])
def test_only_campaigns_with_a_holdout_have_the_tab(office: Office, percent: int, there: bool) -> None:
    campaign = made(office, percent)
    for tab in ("", "/links", "/sales", "/contacts"):
        links = _check(office.page(f"/campaigns/{campaign}{tab}", SHOES).text).links
        assert (f"/campaigns/{campaign}/lift" in links) is there


def test_it_shows_both_groups_the_lift_its_interval_and_the_extra_sales(office: Office) -> None:
    campaign = made(office)
    mail, out = assigned(office, campaign)
    for ref in mail[:60]:
        buys(office, ref)
    buys(office, mail[0], 2, currency="USD")
    for ref in out[:3]:
        buys(office, ref)
    reported = office.get(f"/campaigns/{campaign}/lift", SHOES)
    text = shown(office, campaign)
    assert reported["explanation"] in text
    rate = f"{round(100 * 60 / len(mail), 2):g}%"
    assert f"E-mail group {len(mail)} 60 {rate} 61 €600.00 $10.00" in text
    assert f"Control group {len(out)} 3 {round(300 / len(out), 2):g}% 3 €30.00" in text
    found = lift(Arm(len(mail), 60), Arm(len(out), 3))
    assert found
    points, low, high = map(LANGUAGES["en"].points, (found.difference, found.low, found.high))
    assert f"{points} percentage points 95% confidence interval: {low} to {high}" in text
    extra = [round(reported[name]) for name in ("extra_buyers", "extra_low", "extra_high")]
    assert f"because of the e-mail {extra[0]} 95% confidence interval: {extra[1]} to {extra[2]}" in text
    assert "Trust the low end" in text
    assert "needed" not in text
    spanish = shown(office, campaign, "es")
    assert "El e-mail generó ventas: compró el" in spanish
    assert f"Compradores adicionales gracias al e-mail {extra[0]} intervalo de confianza del 95 %" in spanish


def test_a_small_shop_reads_how_many_recipients_are_needed_and_no_lift(office: Office) -> None:
    campaign = made(office)
    mail, out = assigned(office, campaign)
    for ref in (*mail[:3], *out[:1]):
        buys(office, ref)
    needed = office.get(f"/campaigns/{campaign}/lift")["needed"]
    text = shown(office, campaign)
    assert "Not enough data: " in text
    assert f"People needed to detect such a difference {needed:,} in total" in text
    assert "this test has 400" in text
    assert "caused" not in text
    assert "Datos insuficientes" in shown(office, campaign, "es")


def test_a_negative_lift_is_shown(office: Office) -> None:
    campaign = made(office)
    mail, out = assigned(office, campaign)
    for ref in (*mail[:3], *out[:60]):
        buys(office, ref)
    text = shown(office, campaign)
    assert "Fewer people bought with the e-mail than without it" in text
    assert re.search(r"two conversion rates -\d+\.?\d* percentage points", text)


@pytest.mark.parametrize(
    ("buyers", "english", "spanish"),
    [(0, "Nobody in either group bought", "No compró nadie"), (2, "No difference", "Sin diferencia")],
)
def test_without_a_difference_no_number_of_recipients_is_shown(
    office: Office, buyers: int, english: str, spanish: str
) -> None:
    campaign = small(office, buyers)
    text = shown(office, campaign)
    assert english in text
    assert "needed" not in text
    assert spanish in shown(office, campaign, "es")


@pytest.mark.parametrize(
    ("percent", "sent", "assign", "english", "spanish"),
    [
        (0, SENT, False, "This campaign has no control group", "no tiene grupo de control"),
        (50, None, True, "The sending time of this campaign is unknown", "No se conoce la hora"),
        (50, SENT, False, "One of the two groups is still empty", "Uno de los dos grupos aún está vacío"),
        (50, NOW - timedelta(days=3), True, "Still running: orders until", "Aún en curso: cuentan"),
    ],
)
def test_an_unknown_lift_is_explained_and_not_shown(
    office: Office, percent: int, sent: datetime | None, assign: bool, english: str, spanish: str
) -> None:
    campaign = made(office, percent)
    if assign:
        assigned(office, campaign, sent)
    elif sent:
        set_sent_at(office, campaign, sent)
    text = shown(office, campaign)
    assert english in text
    assert "points" not in text
    assert spanish in shown(office, campaign, "es")


def test_contacts_without_an_address_and_held_out_clickers_are_counted(office: Office) -> None:
    campaign = made(office)
    office.post(f"/campaigns/{campaign}/recipients", {"contacts": [f"x{n}" for n in range(40)]})
    _, out = assigned(office, campaign)
    office.click(office.get(f"/campaigns/{campaign}"), out[0], SENT + timedelta(days=1))
    reported = office.get(f"/campaigns/{campaign}/lift")
    text = shown(office, campaign)
    for group in ("mailed", "held_out"):
        assert f"without an e-mail address: {reported[group]['without_address']}" in text
    assert "People without an e-mail address are not counted" in text
    assert "People in the control group who clicked: 1." in text


def test_another_account_cannot_open_it(office: Office) -> None:
    campaign = made(office)
    assert office.page(f"/campaigns/{campaign}/lift", HATS).status_code == 404
    assert office.browser.get(f"/campaigns/{campaign}/lift").status_code == 303


@pytest.mark.parametrize("text", XSS)
def test_any_name_is_shown_as_text(office: Office, text: str) -> None:
    readable = "".join(c if c.isprintable() else " " for c in text).strip()
    links = [{"url": "https://shop.test/p/1", "sale_pixel": True}]
    wanted = {"empId": 7, "name": readable, "holdout_percent": 50, "links": links}
    html = office.page(f"/campaigns/{office.post('/campaigns', wanted)['id']}/lift", SHOES).text
    _check(html)
    assert readable in unescape(html)
