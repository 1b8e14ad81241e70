"""`make bench`: ratios to a yardstick, measured in alternating rounds in one run on one machine.

`make bench ONLY=fold` measures one subject.
"""

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from redis import Redis
from redis.exceptions import RedisError

from bench import edge, fold, verdicts, webhook
from salepixel.stack.embedded import valkey_command
from salepixel.wire.redis import open_redis


class Measured(Protocol):
    """The result of a benchmark."""

    def line(self) -> str:
        """As text, mostly one line."""


SUBJECTS: dict[str, Callable[[Redis], Measured]] = {
    "edge": edge.run,
    "fold": fold.run,
    "webhook": webhook.run,
    "verdicts": verdicts.run,
}


def machine() -> str:
    """The machine that the figures were measured on."""
    cpu = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.*)", cpu.read_text()) if cpu.exists() else []
    model = models[0] if models else platform.machine()
    cores = os.cpu_count()
    return f"{platform.platform()}, {cores} cores ({model}), Python {platform.python_version()}"


def main(wanted: list[str]) -> None:
    """Run the benchmarks with these names, or all, one after the other."""
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "valkey.sock"
        valkey = subprocess.Popen(valkey_command(Path(folder), socket), stdout=subprocess.DEVNULL)
        redis = open_redis(f"unix://{socket}", timeout_seconds=30)
        for _ in range(200):
            try:
                redis.ping()
                break
            except RedisError:
                time.sleep(0.05)
        try:
            for name in wanted or SUBJECTS:
                print(SUBJECTS[name](redis).line(), flush=True)
        finally:
            redis.close()
            valkey.terminate()
            valkey.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
