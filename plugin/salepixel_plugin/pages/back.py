"""The way back: a page that is reached from many places gets the address of the place in `?back=`."""

from typing import NamedTuple
from urllib.parse import urlsplit

from flask import current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from salepixel_plugin.languages import N_

_NAMES = {
    "pages.list_orders": N_("Orders"),
    "pages.list_sales": N_("Sales"),
    "pages.show_contact": N_("Contact"),
    "pages.show_live": N_("Live"),
    "pages.preview_policy": N_("Preview"),
    "pages.preview_link": N_("Preview"),
    "pages.list_failed": N_("Orders that could not be processed"),
}
"""The pages that lead to an order, with their names."""


class Back(NamedTuple):
    """A place to go back to: its address on this server, and its name, which is not translated yet."""

    href: str
    name: str


def back() -> Back | None:
    """Where the reader came from, if the address says so; None for anything but a page in _NAMES."""
    href = request.args.get("back", "")
    if not href.startswith("/") or href.startswith("//") or not href.isprintable() or len(href) > 2000:
        return None
    try:
        endpoint, _ = current_app.url_map.bind("localhost").match(urlsplit(href).path)
    except (HTTPException, RequestRedirect, ValueError):
        return None
    return Back(href, _NAMES[endpoint]) if endpoint in _NAMES else None
