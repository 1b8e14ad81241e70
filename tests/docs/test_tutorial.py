"""The tutorial says what happens."""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.stack import Stack

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
KEY = "choose-a-long-secret"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "data", api_key=KEY) as running:
        yield running


def steps() -> list[tuple[str, str]]:
    """Each block of code, with the output that the page shows for it."""
    blocks = re.findall(r"```(python|text)\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)
    found: list[tuple[str, str]] = []
    for kind, content in blocks:
        if kind == "python":
            found.append((content, ""))
        else:
            found[-1] = (found[-1][0], content)
    return found


def test_the_tutorial_can_be_followed(stack: Stack) -> None:
    assert len(steps()) == 7
    there: dict[str, object] = {}
    for code, expected in steps():
        code = code.replace("http://127.0.0.1:8080", stack.edge_url)
        code = code.replace("http://127.0.0.1:8081", stack.plugin_url)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(TUTORIAL), "exec"), there)  # noqa: S102  # our own page
        assert printed.getvalue() == expected
