"""The protocol between edge and worker: journal records, and the Redis keys that transport them.

The database is the source of truth, Redis is the transport, and the journal is the buffer.

* A journal numbers its records 1, 2, 3 ... and has a name that is never used again.
* The shipper adds runs of records, with the same bytes as in the journal, to the stream
  `stream_key(journal)`. The entry's id is `<number of its last record>-0`, its field FIELD has the records.
  Redis rejects an id that is not greater than the last, so nothing is shipped twice. In the same
  transaction, the shipper adds the journal's name to the set JOURNALS_KEY.
* An entry that begins with the oldest record in its journal also has the field OLDEST. Records missing before
  it are lost (the database came from an old backup, or a record cannot be read). The worker counts them as a
  loss and continues.
* The worker folds entries into the database and stores, in the same transaction, the number of the
  last record: the mark. It then publishes the mark at `mark_key(journal)` and trims the stream. Names of
  journals whose stream is empty are moved from JOURNALS_KEY to IDLE_JOURNALS_KEY by the sweep.
* A segment of the journal is freed when all its records are at or below the published mark.
* If records are missing for another reason (Redis was emptied, or restarted from an older file), the worker
  deletes the stream. The shipper notices that, and ships again from the mark on. Records up to the mark that
  arrive again are skipped.
"""

import struct
from collections.abc import Iterator
from zlib import crc32

JOURNALS_KEY = "salepixel:journals"
"""A Redis set: the names of journals that may have records in their stream."""

IDLE_JOURNALS_KEY = "salepixel:journals:idle"
"""A Redis set: the names of journals whose stream was empty at a sweep."""

FIELD = b"r"
OLDEST = b"o"
MAX_PAYLOAD = 16 * 1024

_HEAD = struct.Struct(">QII")
_NUMBER = struct.Struct(">QI")
_HEAD_SIZE = _HEAD.size


class BadRecord(ValueError):
    """Not a complete, undamaged journal record."""


def stream_key(journal: str) -> str:
    """The Redis stream of a journal."""
    return f"salepixel:journal:{journal}"


def mark_key(journal: str) -> str:
    """The Redis string with the mark: the number of the journal's last record in the database."""
    return f"salepixel:mark:{journal}"


def frame(number: int, payload: bytes) -> bytes:
    """A payload as a journal record: number, length, checksum over both and the payload, payload.

    Raises BadRecord if the payload is too large for readers.
    """
    if len(payload) > MAX_PAYLOAD:
        raise BadRecord("too large")
    head = _NUMBER.pack(number, len(payload))
    return b"".join((head, crc32(payload, crc32(head)).to_bytes(4), payload))


def read_frames(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes, int]]:
    """Yield (number, payload, end offset) of each record.

    Raises BadRecord at the first truncated or damaged record.
    """
    size = len(data)
    while offset < size:
        start = offset + _HEAD_SIZE
        if start > size:
            raise BadRecord("cut")
        number, length, checksum = _HEAD.unpack_from(data, offset)
        end = start + length
        if length > MAX_PAYLOAD:
            raise BadRecord("damaged length")
        if end > size:
            raise BadRecord("cut")
        payload = data[start:end]
        if crc32(payload, crc32(data[offset : offset + 12])) != checksum:
            raise BadRecord("damaged")
        yield number, payload, end
        offset = end
