"""A curl for machines that have none, with the options that the tutorial uses.

`make test` must run where there is nothing but Python and make (python:3.11-slim has no curl).
"""

import argparse
import sys
import urllib.error
import urllib.request
from http.client import HTTPMessage
from pathlib import Path
from typing import IO


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Follow no redirect, as curl by default."""


def main() -> None:
    """Make one request and write its body, or what `-w` asks for."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-o", type=Path)
    parser.add_argument("-w", default="")
    parser.add_argument("-A", default="curl/8.0")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d")
    parser.add_argument("-X")
    asked = parser.parse_args()
    headers = dict(line.split(": ", 1) for line in asked.H) | {"User-Agent": asked.A}
    body = None if asked.d is None else asked.d.encode()
    request = urllib.request.Request(asked.url, body, headers, method=asked.X)  # noqa: S310  # of our own stack
    try:
        answer = urllib.request.build_opener(_NoRedirect).open(request, timeout=20)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        content = answer.read()
    if asked.o:
        asked.o.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)
    written = asked.w.replace("%{http_code}", str(answer.status))
    written = written.replace("%{redirect_url}", answer.headers.get("Location") or "")
    sys.stdout.write(written.replace("\\n", "\n"))


if __name__ == "__main__":
    main()
