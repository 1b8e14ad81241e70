"""How the edge and the worker meet: journal records, and the Redis keys through which they travel.

The database holds the truth, Redis is transport, the journal is the buffer.

* A journal numbers its records 1, 2, 3 ... and has a name that is never used again.
* The shipper adds runs of records, byte for byte as they stand in the journal, to the stream
  `stream_key(journal)`. The entry's id is `<number of its last record>-0`, its field FIELD holds the
  records. Redis refuses an id that is not greater than the last, so nothing is shipped twice. With each
  entry, in the same transaction, it adds the journal's name to the set JOURNALS_KEY.
* An entry that begins with the oldest record which its journal still has carries the field OLDEST too:
  what is missing before it is gone for good (the database came from an old backup, or a record cannot
  be read). The worker counts that as a loss and goes on.
* The worker folds entries into the database and stores, in the same transaction, the number of the
  last record: the mark. It then publishes the mark at `mark_key(journal)` and trims the stream. Names of
  journals whose stream is empty are moved from JOURNALS_KEY to IDLE_JOURNALS_KEY by the sweep.
* A segment of the journal is freed when all its records are at or below the published mark.
* When records are missing otherwise (Redis was emptied, or came back from an older file) the worker
  deletes the stream; the shipper sees that it is gone and begins again after the mark. Records at or
  below the mark that arrive again are skipped.
"""

import struct
from collections.abc import Iterator
from zlib import crc32

JOURNALS_KEY = "salepixel:journals"
"""A Redis set: the names of journals that may have records in their stream."""

IDLE_JOURNALS_KEY = "salepixel:journals:idle"
"""A Redis set: the names of journals that shipped and whose stream was empty at a sweep."""

FIELD = b"r"
OLDEST = b"o"
MAX_PAYLOAD = 16 * 1024

_HEAD = struct.Struct(">QII")
_NUMBER = struct.Struct(">QI")
_HEAD_SIZE = _HEAD.size


class BadRecord(ValueError):
    """Bytes that are not a whole, undamaged journal record."""


def stream_key(journal: str) -> str:
    """The Redis stream of a journal."""
    return f"salepixel:journal:{journal}"


def mark_key(journal: str) -> str:
    """The Redis string with the number up to which a journal is in the database."""
    return f"salepixel:mark:{journal}"


def frame(number: int, payload: bytes) -> bytes:
    """A payload as it stands in the journal: number, length, checksum over both and the payload.

    Raises BadRecord for one that no reader would take.
    """
    if len(payload) > MAX_PAYLOAD:
        raise BadRecord("too large")
    head = _NUMBER.pack(number, len(payload))
    return b"".join((head, crc32(payload, crc32(head)).to_bytes(4), payload))


def read_frames(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes, int]]:
    """Read (number, payload, end offset) of one record after the other.

    Ends at the end of the data; raises BadRecord at the first record that is cut or damaged.
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
