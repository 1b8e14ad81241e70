"""What a browser sends for an unchanged form of a page."""

from html.parser import HTMLParser


class Form(HTMLParser):
    """The form of a page that leads to an address: its method, and its fields as they stand."""

    def __init__(self, html: str, action: str) -> None:
        super().__init__()
        self.action, self.method = action, ""
        self.fields: dict[str, str] = {}
        self._here, self._select = False, ""
        self.feed(html)
        assert self.method, f"no form leads to {action}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        reported = dict(attrs)
        if tag == "form":
            self._here = reported["action"] == self.action
            if self._here:
                self.method = reported["method"] or ""
        elif not self._here:
            return
        elif tag == "input" and reported.get("type") != "checkbox":
            self.fields[reported["name"] or ""] = reported.get("value") or ""
        elif tag == "select":
            self._select = reported["name"] or ""
        elif tag == "option" and (self._select not in self.fields or "selected" in reported):
            self.fields[self._select] = reported["value"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._here = self._here and tag != "form"
