"""Help: questions and glossary, the same in the product and in the docs, reached from every page."""

from pathlib import Path

import pytest

from salepixel_plugin.languages import LANGUAGES
from salepixel_plugin.pages.chapters import TERMS_ON
from salepixel_plugin.pages.menu import find_place
from salepixel_plugin.pages.questions import QUESTIONS, TERMS
from tests.plugin.conftest import ALL, SHOES, Office

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "glossary.md"


def test_the_docs_have_the_same_questions_and_terms() -> None:
    written = " ".join(DOCS.read_text().split())
    for question, answer, _ in QUESTIONS:
        assert f"### {question} {answer}" in written
    for term, meaning in TERMS:
        assert f"| {term} | {meaning} |" in written


def test_each_term_of_a_page_is_in_the_glossary_and_each_of_the_glossary_on_a_page() -> None:
    assert {term for terms in TERMS_ON.values() for term in terms} == {term for term, _ in TERMS}


def test_a_page_links_its_terms(office: Office) -> None:
    assert 'href="/help#attribution-window"' in office.page("/accounts/7/policy", SHOES).text
    assert 'id="attribution-window"' in office.page("/help", SHOES).text


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_page_has_them_in_each_language(office: Office, code: str) -> None:
    text = office.page(f"/help?lang={code}", SHOES).text.replace("&#39;", "'")
    for first, second, *_ in (*QUESTIONS, *TERMS):
        assert LANGUAGES[code].text(first) in text
        assert LANGUAGES[code].text(second) in text


def test_with_several_accounts_help_leads_into_the_one_that_its_reader_came_from(office: Office) -> None:
    assert 'href="/help?account=7"' in office.page("/accounts/7/policy", ALL).text
    assert 'href="/accounts/7/orders"' in office.page("/help?account=7", ALL).text
    for path in ("/help", "/help?account=9", "/help?account=x"):
        assert 'href="/accounts/7/orders"' not in office.page(path, ALL).text
    assert 'href="/accounts/8/orders"' not in office.page("/help?account=8", SHOES).text


def test_the_docs_lead_to_the_view_of_each_answer() -> None:
    for _, _, endpoint in QUESTIONS:
        section, place = find_place(endpoint)
        where = place.text if section == place.text else f"{section} > {place.text}"
        assert f"Where you see it: [{where}](views.md#" in DOCS.read_text()


@pytest.mark.parametrize("path", ["/", "/accounts/7/policy", "/accounts/7/models", "/nothing"])
def test_every_page_links_the_help(office: Office, path: str) -> None:
    assert 'href="/help"' in office.page(path, SHOES).text
