"""The directory of accounts as this edge last knew it, for a start without Redis."""

import secrets
from contextlib import suppress
from pathlib import Path

import structlog

from salepixel.wire.directory import BadDirectory, Directory

log = structlog.get_logger()


def keep_directory(data: Path, text: bytes) -> None:
    """Remember the directory's text in `data`; a disk that refuses is logged."""
    path = data / "directory.json"
    draft = path.with_name(f".directory.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(text)
        draft.rename(path)
    except OSError as error:
        with suppress(OSError):  # where nothing can be made, nothing can be removed
            draft.unlink()
        log.error("directory_not_kept", error=str(error))


def kept_directory(data: Path) -> Directory | None:
    """The directory as it was last known, None when there never was one."""
    try:
        return Directory.from_json((data / "directory.json").read_bytes())
    except (OSError, BadDirectory):
        return None
