"""A real edge and a real Valkey, started, asked, frozen and killed."""

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError

from kit.ports import free_port
from salepixel.keys import Keys
from salepixel.stack.embedded import valkey_command
from salepixel.wire.redis import open_redis
from tests.waiting import PATIENCE_SECONDS, until

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"


@dataclass(frozen=True)
class Answer:
    """An answer. Header names are in lower case; a repeated header is kept every time."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header that occurs at most once, or an empty text."""
        (value,) = [value for key, value in self.headers if key == name] or [""]
        return value


class RunningEdge:
    """The edge's processes on one data folder; `start` may be called again after `kill`."""

    def __init__(
        self, data: Path, redis_address: str, keys: Keys, *, program: list[str] | None = None, **settings: str
    ) -> None:
        self._program = program or [sys.executable, "-m", "salepixel_edge.server"]
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        file = data / "keys.json"
        file.write_text(
            json.dumps({"active": keys.active, "keys": {str(n): s.hex() for n, s in keys.secrets.items()}})
        )
        file.chmod(0o600)
        self.port = free_port()
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ["PYTHONPATH"],
            "SALEPIXEL_DATA": str(data),
            "SALEPIXEL_REDIS_URL": redis_address,
            "SALEPIXEL_EDGE_PORT": str(self.port),
            **{f"SALEPIXEL_{name.upper()}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True, **limits: int) -> None:
        """Start, and wait until it answers. `limits` by their names in resource: RLIMIT_NOFILE=128."""

        def limit() -> None:
            for name, value in limits.items():
                resource.setrlimit(getattr(resource, name), (value, value))

        with (self.data / "edge.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._program,
                env=self._environment,
                stdout=log,
                stderr=log,
                preexec_fn=limit if limits else None,
            )
        if wait:
            self.wait()

    def wait(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until it answers."""

        def answers() -> bool:
            with suppress(OSError):
                return self.get("/healthz").status in (200, 503)
            return False

        if not until(answers, seconds):
            raise TimeoutError(f"the edge does not answer: {(self.data / 'edge.log').read_text()[-2000:]}")

    def get(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        method: str = "GET",
        timeout: float = PATIENCE_SECONDS,
    ) -> Answer:
        """One request as a browser sends it, on its own connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, headers={"User-Agent": AGENT, **(headers or {})})
            response = connection.getresponse()
            return Answer(
                response.status, [(k.lower(), v) for k, v in response.getheaders()], response.read()
            )
        except http.client.HTTPException as error:
            raise ConnectionError(repr(error)) from error
        finally:
            connection.close()

    def raw(self, request: bytes, timeout: float = PATIENCE_SECONDS) -> bytes:
        """The answer to some bytes: a head and what arrives with it; empty if the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            answer = b""
            # The other side may answer and close before it has read all.
            with suppress(ConnectionError):
                connection.sendall(request)
            with suppress(ConnectionError, TimeoutError):
                while b"\r\n\r\n" not in answer and (data := connection.recv(65536)):
                    answer += data
            return answer

    def health(self) -> dict[str, Any]:
        """What /healthz says."""
        state: dict[str, Any] = json.loads(self.get("/healthz").body)
        return state

    def wait_for(self, name: str, value: object, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait until a field of /healthz has a value."""
        deadline = time.monotonic() + seconds
        while (state := self.health())[name] != value:
            assert time.monotonic() < deadline, state
            time.sleep(0.05)
        return state

    def is_running(self) -> bool:
        """Whether the main process is running."""
        return self.process is not None and self.process.poll() is None

    def workers(self) -> list[int]:
        """The processes that the main process started."""
        assert self.process is not None
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def resident_bytes(self) -> int:
        """The memory that its processes hold."""
        status = [Path(f"/proc/{pid}/status").read_text() for pid in self.workers()]
        return sum(int(text.partition("VmRSS:")[2].split()[0]) * 1024 for text in status)

    def terminate(self) -> int:
        """Stop as an operator does; gives the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """Kill -9 all at once, as the out-of-memory killer does."""
        if self.process is None:
            return
        for pid in (self.process.pid, *(self.workers() if self.process.poll() is None else ())):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)


class Valkey:
    """A Valkey that a test may stop, kill, freeze and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._socket = folder, folder / "valkey.sock"
        self.address = f"unix://{self._socket}"
        self.client: Redis = open_redis(self.address)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, answers: str = "PONG") -> None:
        """Start, and wait until it says PONG, or that it is LOADING."""
        self._process = subprocess.Popen(
            [*valkey_command(self.folder, self._socket), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert until(lambda: answers in self._answer())

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._process.wait()

    def close(self) -> None:
        if self._process and self._process.poll() is None:
            self.signal(signal.SIGKILL)
        self.client.close()

    def answers(self) -> bool:
        """Whether it answers commands."""
        return self._answer() == "PONG"

    def _answer(self) -> str:
        try:
            return "PONG" if self.client.ping() else ""
        except BusyLoadingError:
            return "LOADING"
        except RedisError:
            return ""


def eventually_gone(pids: list[int]) -> bool:
    """Whether all these processes end."""
    return until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
