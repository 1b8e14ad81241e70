"""Every page for people is a view of the docs, with its pictures. The tests in a browser look at each."""

from pathlib import Path

from salepixel_plugin.app import make_routes
from tests.browser.views import NOT_VIEWS, VIEWS

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = DOCS / "reference" / "pictures"
MOST_OF_PICTURES = 4_500_000


def test_every_page_is_a_view_or_has_a_reason() -> None:
    rules = make_routes().url_map.iter_rules()
    named = {
        rule.endpoint.removeprefix("pages.")
        for rule in rules
        if rule.endpoint.startswith("pages.") and "GET" in (rule.methods or ())
    }
    assert {view.endpoint for view in VIEWS.values()} | NOT_VIEWS.keys() == named


def test_each_view_has_its_pictures_in_the_docs() -> None:
    sizes = {path.stem: path.stat().st_size for path in PICTURES.glob("*.webp")}
    assert sizes.keys() == {f"{name}{ending}" for name in VIEWS for ending in ("", "-phone", "-print")}
    written = (DOCS / "reference" / "views.md").read_text()
    assert {name for name in sizes if f"(pictures/{name}.webp)" not in written} == set()
    assert sum(sizes.values()) < MOST_OF_PICTURES
