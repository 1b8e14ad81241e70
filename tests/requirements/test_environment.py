"""`make` finds a suitable Python, repairs an interrupted run, and says in one sentence what is missing."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]

OLD = """case "$1" in -V) echo Python 3.10.13;; *) exit 1;; esac"""
"""A Python that is too old."""

REAL = f'exec {sys.executable} "$@"'

WITHOUT_PIP = f"{sys.executable} -m venv --clear --without-pip .venv"

PIP = importlib.util.find_spec("pip")
assert PIP is not None
assert PIP.origin is not None
LINK_PIP = (
    f"{shutil.which('ln')} -s {Path(PIP.origin).parent} "
    f".venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/pip"
)

QUICK = f"""
case "$*" in
    "-m venv --clear .venv") {WITHOUT_PIP} && {LINK_PIP};;
    *) exec {sys.executable} "$@";;
esac"""
"""Links pip instead of installing it, which takes 4 s of CPU."""

WITHOUT_ENSUREPIP = f"""
case "$*" in
    "-c import ensurepip"|"-c import virtualenv") exit 1;;
    "-m pip --python "*) {LINK_PIP};;
    "-m venv --clear --without-pip "*|-c*|-V) exec {sys.executable} "$@";;
    *) echo "The virtual environment was not created successfully" >&2; exit 1;;
esac"""
"""Debian's python3 without python3-venv, with python3-pip."""

BARE = WITHOUT_ENSUREPIP.replace('"-c import ensurepip"', '"-c import pip"|"-c import ensurepip"')
"""The same without python3-pip."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree and a PATH with nothing but a shell."""
    (tmp_path / "requirements").mkdir()
    shutil.copy(ROOT / "requirements" / "environment.sh", tmp_path / "requirements")
    (tmp_path / "bin").mkdir()
    return tmp_path


def run(tree: Path, pythons: dict[str, str], chosen: str = "") -> subprocess.CompletedProcess[str]:
    for name, does in pythons.items():
        program = tree / "bin" / name
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", "requirements/environment.sh", *([chosen] if chosen else [])],
        cwd=tree,
        env={"PATH": str(tree / "bin"), "HOME": str(tree)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def has_pip(tree: Path) -> bool:
    asked = [str(tree / ".venv" / "bin" / "python"), "-c", "import pip.__main__"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def test_a_newer_python_is_used_if_the_first_in_the_path_is_too_old(tree: Path) -> None:
    assert run(tree, {"python3": OLD, "python3.12": QUICK}).returncode == 0
    assert has_pip(tree)


def test_leftovers_of_an_interrupted_make_are_rebuilt(tree: Path) -> None:
    (tree / ".venv" / "bin").mkdir(parents=True)
    (tree / ".venv" / "pyvenv.cfg").touch()
    (tree / ".venv" / "bin" / "python").symlink_to(sys.executable)
    assert run(tree, {"python3": QUICK}).returncode == 0
    assert has_pip(tree)
    made = (tree / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    assert run(tree, {"python3": QUICK}).returncode == 0
    assert (tree / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == made, "what is whole is left alone"


def test_without_ensurepip_the_machines_own_pip_is_used(tree: Path) -> None:
    done = run(tree, {"python3": WITHOUT_ENSUREPIP})
    assert (done.returncode, done.stderr) == (0, "")
    assert has_pip(tree)


@pytest.mark.parametrize("folder", ["bin", ".local/bin"])
def test_uv_is_found_where_its_installer_puts_it(tree: Path, folder: str) -> None:
    uv = tree / folder / "uv"
    uv.parent.mkdir(parents=True, exist_ok=True)
    uv.write_text(f"#!/bin/sh\n{WITHOUT_PIP} && {LINK_PIP}\n")
    uv.chmod(0o755)
    assert run(tree, {"python3": OLD, "python3.11": BARE}).returncode == 0
    assert has_pip(tree)


@pytest.mark.parametrize(
    ("pythons", "chosen", "says"),
    [
        (
            {"python3": OLD},
            "",
            "needs Python 3.11 or newer, and python3 is Python 3.10.13: install a newer one",
        ),
        ({}, "", "needs Python 3.11 or newer, and python3 is not there: install"),
        ({"python3": REAL}, "python3.9", "needs Python 3.11 or newer, and python3.9 is not there"),
        ({"python3": BARE}, "", "(Debian, Ubuntu: apt install python3-venv), or without root uv"),
        ({"python3": OLD, "python3.11": BARE}, "", "cannot make a virtual environment here"),
    ],
)
def test_a_missing_program_is_reported_in_one_sentence(
    tree: Path, pythons: dict[str, str], chosen: str, says: str
) -> None:
    done = run(tree, pythons, chosen)
    assert done.returncode == 1
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tree / ".venv" / "made").exists()


def test_make_without_a_target_lists_every_target() -> None:
    # Not as a part of `make test`, in which it would say which directory it enters.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    done = subprocess.run(["make"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    listed = [line.split()[1] for line in done.stdout.splitlines()]
    assert listed == [
        "help",
        "demo",
        "run",
        "test",
        "test-slow",
        "test-browser",
        "pictures",
        "check",
        "format",
        "bench",
        "growth",
        "truth",
        "fuzz",
        "soak",
        "lock",
    ]
