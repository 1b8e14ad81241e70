"""Texts for people use the words of the industry (docs/adr/0034-plain-names.md)."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.conftest import Office
from tests.plugin.pages.messages import messages_in_sources

ROOT = Path(__file__).parents[2]
GUIDES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/[!a]*/*.md")])

SOURCES = sorted(
    source
    for room in ("salepixel", "edge", "plugin", "worker", "kit", "demo")
    for source in (ROOT / room).rglob("*.py")
)

RIDDLES = re.compile(r"\b(tells?|told|hears?|heard|rings?|rang|of which|of whom|hopeless)\b", re.IGNORECASE)
"""A program logs, reports, sends and enqueues; a clause begins with its subject."""

_ADDRESS = re.compile(r"\b[\w-]+(\.[\w-]+)+/\S*")

JARGON = re.compile(r"\b(machines?|polic(y|ies)|coverage|net sales|by lot|in force)\b", re.IGNORECASE)
"""Names that pages had for bots, attribution settings, tracking health, net revenue and the holdout."""


def test_pages_and_explanations_use_only_words_of_the_industry() -> None:
    texts = messages_in_sources()
    assert len(texts) > 200
    assert [text for text in texts if RIDDLES.search(text) or JARGON.search(text)] == []


def test_api_descriptions_use_only_words_of_the_industry(office: Office) -> None:
    spec = json.dumps(office.browser.get("/api/v1/openapi.json").json)
    described = re.findall(r'"(?:description|summary)": "((?:[^"\\\\]|\\\\.)*)"', spec)
    assert len(described) > 100
    assert [text for text in described if RIDDLES.search(text)] == []


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_guides_use_only_words_of_the_industry(page: Path) -> None:
    lines = [_ADDRESS.sub("", line) for line in page.read_text().splitlines()]
    assert [line for line in lines if RIDDLES.search(line)] == []


def _comments(source: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def test_comments_and_docstrings_have_no_riddles() -> None:
    """Migrations are left out: they stay as they were released."""
    assert len(SOURCES) > 200
    found = {
        f"{source.relative_to(ROOT)}: {comment}"
        for source in SOURCES
        for comment in _comments(source.read_text())
        if RIDDLES.search(comment)
    }
    assert found == set()
