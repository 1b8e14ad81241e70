"""The last directory of accounts on disk, for a start without Redis."""

import secrets
from contextlib import suppress
from pathlib import Path

import structlog

from salepixel.wire.directory import BadDirectory, Directory

log = structlog.get_logger()


def keep_directory(data: Path, text: bytes) -> None:
    """Save the directory's text under `data`; logs a disk error."""
    path = data / "directory.json"
    draft = path.with_name(f".directory.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(text)
        draft.rename(path)
    except OSError as error:
        with suppress(OSError):  # the disk may refuse this too
            draft.unlink()
        log.error("directory_not_saved", error=str(error))


def kept_directory(data: Path) -> Directory | None:
    """The saved directory, None without a readable one."""
    try:
        return Directory.from_json((data / "directory.json").read_bytes())
    except (OSError, BadDirectory):
        return None
