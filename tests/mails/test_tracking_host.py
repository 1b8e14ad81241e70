"""Whether the tracking host answers as an edge does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from ipaddress import ip_network
from typing import Any

import pytest

from salepixel.mails import tracking_host
from salepixel.mails.tracking_host import host_problem
from salepixel.wire import outgoing


@contextmanager
def server(body: bytes) -> Iterator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing._Reach, "private", (ip_network("127.0.0.0/8"),))
    monkeypatch.setattr(tracking_host, "_kept", {})


def test_an_edge_answers_with_its_tag() -> None:
    with server(files("salepixel_edge").joinpath("sp.js").read_bytes()) as base:
        assert host_problem(base) == ""
    assert host_problem(base) == ""  # kept for a minute: a page that is reloaded does not ask each time


def test_another_server_at_the_name_is_not_an_edge() -> None:
    with server(b"<h1>It works</h1>") as base:
        assert host_problem(base) == "another server answers there"


def test_a_host_without_a_server_cannot_be_reached() -> None:
    with server(b"") as base:
        pass
    assert host_problem(base) == "it cannot be reached"
