"""An account's page of attribution settings: shown, changes previewed and applied, months closed."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from salepixel_plugin.pages import policies
from tests.plugin.api.test_policies import LAST_MONTH, bought_by_ana
from tests.plugin.conftest import HATS, PLACED, SHOES, Office
from tests.plugin.pages.forms import Form
from tests.plugin.pages.test_pages import XSS, _check

PAGE = "/accounts/7/policy"
PREVIEW = f"{PAGE}/preview"
CLOSINGS = "/accounts/7/closings"


def shown(office: Office, path: str = PAGE, status: int = 200, **rest: Any) -> str:
    """A page, whole and harmless."""
    answer = office.page(path, SHOES, **rest)
    assert answer.status_code == status, answer.text
    _check(answer.text)
    return answer.text


def words(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))


def previewed(office: Office, **changes: str) -> str:
    """The preview that the page's form leads to, with some of its fields changed."""
    form = Form(shown(office), PREVIEW)
    assert form.method == "get"
    return shown(office, PREVIEW, query_string=form.fields | changes)


def put_in_force(office: Office, preview: str) -> Any:
    form = Form(preview, PAGE)
    assert form.method == "post"
    return office.page(PAGE, SHOES, method="POST", data=form.fields)


def in_force(office: Office) -> Any:
    return office.get("/accounts/7/policies")["policies"][0]


def test_campaigns_models_and_decisions_link_to_it(office: Office) -> None:
    shop, order = office.order(click=office.click(office.campaign(), "ana"))
    for path in ("/", "/accounts/7/models", f"/orders/{shop}/{order}"):
        assert PAGE in _check(office.page(path, SHOES).text).links, path


def test_it_shows_the_current_and_the_earlier_versions(office: Office) -> None:
    campaign = office.campaign()["id"]
    office.post("/accounts/7/policies", {"model": "linear", "campaign_windows": {campaign: 1}})
    rows = [words(row) for row in re.findall(r"<tr>(.*?)</tr>", shown(office), re.DOTALL)]
    assert re.search(r"^ 2 Current .* 7 days Autumn: 1 day Linear No $", rows[1]), rows[1]
    assert re.search(r"^ 1 .* 7 days – Last click No $", rows[2]), rows[2]
    assert "No month is closed yet." in shown(office)
    spanish = words(shown(office, f"{PAGE}?lang=es"))
    assert "Todas las versiones" in spanish
    assert "Autumn: 1 día Lineal No" in spanish


def test_a_change_is_previewed_with_its_revenue_and_orders(office: Office) -> None:
    (old, new), _ = bought_by_ana(office)
    preview = previewed(office, model="linear")
    text = words(preview)
    assert "Model Last click Linear" in text
    assert "7 days" not in text, "what stays is not listed"
    assert "Orders in this preview 1 all orders in open months" in text
    assert "Orders affected 1" in text
    assert "Old €0.00 €19.90 +€19.90" in text
    assert "New €39.80 €19.90 -€19.90" in text
    assert "Total EUR €39.80 €39.80 €0.00" in text
    assert re.search(r"1042 .* New €39.80 (\w+ €19.90 ){2}E-mail address of a contact", text)
    order = next(link for link in _check(preview).links if link.startswith("/orders/"))
    assert office.page(order, SHOES).status_code == 200
    for campaign in (old, new):
        assert f"/campaigns/{campaign['id']}" in _check(preview).links
    assert in_force(office)["version"] == 1, "nothing changed"
    spanish = words(shown(office, f"{PREVIEW}?model=linear&lang=es"))
    assert "Pedidos en esta vista previa 1 todos los pedidos de los meses abiertos" in spanish
    assert "Old 0,00 € 19,90 € +19,90 €" in spanish


def test_the_button_applies_exactly_the_previewed_change(office: Office) -> None:
    campaign = office.campaign()["id"]
    change = {"window_days": " 30 ", "model": "decay", "alias_match": "on"}
    preview = previewed(office, **change, campaign=campaign, campaign_days="2")
    answer = put_in_force(office, preview)
    assert (answer.status_code, answer.location) == (303, PAGE)
    applied = in_force(office)
    del applied["applied_at"]
    assert applied == {
        "version": 2,
        "window_days": 30,
        "model": "decay",
        "alias_match": True,
        "campaign_windows": {campaign: 2},
    }


