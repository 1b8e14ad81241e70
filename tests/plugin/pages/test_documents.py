"""The docs in the product: each page links its chapter, and everybody may read them."""

import re

import pytest

from salepixel_plugin.documents import FOLDER, read_document
from salepixel_plugin.languages import LANGUAGES
from salepixel_plugin.pages.chapters import CHAPTERS, FRONT, TRANSLATED, chapter_of
from tests.browser.views import EMPTY, VIEWS
from tests.plugin.conftest import SHOES, Office

NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("**/*.md"))


def test_every_page_has_a_chapter_of_the_docs() -> None:
    views = {**VIEWS, **EMPTY}
    assert CHAPTERS.keys() == {view.endpoint for view in views.values()} | {"show_export"}


@pytest.mark.parametrize("chapter", sorted({*CHAPTERS.values(), *TRANSLATED.values()}))
def test_every_chapter_is_there_with_its_heading(office: Office, chapter: str) -> None:
    name, _, heading = chapter.partition("#")
    page = office.browser.get(f"/docs/{name}", follow_redirects=True)
    assert page.status_code == 200
    assert not heading or f'id="{heading}"' in page.text


@pytest.mark.parametrize("code", ["en", "es"])
def test_a_page_links_its_chapter(office: Office, code: str) -> None:
    chapter = {"en": "find-an-order.md#live", "es": "buscar-un-pedido.md#en-directo"}[code]
    page = office.page(f"/accounts/7/live?lang={code}", SHOES).text
    assert page.count(f'href="/docs/how-to/{chapter}"') == 2
    assert f'<article class="document" lang="{code}">' in office.browser.get(f"/docs/how-to/{chapter}").text


@pytest.mark.parametrize("endpoint", CHAPTERS)
def test_a_heading_of_a_chapter_is_found_in_its_translation(endpoint: str) -> None:
    for code in LANGUAGES:
        document, heading, _ = chapter_of(f"pages.{endpoint}", code)
        found = read_document(document, "/docs/")
        assert found is not None
        assert not heading or heading in found.anchors
    assert chapter_of("pages.show_keys", "es") == ("how-to/personas.md", "claves-de-api", "es")


@pytest.mark.parametrize("name", NAMES)
def test_links_and_pictures_of_the_docs_lead_to_what_is_there(office: Office, name: str) -> None:
    found = read_document(name, "/docs/")
    assert found is not None
    assert found.title
    for address in re.findall(r'(?:href|src)="(/[^"#]+)', found.body):
        answer = office.browser.get(address, follow_redirects=True)
        answer.close()
        assert answer.status_code == 200, address


def test_the_index_is_at_the_root_of_the_docs(office: Office) -> None:
    assert read_document(FRONT, "/docs/") is not None
    assert office.browser.get("/docs/").status_code == 200


OUTSIDE = [
    "../README.md",
    "..%2fREADME.md",
    "how-to/../../pyproject.toml",
    "none.md",
    "how-to",
    "x.py",
    "%00.md",
    "x" * 300 + ".md",
    "x/" * 3000 + "x.md",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_else_is_served(office: Office, name: str) -> None:
    assert office.browser.get(f"/docs/{name}").status_code == 404


def test_names_that_are_no_files_are_not_kept(office: Office) -> None:
    """Everybody may ask for them, also for a million long ones."""
    kept = read_document.cache_info().currsize
    for number in range(3):
        assert office.browser.get(f"/docs/none-{number}.md").status_code == 404
    assert read_document.cache_info().currsize == kept
