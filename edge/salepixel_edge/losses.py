"""The loss file: the number of lost records (answered, not written) that the journal does not report yet.

Its blocks are allocated at the start, because the file is needed when the disk is full: overwriting needs no
free space.
"""

import os
import struct
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import structlog

from salepixel.clicks.records import LossRecord

_KEPT = struct.Struct(">QQQQ")
_NOTHING = bytes(_KEPT.size + 4)

log = structlog.get_logger()


class LossFile:
    """One loss on disk, and the number of the last record before it. Used by one thread."""

    def __init__(self, file: Path) -> None:
        """Read the saved loss and allocate the file; on a full disk `keep` tries again."""
        self._file = file
        self._descriptor: int | None = None
        self.after, self.loss = self._read()
        try:
            self._open()
        except OSError as error:
            log.warning("loss_file_not_allocated", file=str(file), error=str(error))

    def keep(self, after: int, loss: LossRecord) -> None:
        """Replace the saved loss; it is on disk on return. Raises OSError."""
        kept = _KEPT.pack(after, loss.count, loss.from_ms, loss.to_ms)
        self._write(kept + crc32(kept).to_bytes(4))
        self.after, self.loss = after, loss

    def forget(self) -> None:
        """Clear the saved loss; the change is on disk on return. Raises OSError."""
        self._write(_NOTHING)
        self.loss = None

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, data: bytes) -> None:
        descriptor = self._open()
        # The data fits into one sector, so a crash leaves either the old bytes or the new ones.
        if os.pwrite(descriptor, data, 0) != len(data):
            raise OSError("short write")
        os.fdatasync(descriptor)

    def _read(self) -> tuple[int, LossRecord | None]:
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return 0, None
        except OSError as error:
            log.error("loss_not_read", file=str(self._file), error=str(error))
            return 0, None
        kept, checksum = data[: _KEPT.size], data[_KEPT.size :]
        if len(data) == len(_NOTHING) and crc32(kept) == int.from_bytes(checksum):
            after, count, from_ms, to_ms = _KEPT.unpack(kept)
            return after, LossRecord(count, from_ms, to_ms)
        if data.strip(b"\0"):
            log.error("loss_not_read", file=str(self._file), error="damaged")
        return 0, None

    def _open(self) -> int:
        # Keep the file open: losses also happen when no file descriptor is free.
        if self._descriptor is None:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.fstat(descriptor).st_size < len(_NOTHING):
                    os.pwrite(descriptor, _NOTHING, 0)
                    os.fsync(descriptor)
                    sync_folder(self._file.parent)
            except OSError:
                os.close(descriptor)
                with suppress(OSError):
                    self._file.unlink()
                raise
            self._descriptor = descriptor
        return self._descriptor


def sync_folder(folder: Path) -> None:
    """Fsync a folder: the fsync of a new file does not write its directory entry (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