def test_a_campaigns_own_window_can_be_set_and_removed(office: Office) -> None:
    autumn, winter = office.campaign()["id"], office.campaign(name="Winter")["id"]
    put_in_force(office, previewed(office, campaign=autumn, campaign_days="2"))
    put_in_force(office, previewed(office, campaign=winter, campaign_days="30"))
    assert in_force(office)["campaign_windows"] == {autumn: 2, winter: 30}
    preview = previewed(office, **{f"campaign_windows.{autumn}": ""})
    change = re.search(r"Campaign windows (.*?) Orders in this preview", words(preview))
    assert change
    assert (change[1].count("Autumn: 2 days"), change[1].count("Winter: 30 days")) == (1, 2)
    put_in_force(office, preview)
    assert in_force(office)["campaign_windows"] == {winter: 30}
    put_in_force(office, previewed(office, **{f"campaign_windows.{winter}": ""}))
    assert in_force(office)["campaign_windows"] == {}


def test_settings_missing_from_the_query_stay(office: Office) -> None:
    office.post("/accounts/7/policies", {"campaign_windows": {office.campaign()["id"]: 3}})
    put_in_force(office, shown(office, f"{PREVIEW}?model=first"))
    applied = in_force(office)
    assert (applied["model"], list(applied["campaign_windows"].values())) == ("first", [3])


def test_an_empty_change_has_no_button(office: Office) -> None:
    preview = previewed(office)
    assert "These are already the current settings." in preview
    assert "<button>Apply" not in preview


def test_a_policy_changed_meanwhile_is_reported_and_previewed_again(office: Office) -> None:
    bought_by_ana(office)
    preview = previewed(office, model="linear")
    office.post("/accounts/7/policies", {"window_days": 14}, SHOES)
    answer = put_in_force(office, preview)
    assert answer.status_code == 303
    assert in_force(office)["version"] == 2, "nothing was applied"
    anew = shown(office, answer.location)
    assert "Your changes were not applied, because the settings have changed since. Version 2 was" in anew
    assert "Attribution window 14 days 7 days Model Last click Linear" in words(anew)
    assert "+€19.90" in anew
    assert "Sus cambios no se han aplicado" in shown(office, f"{answer.location}&lang=es")
    assert put_in_force(office, anew).location == PAGE
    applied = in_force(office)
    assert (applied["version"], applied["window_days"], applied["model"]) == (3, 7, "linear")


@pytest.mark.parametrize("seen", [None, "", "0", "2", "-1", "x", "٣", "1" * 5000])
def test_only_previewed_changes_can_be_applied(office: Office, seen: str | None) -> None:
    sent = {"model": "linear"} | ({} if seen is None else {"policy": seen})
    answer = office.page(PAGE, SHOES, method="POST", data=sent)
    assert answer.status_code == 303
    assert answer.location.startswith(PREVIEW)
    assert in_force(office)["version"] == 1


def test_going_back_keeps_the_input_of_the_form(office: Office) -> None:
    campaign = office.campaign()["id"]
    written = {"window_days": "3", "model": "first", "campaign": campaign, "campaign_days": "5"}
    preview = previewed(office, **written)
    back = next(link for link in _check(preview).links if link.startswith(f"{PAGE}?"))
    assert back.endswith("#change")
    assert written.items() <= Form(shown(office, back), PREVIEW).fields.items()


