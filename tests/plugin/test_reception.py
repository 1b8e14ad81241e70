"""Whatever clients send, others are answered and memory is bounded. On real sockets."""

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from salepixel_plugin import reception
from tests.waiting import PATIENCE_SECONDS, until

SERVER = """
import json, os, signal, socket, sys, time
from salepixel_plugin import reception

def app(environ, start_response):
    body = environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/ends":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.5)
    if environ["PATH_INFO"] == "/refused":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(reception.count_refused()).encode()]
    said = {"refused": environ.get(reception.REFUSED), "bytes": len(body), "address": environ["REMOTE_ADDR"]}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(said).encode()]

for name, value in json.loads(sys.argv[2]).items():
    setattr(reception, name, value)
reception.serve(app, socket.socket(fileno=int(sys.argv[1])), 4, reception.MAX_HELD_BYTES)
"""
SIGNED = "Saleor-Signature: a..b\r\n"
WEBHOOK = "/saleor/webhooks"


class Served:
    """A server in a process of its own."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port, self.process = port, process

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)

    def ask(self, sent: bytes, end: bool = False) -> tuple[int, dict[str, object]]:
        """Status and JSON of the answer to these bytes; `end`: close our direction after them."""
        with self.connect() as client:
            client.sendall(sent)
            if end:
                client.shutdown(socket.SHUT_WR)
            return read_answer(client)

    def takes(self, client: socket.socket, half: bytes) -> None:
        """Send a large part of a body, and wait until it has arrived."""
        before = self._bodies()
        client.sendall(half)
        assert until(lambda: self._bodies() > before)

    def _bodies(self) -> int:
        """How many bodies wait in unnamed files."""
        files = Path(f"/proc/{self.process.pid}/fd").iterdir()
        return sum(str(file.readlink()).endswith("(deleted)") for file in files if file.is_symlink())

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))  # noqa: PTH208


def read_answer(client: socket.socket) -> tuple[int, dict[str, object]]:
    """Status and JSON of one answer that the server closes after, or that says how long it is."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = client.recv(65536)
        if not more:
            return 0, {}
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ),
        None,
    )
    while length is None or len(body) < length:
        more = client.recv(65536)
        if not more:
            break
        body += more
    with suppress(ValueError):
        return status, json.loads(body)
    return status, {}


def post(path: str, body: bytes, head: str = "", length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {length}\r\n\r\n".encode() + body


def chunked(path: str, chunks: list[bytes], head: str = "", end: bytes = b"0\r\n\r\n") -> bytes:
    begin = f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode()
    return begin + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


@contextmanager
def serving(**bounds: float) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryDirectory() as folder:
        number = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(number), json.dumps(bounds)],
            pass_fds=[number],
            env={**os.environ, "TMPDIR": folder},
        )
        port = listener.getsockname()[1]
        listener.close()
        served = Served(port, process)
        try:
            assert served.ask(post("/", b"x"))[0] == 200
            yield served
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


# Requests refused before they are complete


@pytest.mark.parametrize(
    ("path", "head", "limit"),
    [
        (WEBHOOK, SIGNED, reception.MAX_DELIVERY_BYTES),
        (WEBHOOK, "", reception.MAX_OTHER_BYTES),
        ("/api/v1/contacts", "Authorization: Bearer x\r\n", reception.MAX_CALL_BYTES),
        ("/api/v1/contacts", SIGNED, reception.MAX_OTHER_BYTES),
        ("/login", "", reception.MAX_OTHER_BYTES),
    ],
)
def test_a_body_is_accepted_up_to_its_limit_and_refused_by_its_head(
    served: Served, path: str, head: str, limit: int
) -> None:
    fits = b" " * limit
    assert served.ask(post(path, fits, head))[1] == {"refused": None, "bytes": limit, "address": "127.0.0.1"}
    assert served.ask(chunked(path, [fits], head))[1]["bytes"] == limit
    # Nothing of the body is sent: the head is enough.
    refused = served.ask(post(path, b"", head, length=limit + 1))[1]
    assert (refused["refused"], refused["bytes"]) == ("too_large", 0)
    refused = served.ask(chunked(path, [fits, b"x"], head, end=b""))[1]
    assert (refused["refused"], refused["bytes"]) == ("too_large", 0)


