"""A page of the docs and its translation have the same parts, and the words of the product."""

import re
from collections import Counter
from pathlib import Path

import pytest

from salepixel_plugin.languages import LANGUAGES
from salepixel_plugin.pages.chapters import TRANSLATED

DOCS = Path(__file__).parents[2] / "docs"
SISTERS = sorted((document, code, translated) for (code, document), translated in TRANSLATED.items())

CODE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
"""A block of code, also of a list."""

PARTS = {
    "headings": re.compile(r"^#+ ", re.MULTILINE),
    "pictures": re.compile(r"!\["),
    "rows of tables": re.compile(r"^\|", re.MULTILINE),
    "items of lists": re.compile(r"^ *(?:\*|\d\.) ", re.MULTILINE),
}

LABEL = re.compile(r"\*\*([^*]+)\*\*|(?<![*\w])\*([^*\s][^*]*)\*(?![*\w])|^\| ([^|]+) \|", re.MULTILINE)
"""What stands in bold or italics, or first in a row: here a page names a button, a page or a figure."""


def read(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def commands(text: str) -> list[list[str]]:
    """The blocks of code, line by line, without their comments."""
    return [[line.partition(" # ")[0].strip() for line in one.splitlines()] for one in CODE.findall(text)]


def labels(text: str) -> Counter[str]:
    names = (" ".join("".join(found).split()) for found in LABEL.findall(CODE.sub("", text)))
    return Counter(name for name in names if name)


@pytest.mark.parametrize(("document", "code", "translated"), SISTERS)
def test_a_translation_has_the_parts_of_its_page(document: str, code: str, translated: str) -> None:
    first, second = read(document), read(translated)
    for part, pattern in PARTS.items():
        assert len(pattern.findall(CODE.sub("", second))) == len(pattern.findall(CODE.sub("", first))), part
    assert commands(second) == commands(first)
    assert f"]({Path(translated).name})" in first.splitlines()[2]
    assert f"]({Path(document).name})" in second.splitlines()[2]


@pytest.mark.parametrize(("document", "code", "translated"), SISTERS)
def test_a_translation_names_buttons_and_pages_as_the_product_does(
    document: str, code: str, translated: str
) -> None:
    known = LANGUAGES[code].translations.gettext
    wanted = Counter[str]()
    for label, count in labels(read(document)).items():
        if (text := known(label)) != label:
            wanted[text] += count
    assert wanted, "a page without a single label of the product"
    assert wanted - labels(read(translated)) == Counter()
