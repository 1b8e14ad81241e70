"""The menu: from each page of an account to every other one, and to the same page of another account."""

import re
from pathlib import Path

import pytest

from salepixel_plugin.pages import menu
from salepixel_plugin.pages.menu import MENU, places_at
from tests.plugin.conftest import ALL, SHOES, Office

SECTIONS = {
    "Overview": ["/accounts/7"],
    "Campaigns": ["/accounts/7/campaigns", "/accounts/7/flows", "/accounts/7/models"],
    "Orders": ["/accounts/7/orders"],
    "Contacts": ["/accounts/7/contacts", "/accounts/7/lists"],
    "Items": ["/accounts/7/items"],
    "Live": ["/accounts/7/live", "/accounts/7/trial"],
    "Settings": [
        "/accounts/7/policy",
        "/accounts/7/shops",
        "/accounts/7/links",
        "/accounts/7/email",
        "/accounts/7/members",
        "/accounts/7/coverage",
        "/accounts/7/alerts",
        "/accounts/7/reports",
        "/accounts/7/people",
        "/accounts/7/keys",
        "/accounts/7/audit",
        "/accounts/7/first-steps",
    ],
}
MENU_OF_7 = [paths[0] for paths in SECTIONS.values()]
PAGES = [(section, path) for section, paths in SECTIONS.items() for path in paths]
TABS = ["", "/links", "/sales", "/contacts", "/recipients", "/lift", "/manage"]

NO_MENU = {
    *("begin_company", "end_company"),
    *("login", "show_about", "new_account", "show_people_again", "show_code", "show_invitation"),
    *(
        "show_owners",
        "show_me",
        "show_second_factor",
        "show_frame",
        "show_end",
        "show_help",
        "show_document",
        "show_whole_audit",
        "begin_company",
        "end_company",
    ),
}
"""Pages of all accounts, of none, of a person, and one that redirects."""

FILES = {
    "download_audit",
    "download_whole_audit",
    *(
        "download_errors",
        "download_mail",
        "download_original",
        "download_recipients",
        "show_marked_mail",
        "start",
        "try_browser",
        "static",
    ),
    "switch_account",
}


def _nav(page: str, name: str) -> str:
    found = re.search(rf'<nav class="{name}".*?</nav>', page, re.DOTALL)
    return found.group() if found else ""


def _links(page: str, name: str) -> list[str]:
    return re.findall(r'href="([^"]+)"', _nav(page, name))


def _current(page: str, name: str) -> list[tuple[str, str]]:
    return re.findall(r'href="([^"]+)" aria-current="(\w+)"', _nav(page, name))


@pytest.mark.parametrize(("section", "path"), PAGES)
def test_each_page_leads_to_all_pages_of_the_account(office: Office, section: str, path: str) -> None:
    page = office.page(path, SHOES).text
    assert _links(page, "menu") == MENU_OF_7
    if len(SECTIONS[section]) > 1:
        assert _links(page, "places") == SECTIONS[section]
        assert _current(page, "places") == [(path, "page")]
    first = SECTIONS[section][0]
    assert _current(page, "menu") == [(first, "page" if path == first else "true")]


@pytest.mark.parametrize("path", ["/", "/accounts/7/mails", "/platforms/brevo", "/orders/failed", "/outbox"])
def test_other_pages_lead_to_the_sections_of_the_only_account(office: Office, path: str) -> None:
    assert _links(office.page(path, SHOES).text, "menu") == MENU_OF_7


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_of_a_campaign_leads_to_the_pages_of_its_account(office: Office, tab: str) -> None:
    campaign = office.campaign()
    page = office.page(f"/campaigns/{campaign['id']}{tab}", ALL).text
    assert _links(page, "menu") == MENU_OF_7
    assert _current(page, "menu") == [("/accounts/7/campaigns", "true")]


def test_the_order_and_the_flow_lead_to_the_pages_of_their_account(office: Office) -> None:
    shop, order = office.order(click=office.click(office.campaign(), "c1"))
    assert _links(office.page(f"/orders/{shop}/{order}", ALL).text, "menu") == MENU_OF_7
    made = office.page("/accounts/7/flows", SHOES, method="POST", data={"name": "Welcome"})
    assert _links(office.page(made.headers["Location"], SHOES).text, "menu") == MENU_OF_7


ABOVE = {"/orders/failed": "/accounts/7/coverage", "/outbox": "/accounts/7/coverage"} | {
    "/accounts/7/contacts/c1": "/accounts/7/contacts",
    "/platforms/brevo": "/accounts/7/campaigns",
    "/accounts/7/mails": "/accounts/7/campaigns",
}


