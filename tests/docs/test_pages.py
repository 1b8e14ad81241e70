"""The pages agree with the code, and with each other."""

import re
from pathlib import Path

import pytest

from salepixel.attribution import Reason
from salepixel.clicks import Signal
from salepixel.verdicts import judge
from salepixel_plugin.api.mailers import TAGS
from tests.make import NOON, click_at

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_of_the_docs_is_in_the_index() -> None:
    index = "".join((ROOT / "docs" / name).read_text() for name in ("README.md", "adr/README.md"))
    missing = [p for p in ROOT.glob("docs/**/*.md") if p.name != "README.md" and p.name not in index]
    assert missing == []


def test_every_reason_is_explained() -> None:
    text = (ROOT / "docs/reference/reasons.md").read_text()
    everything = Signal.HEAD | Signal.PREFETCH | Signal.UNRENDERED | Signal.NO_AGENT | Signal.KNOWN_AGENT
    (judged,) = judge([(click_at(NOON), everything)])
    names = [*Reason, *judged.reasons, "burst_of_links"]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_mailer_is_listed() -> None:
    text = (ROOT / "docs/how-to/put-links-in-your-mail.md").read_text().replace("\\|", "|")
    assert [mailer for mailer in TAGS if f"`{mailer}`" not in text] == []
    assert [tag for tag in TAGS.values() if tag and f"`{tag}`" not in text] == []


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:`|^| )make ([a-z-]+)", page.read_text())}
    assert {name for name in named if name in ("demo", "run", "test", "check", "bench", "lock")} <= targets
    assert {"demo", "test", "run", "check", "bench", "test-browser", "format", "lock"} <= targets
