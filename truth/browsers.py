"""How browsers treat cookies and link parameters, as far as it affects attribution.

The table is in docs/explanation/attribution.md. `confirmed_by`: the engine that confirmed it in
tests/browser; a related one if the browser itself cannot run there (Safari, Brave).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser with its settings. `share` of the audience is our guess, and only weighs the totals.

    `cross_site_cookie`: the pixel on the shop's page sends a click cookie of another registrable domain.
    `same_site_cookie`: it sends a click cookie of a sub-domain of the shop. `keeps_parameter`: the click
    token in the link's parameter reaches the landing page. `runs_tag`: the storefront tag and the pixel on
    the shop's sub-domain are not blocked.
    """

    name: str
    cross_site_cookie: bool
    same_site_cookie: bool
    keeps_parameter: bool
    runs_tag: bool
    share: float
    confirmed_by: str = ""


BROWSERS = (
    Browser("chrome", True, True, True, True, 0.34, "Chromium"),
    Browser("chrome_no_third_party", False, True, True, True, 0.12, "Chromium"),
    Browser("safari", False, True, True, True, 0.30, "WebKitGTK"),
    Browser("safari_private", False, True, True, True, 0.04, "WebKitGTK"),
    Browser("firefox", False, True, True, True, 0.08, "Firefox ESR"),
    Browser("firefox_strict", False, True, True, True, 0.03, "Firefox ESR"),
    Browser("brave", False, True, True, True, 0.04, "Chromium"),
    Browser("list_blocker", False, False, True, False, 0.05, "WebKitGTK"),
)
