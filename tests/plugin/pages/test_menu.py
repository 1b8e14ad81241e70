"""The menu: from each page of an account to every other one."""

import re

import pytest

from tests.plugin.conftest import ALL, SHOES, Office

PAGES = [
    "/accounts/7/flows",
    "/accounts/7/contacts",
    "/accounts/7/lists",
    "/accounts/7/models",
    "/accounts/7/coverage",
    "/accounts/7/alerts",
    "/accounts/7/policy",
    "/accounts/7/links",
    "/accounts/7/people",
    "/accounts/7/first-steps",
]


def _menu(page: str) -> list[str]:
    found = re.search(r'<nav class="menu".*?</nav>', page, re.DOTALL)
    return re.findall(r'href="([^"]+)"', found.group()) if found else []


@pytest.mark.parametrize(
    "path", [*PAGES, "/", "/accounts/7/mails", "/platforms/brevo", "/orders/failed", "/outbox"]
)
def test_each_page_leads_to_all_pages_of_the_account(office: Office, path: str) -> None:
    assert _menu(office.page(path, SHOES).text) == ["/", *PAGES]


@pytest.mark.parametrize("tab", ["", "/links", "/sales", "/contacts", "/recipients", "/lift", "/manage"])
def test_each_tab_of_a_campaign_leads_to_the_pages_of_its_account(office: Office, tab: str) -> None:
    campaign = office.campaign()
    assert _menu(office.page(f"/campaigns/{campaign['id']}{tab}", ALL).text) == ["/", *PAGES]


def test_the_order_and_the_flow_lead_to_the_pages_of_their_account(office: Office) -> None:
    shop, order = office.order(click=office.click(office.campaign(), "c1"))
    assert _menu(office.page(f"/orders/{shop}/{order}", ALL).text) == ["/", *PAGES]
    made = office.page("/accounts/7/flows", SHOES, method="POST", data={"name": "Welcome"})
    assert _menu(office.page(made.headers["Location"], SHOES).text) == ["/", *PAGES]


def test_a_menu_marks_the_page_that_it_is_on(office: Office) -> None:
    page = office.page("/accounts/7/alerts", SHOES).text
    assert '<a href="/accounts/7/alerts" aria-current="page">' in page


def test_the_list_of_all_accounts_leads_to_the_pages_of_each(office: Office) -> None:
    page = office.page("/", ALL).text
    assert _menu(page) == []
    for path in PAGES:
        assert f'href="{path}"' in page
        assert f'href="{path.replace("/7/", "/8/")}"' in page


@pytest.mark.parametrize("path", ["/login", "/accounts/8/alerts", "/nothing"])
def test_a_page_of_no_account_has_no_menu(office: Office, path: str) -> None:
    assert _menu(office.page(path, SHOES).text) == []


@pytest.mark.parametrize("tab", ["", "/links", "/sales", "/contacts", "/recipients", "/lift", "/manage"])
def test_each_tab_of_a_campaign_names_its_platform(office: Office, tab: str) -> None:
    links = [{"url": "https://shop.test/p/1", "label": "Hero"}]
    sent = {"empId": 7, "name": "Autumn", "links": links, "mailer": "mailchimp"}
    campaign = office.post("/campaigns", sent)
    assert (
        'href="/platforms/mailchimp">Mailchimp</a>' in office.page(f"/campaigns/{campaign['id']}{tab}").text
    )


def test_the_form_for_an_account_proposes_a_free_number(office: Office) -> None:
    assert 'name="emp_id" inputmode="numeric" required maxlength="10" autocomplete="off" value="9"' in (
        office.page("/accounts/new", ALL).text
    )
