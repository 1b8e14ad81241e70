"""Every page for people is a view of the docs, with its pictures. The tests in a browser look at each."""

from salepixel_plugin.app import make_routes
from tests.browser.views import NOT_VIEWS, VIEWS


def test_every_page_is_a_view_or_has_a_reason() -> None:
    rules = make_routes().url_map.iter_rules()
    named = {
        rule.endpoint.removeprefix("pages.")
        for rule in rules
        if rule.endpoint.startswith("pages.") and "GET" in (rule.methods or ())
    }
    assert {view.endpoint for view in VIEWS.values()} | NOT_VIEWS.keys() == named
