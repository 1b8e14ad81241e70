"""The docs as HTML: Markdown of the folder docs/, with the anchors that the docs use in their links."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

FOLDER = Path(__file__).parent / "docs"
"""A link to the folder of the source; in an installed package, a folder."""

LONGEST = 200
"""The most characters of a name. A system raises an error for much longer ones."""

PICTURES = {".png": "image/png", ".webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class Document:
    """A page of the docs. `title`: its first heading. `anchors`: those of its headings, in order."""

    title: str
    body: Markup
    anchors: tuple[str, ...]


def find_file(name: str) -> Path | None:
    """The file of a name in the docs such as "how-to/flows.md"; None if there is none, or it is elsewhere."""
    if len(name) > LONGEST or not re.fullmatch(r"(?:[a-z0-9-]+/)*[A-Za-z0-9-]+\.(?:md|png|webp)", name):
        return None
    path = FOLDER / name
    return path if path.is_file() else None


def anchor_of(heading: str) -> str:
    """The anchor of a heading, as forges make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@cache
def read_document(name: str, root: str) -> Document | None:
    """The page of the docs with this name, or None. `root`: the address of the docs, with a slash."""
    path = find_file(name)
    if path is None or path.suffix != ".md":
        return None
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(path.read_text("utf-8"))
    title, taken, anchors = "", Counter[str](), list[str]()
    for opening, inside in pairwise(tokens):
        if opening.type == "heading_open":
            anchor = anchor_of(inside.content)
            anchors.append(f"{anchor}-{taken[anchor]}" if taken[anchor] else anchor)
            opening.attrSet("id", anchors[-1])
            taken[anchor] += 1
            title = title or inside.content
        for child in opening.children or []:
            _place(child, dirname(name), root)
    html = markdown.renderer.render(tokens, markdown.options, {})
    # Wide tables scroll by themselves, by keyboard too.
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>')
    html = html.replace("</table>", "</table></div>")
    return Document(title, Markup(html), tuple(anchors))  # noqa: S704  # our own files


def _place(token: Token, folder: str, root: str) -> None:
    """Lead a link or a picture to its place below `root`; a link into the source code leads nowhere."""
    if token.type == "image":
        token.attrSet("src", root + normpath(join(folder, str(token.attrs["src"]))))
    if token.type != "link_open":
        return
    there = urlsplit(str(token.attrs["href"]))
    if there.scheme or not there.path:
        return
    name = normpath(join(folder, there.path))
    if find_file(name) is None:
        del token.attrs["href"]
    else:
        token.attrSet("href", root + name + (f"#{there.fragment}" if there.fragment else ""))