def test_a_client_refused_while_sending_can_read_the_reason(served: Served) -> None:
    size = 3 * reception.MAX_OTHER_BYTES
    assert served.ask(post("/", b" " * size))[1]["refused"] == "too_large"


def test_an_oversized_expect_100_request_is_refused_at_once(served: Served) -> None:
    head = "Expect: 100-continue\r\n"
    assert served.ask(post("/", b"", head, length=10**12))[1]["refused"] == "too_large"
    with served.connect() as client:
        client.sendall(post("/", b"", head, length=5))
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(b"whole")
        assert read_answer(client)[1]["bytes"] == 5


CUT_SHORT = {
    "less than its length": post(WEBHOOK, b"{", SIGNED, length=100),
    "nothing of it": post(WEBHOOK, b"", SIGNED, length=100),
    "within a chunk": chunked(WEBHOOK, [b"{}"], SIGNED, end=b"ff\r\n{"),
    "no last chunk": chunked(WEBHOOK, [b"{}"], SIGNED, end=b""),
    "within the last chunk": chunked(WEBHOOK, [b"{}"], SIGNED, end=b"0\r\n"),
    "no chunk": chunked(WEBHOOK, [b"{}"], SIGNED, end=b"nonsense\r\n"),
    "a chunk without an end": chunked(WEBHOOK, [], SIGNED, end=b"2\r\n{}x\r\n0\r\n\r\n"),
    "extensions and no end": chunked(WEBHOOK, [], SIGNED, end=b"1;" + b"x" * 200_000),
    "trailers and no end": chunked(WEBHOOK, [b"{}"], SIGNED, end=b"0\r\n" + b"x: y\r\n" * 40_000),
    "chunks of a byte and no end": chunked(WEBHOOK, [b" "] * 100_000, SIGNED),
}


@pytest.mark.parametrize("sent", CUT_SHORT.values(), ids=CUT_SHORT)
def test_a_truncated_body_never_reaches_the_application(served: Served, sent: bytes) -> None:
    refused = served.ask(sent, end=True)[1]
    assert (refused["refused"], refused["bytes"]) == ("cut_short", 0)


def test_an_oversized_head_is_refused(served: Served) -> None:
    endless = b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"x" * 2 * reception.MAX_HEAD_BYTES
    assert served.ask(endless)[0] == 431


def test_two_content_lengths_are_refused(served: Served) -> None:
    assert served.ask(post("/", b"xy", "Content-Length: 1\r\n"))[0] == 400


def test_incomplete_requests_that_are_refused_are_counted_by_reason() -> None:
    half = post(WEBHOOK, b" " * 500_000, SIGNED, length=1_000_000)
    with serving(MAX_HELD_BYTES=600_000) as served, served.connect() as oldest, served.connect() as other:
        served.takes(oldest, half)
        other.sendall(half)
        assert read_answer(oldest)[1]["refused"] == "busy"
        served.ask(post("/", b"", length=10**9))
        for sent in (CUT_SHORT["less than its length"], CUT_SHORT["no chunk"]):
            served.ask(sent, end=True)
        assert served.ask(b"nonsense\r\n\r\n")[0] == 400
        assert served.ask(post("/", b"xy", "Content-Length: 1\r\n"))[0] == 400
        assert (
            served.ask(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"x" * 2 * reception.MAX_HEAD_BYTES)[0]
            == 431
        )
        found = served.ask(b"GET /refused HTTP/1.1\r\nHost: x\r\n\r\n")[1]
    assert found == {"too_large": 1, "cut_short": 2, "busy": 1, "bad_head": 3}


def test_a_pipelining_client_gets_at_most_two_answers(served: Served) -> None:
    with served.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
        got = b""
        while more := client.recv(65536):
            got += more
    assert 1 <= got.count(b"HTTP/1.1 200") <= 2


# Other clients


