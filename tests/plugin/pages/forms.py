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
        told = dict(attrs)
        if tag == "form":
            self._here = told["action"] == self.action
            if self._here:
                self.method = told["method"] or ""
        elif not self._here:
            return
        elif tag == "input" and told.get("type") != "checkbox":
            self.fields[told["name"] or ""] = told.get("value") or ""
        elif tag == "select":
            self._select = told["name"] or ""
        elif tag == "option" and (self._select not in self.fields or "selected" in told):
            self.fields[self._select] = told["value"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._here = self._here and tag != "form"
