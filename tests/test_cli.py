"""The command line runs a service's commands itself, and says in one sentence what is not installed."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

COMMANDS = {"journal": ("edge", "salepixel_edge"), "rebuild": ("worker", "salepixel_worker")}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_service_command_is_an_entry_point_of_its_service(command: str) -> None:
    (found,) = entry_points(group="salepixel.commands", name=command)
    assert found.module.split(".")[0] == COMMANDS[command][1]
    assert callable(found.load())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_whose_service_is_not_installed_says_how_to_install_it(command: str) -> None:
    extra, package = COMMANDS[command]
    # None in sys.modules: Python then finds no such module.
    program = f"import sys; sys.modules[{package!r}] = None; from salepixel.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, command], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout + ended.stderr == (
        f"salepixel {command}: the {extra} is not installed: pip install 'salepixel[{extra}]'\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_shown_is_that_of_the_service(command: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "salepixel.cli", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.startswith(f"usage: salepixel {command} ")
