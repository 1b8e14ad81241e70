"""Help: questions and glossary, the same in the product and in the docs, reached from every page."""

from pathlib import Path

import pytest

from salepixel_plugin.languages import LANGUAGES
from salepixel_plugin.pages.chapters import TERMS_ON
from salepixel_plugin.pages.questions import QUESTIONS, TERMS
from tests.plugin.conftest import SHOES, Office

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


@pytest.mark.parametrize("path", ["/", "/accounts/7/policy", "/accounts/7/models", "/nothing"])
def test_every_page_links_the_help(office: Office, path: str) -> None:
    assert 'href="/help"' in office.page(path, SHOES).text
