"""Elements of SVG as text."""

from html import escape

Value = str | int | float


def element(name: str, *children: str, **attributes: Value) -> str:
    """An element. Names of attributes are written with `_` for `-`, and `class_` for `class`."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(value))}"' for key, value in attributes.items()
    )
    inside = "".join(children)
    return f"<{name}{given}>{inside}</{name}>" if inside else f"<{name}{given}/>"


def number(value: Value) -> str:
    """A value of an attribute; numbers have at most two decimals, which is less than a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def percent(share: float) -> str:
    """A share (0 to 1) as a percentage of the width."""
    return f"{number(share * 100)}%"


def text(words: str, x: str, y: float, **attributes: Value) -> str:
    """A line of text. It keeps its size, whatever the size of the chart."""
    return element("text", escape(words), x=x, y=y, **attributes)


def titled(words: str) -> str:
    """What a pointer shows for an element."""
    return element("title", escape(words))


def drawing(name: str, title: str, summary: str, height: int, *children: str) -> str:
    """A whole picture as wide as its place. `name`: unique in its page, for the ids inside it."""
    return element(
        "svg",
        element("title", escape(title), id=f"{name}-title"),
        element("desc", escape(summary), id=f"{name}-desc"),
        *children,
        class_="chart",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        width="100%",
        height=height,
    )
