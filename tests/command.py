"""The command line in the process of the tests: starting Python for a command takes 0.4 to 1.1 s of CPU."""

import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from salepixel import cli


@dataclass(frozen=True)
class Ended:
    """The exit code of a command, and all that it wrote."""

    code: int
    stdout: str
    stderr: str


class CommandLine:
    """`salepixel`, with its data in one folder."""

    def __init__(
        self, data: Path, monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]
    ) -> None:
        self.data, self._monkeypatch, self._captured = data, monkeypatch, captured
        monkeypatch.setattr(cli, "configure_logs", lambda: None)  # they are of the whole process

    def run(self, command: str, *arguments: str, said: str = "") -> Ended:
        """Run a command; `said`: its standard input."""
        words = ["salepixel", command, "--data", str(self.data), *arguments]
        self._captured.readouterr()
        with self._monkeypatch.context() as patched:
            patched.setattr(sys, "argv", words)
            patched.setattr(sys, "stdin", StringIO(said))
            with pytest.raises(SystemExit) as ended:
                cli.main()
        wrote = self._captured.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, wrote.out, wrote.err)