@pytest.mark.parametrize(("path", "above"), ABOVE.items())
def test_the_page_above_is_one_of_the_menu(office: Office, path: str, above: str) -> None:
    office.order(click=office.click(office.campaign(), "c1"))
    assert _links(office.page(path, SHOES).text, "menu") == MENU_OF_7
    found = re.search(r'<p class="path"><a href="([^"]+)"', office.page(path, SHOES).text)
    assert found is not None
    assert found[1] == above


def test_only_pages_of_all_accounts_lead_up_to_the_campaigns_of_all_accounts() -> None:
    """Before the menu, every page was below that list."""
    folder = Path(menu.__file__).parent / "templates/pages"
    found = {
        file.stem
        for file in folder.glob("*.html")
        for path in re.findall(r'<p class="path">.*?</p>', file.read_text(), re.DOTALL)
        if "pages.list_campaigns'" in path
    }
    assert found == {"account_new", "failed", "outbox", "platform"}


def test_every_page_has_its_place_in_the_menu(office: Office) -> None:
    named = [
        rule.endpoint.removeprefix("pages.")
        for rule in office.app.url_map.iter_rules()
        if rule.endpoint.startswith("pages.") and "GET" in (rule.methods or ())
    ]
    assert {name for name in named if not places_at(f"pages.{name}")[1]} == NO_MENU | FILES
    places = [name for each in MENU.values() for place in each for name in (place.endpoint, *place.inside)]
    assert len(places) == len(set(places))
    assert {f"pages.{name}" for name in places} <= set(office.app.view_functions)


def test_the_list_of_all_accounts_leads_to_each(office: Office) -> None:
    page = office.page("/", ALL).text
    assert _links(page, "menu") == []
    for emp_id in (7, 8):
        assert f'href="/accounts/{emp_id}/campaigns"' in page


@pytest.mark.parametrize("path", ["/login", "/accounts/8/alerts", "/nothing"])
def test_a_page_of_no_account_has_no_menu(office: Office, path: str) -> None:
    assert _links(office.page(path, SHOES).text, "menu") == []


def _choice(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<option value="(\d+)"([ a-z]*)>', _nav(page, "menu"))


def test_the_switch_offers_the_accounts_that_the_principal_may_see(office: Office) -> None:
    page = office.page("/accounts/7/alerts", ALL).text
    assert ("7", " selected") in _choice(page)
    assert ("8", "") in _choice(page)
    assert _choice(office.page("/accounts/7/alerts", SHOES).text) == []


SWITCHES = [
    ("?to=8&page=pages.show_alerts", "/accounts/8/alerts"),
    ("?to=8&page=pages.overview", "/accounts/8"),
    ("?to=8&page=https://elsewhere.test", "/accounts/8"),
    ("?to=8", "/accounts/8"),
    ("?to=&page=pages.show_alerts", "/"),
    ("?to=99999999999", "/"),
    ("", "/"),
]


@pytest.mark.parametrize(("query", "there"), SWITCHES)
def test_the_switch_leads_to_the_same_page_of_another_account(office: Office, query: str, there: str) -> None:
    assert office.page(f"/switch{query}", ALL).headers["Location"] == there


def test_the_list_of_an_account_has_its_campaigns_alone(office: Office) -> None:
    campaign = office.campaign()
    there = f'href="/campaigns/{campaign["id"]}"'
    assert there in office.page("/accounts/7/campaigns", ALL).text
    assert there not in office.page("/accounts/8/campaigns", ALL).text
    assert office.page("/accounts/8/campaigns", SHOES).status_code == 404


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_of_a_campaign_names_its_platform(office: Office, tab: str) -> None:
    links = [{"url": "https://shop.test/p/1", "label": "Hero"}]
    sent = {"empId": 7, "name": "Autumn", "links": links, "mailer": "mailchimp"}
    campaign = office.post("/campaigns", sent)
    assert (
        'href="/platforms/mailchimp?account=7">Mailchimp</a>'
        in office.page(f"/campaigns/{campaign['id']}{tab}").text
    )


def test_the_form_for_an_account_proposes_a_free_number(office: Office) -> None:
    assert 'name="emp_id" inputmode="numeric" required maxlength="10" autocomplete="off" value="9"' in (
        office.page("/accounts/new", ALL).text
    )


def test_the_menu_of_a_reader_has_no_page_that_is_refused(office: Office) -> None:
    assert "People" in {entry.text for entry in places_at("pages.show_alerts")[1]}
    assert "People" not in {
        entry.text for entry in places_at("pages.show_alerts", lambda name: name != "show_members")[1]
    }
