"""What axe finds on a page in a reader's colours, and what it does not look at."""

from collections.abc import Mapping
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT as AXE  # type: ignore[import-untyped]
from playwright.sync_api import Page

COLOURS: list[dict[str, Any]] = [
    {"color_scheme": "light", "forced_colors": "none"},
    {"color_scheme": "dark", "forced_colors": "none"},
    {"color_scheme": "light", "forced_colors": "active"},
]
"""The reader's."""

_ALONE = {"resultTypes": ["violations"], "iframes": False, "preload": False}
WHOLE = {**_ALONE, "rules": {"target-size": {"enabled": True}}}
"""All rules of axe, and targets of 24 px, which it checks only if asked."""

OF_COLOURS = {**_ALONE, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""The rules whose result another colour scheme can change."""

_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? []
  : ["the page", ...[...document.querySelectorAll("body *:not(.scroll *)")]
    .filter((one) => one.getBoundingClientRect().right > innerWidth && one.checkVisibility())
    .map((one) => one.outerHTML.slice(0, 120)).slice(-5)]"""
"""Of a page that scrolls sideways: some of what is too wide."""

_UNSEEN = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => numbers(colour).slice(0, 3).map((one) => one / 255)
    .map((one) => one <= .04045 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4)
    .reduce((sum, one, which) => sum + one * [.2126, .7152, .0722][which], 0);
  const ground = (element) => {
    const colour = element ? getComputedStyle(element).backgroundColor : "rgb(255, 255, 255)";
    return numbers(colour)[3] === 0 ? ground(element.parentElement) : colour;
  };
  const contrast = (one, other) => (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()
    && !["checkbox", "radio", "hidden"].includes(one.type));  // the browser draws the edges of boxes
  const start = (element) => element.outerHTML.slice(0, 120);
  const pale = shown("input, select, textarea, button, .button").filter((one) => {
    const style = getComputedStyle(one), around = light(ground(one.parentElement));
    const edge = parseFloat(style.borderTopWidth) ? light(style.borderTopColor) : around;
    const inside = [light(ground(one)), ...(one.matches("button, .button") ? [light(style.color)] : [])];
    return Math.max(...[edge, ...inside].map((its) => contrast(its, around))) < 3;
  });
  const form = (element) => {
    const style = getComputedStyle(element);
    return [style.borderBottomWidth, style.fontWeight, style.textDecorationLine].join();
  };
  const lost = shown("a[aria-current]").filter((one) => {
    const others = [...one.closest("nav, ul, p").querySelectorAll("a:not([aria-current])")];
    return others.some((other) => form(other) === form(one));
  });
  return [...pale.map((one) => `its edge is not seen: ${start(one)}`),
    ...lost.map((one) => `looks as its sisters do: ${start(one)}`)];
}"""
"""What axe does not look at (WCAG 2.2, 1.4.11 and 1.4.1): fields and buttons with less than 3:1 to what is
around them, and current pages that differ from their sisters only by colour."""


def too_wide(page: Page, width: int) -> list[str]:
    """What makes a page scroll sideways in a window of a width."""
    page.set_viewport_size({"width": width, "height": 900})
    return [f"{width} px: too wide: {one}" for one in page.evaluate(_WIDE)]


def findings(page: Page, colours: Mapping[str, Any], of: str = "html") -> list[str]:
    """What axe finds in a part of the page in these colours, and what is not seen."""
    page.emulate_media(media="screen", **colours)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    options = WHOLE if colours is COLOURS[0] else OF_COLOURS
    result = page.evaluate("([of, options]) => axe.run(of, options)", [of, options])
    unseen: list[str] = page.evaluate(_UNSEEN)
    return [
        *unseen,
        *(
            f"{rule['id']}: {node['target']} {node['html'][:200]} {node['failureSummary']}"
            for rule in result["violations"]
            for node in rule["nodes"]
        ),
    ]