def test_a_long_preview_is_paged(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    bought_by_ana(office)
    for number in range(6):
        placed = (PLACED - timedelta(minutes=number)).isoformat()
        office.order(id=f"p-{number}", number=f"n{number}", email="ana@example.com", placed_at=placed)
    monkeypatch.setattr(policies, "EXAMINED", 5)
    monkeypatch.setattr(policies, "SHOWN", 2)
    html = previewed(office, model="first")
    assert "Orders in this preview 5 the newest orders, back to" in words(html)
    assert "Orders affected 5" in words(html)
    assert "Old €0.00 €199.00" in words(html), "the sums cover the whole preview"
    seen = re.findall(r'href="/orders/[^"]+">(\w+)<', html)
    older = re.search(r'href="([^"]+)">Preview older orders', html)
    while following := re.search(r'rel="next" href="([^"]+)"', html):
        html = shown(office, unescape(following[1]))
        seen += re.findall(r'href="/orders/[^"]+">(\w+)<', html)
    assert len(seen) == 5
    assert older
    html = shown(office, unescape(older[1]))
    assert "Orders in this preview 2 the oldest orders in open months" in words(html)
    seen += re.findall(r'href="/orders/[^"]+">(\w+)<', html)
    assert sorted(seen) == ["1042", "n0", "n1", "n2", "n3", "n4", "n5"]
    assert "Preview the newest orders" in html
    assert put_in_force(office, html).location == PAGE


@pytest.mark.parametrize("query", ["cursor=x", "cursor=é", "skip=x", "skip=-1", f"skip={'9' * 5000}"])
def test_a_missing_page_of_a_preview_is_refused(office: Office, query: str) -> None:
    shown(office, f"{PREVIEW}?model=first&{query}", 422)


def test_no_other_account_can_see_or_change_a_policy(office: Office) -> None:
    office.campaign(name="Secret shoes")
    for path in (PAGE, PREVIEW, f"{PREVIEW}?model=first", f"{PREVIEW}?model=wrong", f"{PAGE}?window_days=1"):
        answer = office.page(path, HATS)
        assert answer.status_code == 404, path
        assert "ecret" not in answer.text
    for path, sent in (
        (PAGE, {"model": "first", "policy": "1"}),
        (PAGE, {"model": "wrong", "policy": "1"}),
        (CLOSINGS, {"month": LAST_MONTH, "sure": "on"}),
        (CLOSINGS, {"month": LAST_MONTH}),
        (CLOSINGS, {"month": "wrong", "sure": "on"}),
    ):
        answer = office.page(path, HATS, method="POST", data=sent)
        assert answer.status_code == 404, sent
        assert "ecret" not in answer.text
    for emp_id in (9, 0, 2**64):
        assert office.page(f"/accounts/{emp_id}/policy").status_code == 404
    assert office.browser.get(PAGE).status_code == 303
    assert in_force(office)["version"] == 1
    assert office.get("/accounts/7/policies")["closed_before"] is None


def test_another_site_cannot_send_its_forms(office: Office) -> None:
    browser = office.browser
    browser.post("/login", data={"key": SHOES})
    sent = {"model": "first", "policy": "1"}
    closing = {"month": LAST_MONTH, "sure": "on"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}):
        assert browser.post(PAGE, data=sent, headers=headers).status_code == 403
        assert browser.post(CLOSINGS, data=closing, headers=headers).status_code == 403
    assert in_force(office)["version"] == 1
    assert office.get("/accounts/7/policies")["closed_before"] is None
    assert browser.post(PAGE, data=sent, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
    assert in_force(office)["model"] == "first"


@pytest.mark.parametrize("text", XSS)
def test_any_name_is_shown_as_text(office: Office, text: str) -> None:
    readable = "".join(c if c.isprintable() else " " for c in text).strip()
    campaign = office.campaign(name=readable)
    token = office.click(campaign, "ana", PLACED - timedelta(days=2))
    # A template's marks are refused in an order's id and number, and in nothing else.
    number = readable.replace("{{", "{ {").replace("}}", "} }")
    office.order(id=f"{number}/x", number=number, click=token)
    office.post("/accounts/7/policies", {"campaign_windows": {campaign["id"]: 1}})
    office.reconcile(office.get("/shops")["shops"][0]["id"], f"{number}/x")
    sent = {"campaign_windows." + text: text, "campaign": text, "campaign_days": text, "window_days": text}
    for lang in ("en", "es"):
        assert readable in unescape(shown(office, PAGE, query_string={"lang": lang}))
        wider = {"lang": lang, f"campaign_windows.{campaign['id']}": "5"}
        preview = shown(office, PREVIEW, query_string=wider)
        assert unescape(preview).count(readable) >= 3, "the change, the sums, and what the order gets"
        assert number in unescape(preview)
        shown(office, PREVIEW, 422, query_string={"lang": lang} | sent)
        shown(office, CLOSINGS, 422, method="POST", data={"month": text, "sure": "on"})
