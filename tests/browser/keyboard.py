"""Somebody with a keyboard in a browser: nothing is clicked."""

from typing import Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Locator, Page

MOST_TABS = 150

_IS_SEEN = """element => {
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return outlined && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
}"""
"""Whether an element with the focus has an outline of 2 px or more, and is in the window."""

_ALL = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"


class Keyboard:
    """The keyboard of somebody who sees the pages in one language and width."""

    def __init__(self, page: Page, language: str = "en", width: int = 1280) -> None:
        self.page, self.language, self.width = page, language, width

    def reach(self, selector: str) -> Locator:
        """Press Tab until the focus is on the first element of this selector, which must then be seen."""
        wanted = self.page.locator(selector).first
        wanted.wait_for()
        for _ in range(MOST_TABS):
            if wanted.evaluate("element => element === document.activeElement"):
                assert wanted.evaluate(_IS_SEEN), f"the focus on {selector} is not seen on {self.page.url}"
                return wanted
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no way by keyboard to {selector} on {self.page.url}")

    def press(self, selector: str) -> None:
        """Press Enter on a link or a button, and wait for the next page."""
        self.reach(selector)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.check()

    def open(self, selector: str) -> None:
        """Open a part of the page with Space on its summary."""
        summary = self.reach(selector)
        self.page.keyboard.press("Space")
        assert summary.evaluate("element => element.parentElement.open")

    def tick(self, selector: str) -> None:
        """Change a box with Space."""
        box = self.reach(selector)
        before = box.is_checked()
        self.page.keyboard.press("Space")
        assert box.is_checked() is not before

    def write(self, selector: str, text: str) -> None:
        """Replace the text of a field, as by pasting."""
        self.reach(selector)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a list with the arrow keys."""
        wanted = self.reach(selector)
        self.page.keyboard.press("Home")
        for _ in range(MOST_TABS):
            if wanted.input_value() == value:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{selector} has no {value}")

    def check(self) -> None:
        """The page is in the language and fits the window."""
        assert self.page.locator("html").get_attribute("lang") == self.language
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), self.page.url

    def walk(self) -> None:
        """Tab leads through all controls of the page that can be seen, one after the other, and out again."""
        self.page.evaluate("document.activeElement.blur()")
        count = self.page.evaluate(
            f"[...document.querySelectorAll(`{_ALL}`)].filter(one => one.checkVisibility() && "
            "one.tabIndex >= 0 && !one.disabled).map((one, number) => one.dataset.stop = number).length"
        )
        seen: set[str] = set()
        for _ in range(count + MOST_TABS):
            self.page.keyboard.press("Tab")
            if len(seen) == count:
                return
            stop, is_seen, tag = self.page.evaluate(
                f"(one => [one.dataset.stop ?? '', ({_IS_SEEN})(one), one.outerHTML])(document.activeElement)"
            )
            if stop:
                seen.add(stop)
                assert is_seen, f"the focus on {tag} is not seen on {self.page.url}"
        missing = [number for number in map(str, range(count)) if number not in seen]
        names = [self.page.locator(f"[data-stop='{one}']").evaluate("e => e.outerHTML") for one in missing]
        raise AssertionError(f"the keyboard does not reach {names} on {self.page.url}")


class Marketer(Keyboard):
    """The same, who looks at each page with axe, light and dark."""

    def check(self) -> None:
        """The page is in the language, fits the window, and has no findings of axe, light and dark."""
        super().check()
        schemes: list[Literal["dark", "light"]] = ["dark", "light"]
        for scheme in schemes:
            self.page.emulate_media(color_scheme=scheme)
            found = Axe().run(self.page)
            assert found.violations_count == 0, f"{self.page.url} {scheme}\n{found.generate_report()}"
