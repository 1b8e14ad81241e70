"""The whole stack as a child process."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from kit.ports import free_port
from salepixel.settings import environment
from salepixel.stack.embedded import die_with_parent


class DidNotStart(RuntimeError):
    """The stack did not become ready; the message has the end of its log."""


class Stack:
    """`salepixel up` on a data folder and free ports, running while used as a context manager."""

    def __init__(
        self,
        data: Path,
        *,
        api_key: str,
        ports: tuple[int, int] = (0, 0),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`ports` of edge and plugin; 0 or a taken port is replaced by a free one."""
        self.data = data
        self.api_key = api_key
        self.edge_port, self.plugin_port = free_port(ports[0]), free_port(ports[1])
        self.edge_url = f"http://127.0.0.1:{self.edge_port}"
        self.plugin_url = f"http://127.0.0.1:{self.plugin_port}"
        self._settings = dict(settings or {})
        self._log = data / "up.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, seconds: float = 300) -> None:
        """Start, and return when every process is ready. Raises DidNotStart."""
        self.data.mkdir(parents=True, exist_ok=True)
        already = self._log.stat().st_size if self._log.exists() else 0
        with self._open_log() as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "salepixel.cli", "up", "--data", str(self.data)],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches only this process, which then stops the stack
                preexec_fn=die_with_parent,
            )
        try:
            self._wait_ready(self._process, already, seconds)
        except BaseException:  # Ctrl-C too: if __enter__ raises, __exit__ is not called
            self.stop()
            raise

    @property
    def environ(self) -> dict[str, str]:
        """The environment of its processes: a program with these settings shares its stores."""
        chosen = {
            "SALEPIXEL_DATA": str(self.data),
            "SALEPIXEL_EDGE_PORT": str(self.edge_port),
            "SALEPIXEL_PLUGIN_PORT": str(self.plugin_port),
            "SALEPIXEL_EDGE_URL": self.edge_url,
            "SALEPIXEL_PLUGIN_URL": self.plugin_url,
            "SALEPIXEL_API_KEY": self.api_key,
            "SALEPIXEL_PRIVATE_NETWORKS": "127.0.0.0/8,::1/128",  # where the demo's shop is
        }
        return {**environment(), **chosen, **self._settings}

    def _open_log(self) -> IO[bytes]:
        """Open the file for the stack's log, `_log`."""
        return self._log.open("ab")

    def stop(self) -> None:
        """Stop all processes, writers first."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(300)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    @property
    def pid(self) -> int:
        """The id of the supervisor's process; 0 if the stack does not run."""
        return self._process.pid if self._process else 0

    def _wait_ready(self, process: subprocess.Popen[bytes], already: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and process.poll() is None:
            if self._log.exists() and b"ready\n" in self._log.read_bytes()[already:]:
                return
            time.sleep(0.05)
        raise DidNotStart(self._log.read_text(errors="replace")[-3000:])
