"""Texts for people use the words of the industry (docs/adr/0034-plain-names.md)."""

import json
import re
from pathlib import Path

import pytest

from tests.plugin.conftest import Office
from tests.plugin.pages.messages import messages_in_sources

ROOT = Path(__file__).parents[2]
GUIDES = sorted([ROOT / "README.md", *ROOT.glob("docs/how-to/*.md"), *ROOT.glob("docs/reference/*.md")])

RIDDLES = re.compile(r"\b(tells?|told|hears?|heard|rings?|rang|of which|of whom|hopeless)\b", re.IGNORECASE)
"""A program logs, reports, sends and enqueues; a clause begins with its subject."""

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
    assert [line for line in page.read_text().splitlines() if RIDDLES.search(line)] == []