@contextmanager
def idle_and_half_sent(served: Served, idle: int, half: int) -> Iterator[list[socket.socket]]:
    """Clients that send nothing, and clients that send half of a body."""
    _need_files(idle + half)
    with ExitStack() as stack:
        clients = [stack.enter_context(served.connect()) for _ in range(idle + half)]
        for client in clients[idle:]:
            client.sendall(post(WEBHOOK, b"{" * 1000, SIGNED, length=2000))
        yield clients


def _need_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))


def _is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_idle_and_half_sent_clients_delay_no_others() -> None:
    with serving() as served, idle_and_half_sent(served, 600, 100) as clients:
        for _ in range(10):
            assert served.ask(post(WEBHOOK, b"{}", SIGNED))[1]["bytes"] == 2
        assert all(_is_open(client) for client in clients)


def test_silent_clients_are_disconnected() -> None:
    with serving(SILENT_SECONDS=1) as served, idle_and_half_sent(served, 30, 30) as clients:
        assert until(lambda: not any(_is_open(client) for client in clients))


def test_a_client_that_sends_single_bytes_slowly_is_disconnected() -> None:
    with serving(REQUEST_SECONDS=1) as served, served.connect() as head, served.connect() as body:
        body.sendall(post(WEBHOOK, b"{", SIGNED, length=10_000))

        def is_closed() -> bool:
            with suppress(OSError):
                head.sendall(b"G")
                body.sendall(b"{")
            return not _is_open(head) and not _is_open(body)

        assert until(is_closed)


def test_silent_clients_are_disconnected_sooner_when_connections_run_short() -> None:
    bounds = {"SILENT_SECONDS": 3600, "PRESSED_SECONDS": 1, "PRESSED_SHARE": 0.001}
    with serving(**bounds) as served, idle_and_half_sent(served, 30, 5) as clients:
        assert until(lambda: not any(_is_open(client) for client in clients))


def test_above_the_limit_the_oldest_half_sent_body_is_refused_and_a_delivery_accepted() -> None:
    half = post(WEBHOOK, b" " * 500_000, SIGNED, length=1_000_000)
    with serving(MAX_HELD_BYTES=2_000_000) as served, ExitStack() as stack:
        clients = [stack.enter_context(served.connect()) for _ in range(6)]
        served.takes(clients[0], half)
        for client in clients[1:]:
            client.sendall(half)
        assert read_answer(clients[0])[1]["refused"] == "busy"
        assert served.ask(post(WEBHOOK, b" " * 900_000, SIGNED))[1]["bytes"] == 900_000
        assert _is_open(clients[-1])


def test_waiting_bodies_are_in_files_and_leave_none() -> None:
    with serving() as served:
        before = served.open_files()
        with ExitStack() as stack:
            for _ in range(5):
                client = stack.enter_context(served.connect())
                client.sendall(post(WEBHOOK, b" " * 1_000_000, SIGNED, length=2_000_000))
            assert until(lambda: served.open_files() >= before + 9)
        assert until(lambda: served.open_files() <= before)


def test_forwarded_headers_from_strangers_are_ignored(served: Served) -> None:
    head = "X-Forwarded-For: 8.8.8.8\r\nForwarded: for=8.8.8.8\r\nX-Forwarded-Proto: https\r\n"
    assert served.ask(post("/", b"", head))[1]["address"] == "127.0.0.1"


# How it ends


def test_complete_requests_are_answered_before_the_stop() -> None:
    with serving() as served, served.connect() as client, served.connect() as idle:
        client.sendall(post("/ends", b"{}"))
        assert read_answer(client)[1]["bytes"] == 2
        assert until(lambda: not _is_open(idle))
        assert served.process.wait(PATIENCE_SECONDS) == 0


def test_a_port_in_use_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {"SALEPIXEL_DATA": str(tmp_path), "SALEPIXEL_PLUGIN_PORT": str(port)}
        ended = subprocess.run(
            [sys.executable, "-m", "salepixel_plugin.server"],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
    assert ended.returncode == 2
    assert ended.stderr == f"The plugin cannot listen on 127.0.0.1 port {port}: Address already in use\n"
