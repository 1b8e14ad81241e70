"""A server's process ends with its server, even if that died during the start."""

import subprocess
import sys

import psutil

from tests.waiting import PATIENCE_SECONDS, until

CHILD = """
import multiprocessing, os, sys, time
from salepixel.stack.processes import end_with_parent

def child():
    time.sleep({delay})
    end_with_parent(0.05)
    time.sleep(600)

if __name__ == "__main__":
    process = multiprocessing.get_context("{method}").Process(target=child)
    process.start()
    print(process.pid, flush=True)
    time.sleep({life})
    os._exit(0)
"""

FORKED = """
import os, time
from salepixel.stack.processes import end_with_parent

parent = os.getpid()
pid = os.fork()
if pid:
    print(pid, flush=True)
    os._exit(0)
time.sleep(0.3)
end_with_parent(0.05, forked_by=parent)
time.sleep(600)
"""


def test_a_forked_process_ends_even_if_its_parent_dies_during_its_start() -> None:
    assert _ends_when_alone(FORKED)


def test_a_process_ends_with_its_parent() -> None:
    assert _ends(delay=0, life=0.3, method="fork")


def test_a_process_ends_even_if_its_parent_dies_during_its_start() -> None:
    assert _ends(delay=0.3, life=0, method="fork")


def _ends(**settings: object) -> bool:
    script = CHILD
    for name, value in settings.items():
        script = script.replace("{" + name + "}", str(value))
    return _ends_when_alone(script)


def _ends_when_alone(script: str) -> bool:
    parent = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    return until(lambda: _has_ended(int(parent.stdout)))


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
