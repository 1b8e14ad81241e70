"""The page about the app that a shop's staff open before they install it: needs no key."""

from flask import Response

from salepixel_plugin.pages.blueprint import blueprint, page


@blueprint.get("/about")
def show_about() -> Response:
    """What the app does, which data it handles, and who gives support."""
    return page("about.html")
