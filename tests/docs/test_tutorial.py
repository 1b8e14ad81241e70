"""A newcomer who pastes the tutorial into bash sees what the page shows."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.stack import Stack
from tests.databases import make_data
from tests.waiting import PATIENCE_SECONDS

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
KEY = "choose-a-long-secret"

pytestmark = pytest.mark.long

NEXT = "\n--- next step ---\n"

# Different each time: ids, tokens, secrets, times, ports.
_CHANGING = [
    (r"http://127\.0\.0\.1:\d+", "<address>"),
    (r"/([cr])/[\w-]{40,}", r"/\1/<link token>"),
    (r"spx=[\w-]{60,119}", "spx=<click token>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"\b\d{4}-\d\d-\d\d\b", "<day>"),
    (r"\d{1,2} \w{3} \d{4}, \d\d:\d\d UTC", "<time>"),
    (r"\b(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{12})\b", "<id>"),
]


@pytest.fixture
def stack(tmp_path: Path, sqlite_template: Path) -> Iterator[Stack]:
    with Stack(make_data(sqlite_template, tmp_path / "data"), api_key=KEY) as running:
        yield running


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the python3 that runs the tests, to be first in the PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    return folder


def put_curl(folder: Path) -> None:
    """A curl in Python, for machines that have none."""
    ours = shlex.join([sys.executable, str(Path(__file__).with_name("curl.py"))])
    (folder / "curl").write_text(f'#!/bin/sh\nexec {ours} "$@"\n')
    (folder / "curl").chmod(0o755)


def steps() -> list[tuple[str, str]]:
    """Each block of commands, with the output that the page shows for it."""
    found: list[tuple[str, str]] = []
    page = TUTORIAL.read_text()
    for kind, content in re.findall(r"^```(sh|text)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        if kind == "sh":
            found.append((content, ""))
        else:
            found[-1] = (found[-1][0], content)
    return found


def without_what_changes(text: str) -> str:
    for pattern, name in _CHANGING:
        text = re.sub(pattern, name, text)
    return text.strip()


def test_the_tutorial_can_be_followed(stack: Stack, programs: Path) -> None:
    if shutil.which("curl") is None:
        put_curl(programs)
    commands = [command for command, _ in steps()]
    followed = subprocess.run(
        ["bash", "-euc", f"echo {shlex.quote(NEXT)}\n".join(commands)],
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "EDGE": stack.edge_url,
            "PLUGIN": stack.plugin_url,
            "KEY": KEY,
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert (followed.returncode, followed.stderr) == (0, "")
    shown = [output for _, output in steps()]
    assert len(shown) == 12
    seen = followed.stdout.split(NEXT)
    assert list(map(without_what_changes, seen)) == list(map(without_what_changes, shown))
