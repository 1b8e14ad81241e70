"""docs/explanation/architecture.md follows the code: the functions that it names are in their files."""

import ast
import re

import pytest

from tests.docs.test_pages import ROOT, read

_ROW = re.compile(r"^\| [^|]+ \| (`[^|]+`) \| (`[^|]+`) \|$", re.MULTILINE)
STEPS = [
    (re.findall(r"`([^`]+)`", files), name)
    for files, names in _ROW.findall(read("explanation/architecture.md"))
    for name in re.findall(r"`([^`]+)`", names)
]


def _defined(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize(("files", "name"), STEPS)
def test_each_step_names_a_function_in_its_file(files: list[str], name: str) -> None:
    assert any(name in _defined(file) for file in files)


def test_the_steps_lead_through_all_services() -> None:
    files = {file.split("/")[0] for files, _ in STEPS for file in files}
    assert files == {"edge", "plugin", "worker", "salepixel"}
