"""The docs in the product: everybody may read them."""

from flask import Response, send_file, url_for

from salepixel_plugin.access import Refusal
from salepixel_plugin.documents import PICTURES, find_file, read_document
from salepixel_plugin.pages.blueprint import blueprint, page
from salepixel_plugin.pages.chapters import FRONT, language_of

_DAY = 86_400


@blueprint.get("/docs/", defaults={"document": FRONT})
@blueprint.get("/docs/<path:document>")
def show_document(document: str) -> Response:
    """A page of the docs, or a picture in one."""
    path = find_file(document)
    if path and path.suffix in PICTURES:
        return send_file(path, mimetype=PICTURES[path.suffix], max_age=_DAY)
    # Kept in memory by name: only names of files, or anybody could fill the memory with names.
    found = read_document(document, url_for("pages.show_document")) if path else None
    if found is None:
        raise Refusal(404, "no_document", "")
    return page("document.html", found=found, written_in=language_of(document))
