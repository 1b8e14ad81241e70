"""Pages compressed with gzip.

A compressed length can reveal a secret in a page that also has a text of an attacker ("BREACH",
breachattack.com). So only report pages are compressed: pages of settings, of signing in and answers to forms
may have secrets, and are small. For the figures of a report, the header of gzip has a random text, as in
Django since 4.2 ("Heal The Breach", ieeexplore.ieee.org/document/9754554). No page has a CSRF token.
"""

import gzip
import secrets
from io import BytesIO

from flask import Response, request

_SECRET = b"/saleor/manifest?"
"""An address with the code that installs the app: first steps have it, also in an empty list of campaigns."""

_LEAST = 1000
"""A shorter answer fits into one packet anyway."""

_LEVEL = 4
"""The table of sales shrinks from 51 to 4.2 kB in 0.4 ms."""

_MOST_RANDOM = 100


def compress(answer: Response) -> None:
    """Compress a page or a style, if its reader takes gzip."""
    answer.vary.add("Accept-Encoding")
    if request.method != "GET" or answer.status_code != 200 or not request.accept_encodings.quality("gzip"):
        return
    answer.direct_passthrough = False
    body = answer.get_data()
    if len(body) < _LEAST or _SECRET in body:
        return
    packed = BytesIO()
    filename = secrets.token_urlsafe(_MOST_RANDOM)[: secrets.randbelow(_MOST_RANDOM)]
    with gzip.GzipFile(filename, "wb", _LEVEL, packed, mtime=0) as file:
        file.write(body)
    answer.set_data(packed.getvalue())
    answer.content_encoding = "gzip"
    answer.headers.pop("ETag", None)  # that of the body before
