"""How the edge and the worker meet: journal records, and the Redis keys through which they travel.

The database holds the truth, Redis is transport, the journal is the buffer.

* A journal numbers its records 1, 2, 3 ... and has a name that is never used again.
* The shipper adds runs of records, byte for byte as they stand in the journal, to the stream
  `stream_key(journal)`. The entry's id is `<number of its last record>-0`, its field FIELD holds the
  records. Redis refuses an id that is not greater than the last, so nothing is shipped twice.
* An entry that begins with the oldest record which its journal still has carries the field OLDEST too:
  what is missing before it is gone for good (the database came from an old backup, or a record cannot
  be read). The worker counts that as a loss and goes on.
* The worker folds entries into the database and stores, in the same transaction, the number of the
  last record: the mark. It then publishes the mark at `mark_key(journal)` and trims the stream.
* A segment of the journal is freed when all its records are at or below the published mark.
* When records are missing otherwise (Redis was emptied, or came back from an older file) the worker
  deletes the stream; the shipper sees that it is gone and begins again after the mark. Records at or
  below the mark that arrive again are skipped.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zlib import crc32

from salepixel.clicks import Click, Signal, pack_claims, signals_of
from salepixel.reading.references import normal_reference

JOURNALS_KEY = "salepixel:journals"
"""A Redis set: the names of all journals that ever shipped."""

DIRECTORY_KEY = "salepixel:directory"
"""A Redis string: JSON of what edges must know of accounts and of changed links, see Directory."""

DIRECTORY_VERSION_KEY = "salepixel:directory:version"
"""A Redis string: a digest of the directory, so that edges read the whole of it only when it has changed."""

FIELD = b"r"
OLDEST = b"o"
MAX_PAYLOAD = 16 * 1024

_HEAD = struct.Struct(">QII")
_NUMBER = struct.Struct(">QI")
_CLICK = struct.Struct(">c16sI6s6sHHB")
_CLICK_TAIL = struct.Struct(">HHB")
_HIT = struct.Struct(">c16sI?HB")
_HEAD_SIZE, _CLICK_SIZE = _HEAD.size, _CLICK.size
_CLICK_KIND, _HIT_KIND, _LOSS_KIND = b"\1", b"\2", b"\3"


class BadRecord(ValueError):
    """Bytes that are not a whole, undamaged journal record."""


class BadDirectory(ValueError):
    """Text that is not a directory of accounts."""


class ClickRecord(NamedTuple):
    """A click as the edge saw it.

    The user agent and the visitor's IP address (as text, empty when it is not known) travel to the fold,
    which judges by them, and no further.
    """

    click: Click
    signals: Signal
    agent: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class HitRecord:
    """A pixel hit as the edge saw it.

    `id` is made like a click id. `query` is as it was sent, `cookie` the value of the account's cookie
    (unopened, at most 255 bytes) or empty, `ignored` the reason why it does not count or empty, `signed`
    whether a right signature was on it.
    """

    id: bytes
    emp_id: int
    query: str
    cookie: str
    ignored: str
    signed: bool


@dataclass(frozen=True, slots=True)
class LossRecord:
    """So many clicks and hits were answered but not written, between two times (milliseconds, UTC)."""

    count: int
    from_ms: int
    to_ms: int


Record = ClickRecord | HitRecord | LossRecord


def stream_key(journal: str) -> str:
    """The Redis stream of a journal."""
    return f"salepixel:journal:{journal}"


def mark_key(journal: str) -> str:
    """The Redis string with the number up to which a journal is in the database."""
    return f"salepixel:mark:{journal}"


def pack_click(
    click_id: bytes, claims: bytes, signals: int, contact: bytes, address: bytes, agent: bytes
) -> bytes:
    """A click's bytes, from parts that are at hand: see salepixel.clicks.pack_claims; texts in UTF-8."""
    lengths = _CLICK_TAIL.pack(signals, len(contact), len(address))
    return b"".join((_CLICK_KIND, click_id, claims, lengths, contact, address, agent))


def pack_payload(record: Record) -> bytes:
    """A record's bytes, without number and checksum."""
    if isinstance(record, ClickRecord):
        click = record.click
        return pack_click(
            click.id,
            pack_claims(click.emp_id, click.campaign, click.link),
            record.signals,
            click.contact.encode(),
            record.address.encode(),
            record.agent.encode(),
        )
    if isinstance(record, HitRecord):
        query, cookie = record.query.encode(), record.cookie.encode()
        head = _HIT.pack(_HIT_KIND, record.id, record.emp_id, record.signed, len(query), len(cookie))
        return b"".join((head, query, cookie, record.ignored.encode()))
    return _LOSS_KIND + json.dumps([record.count, record.from_ms, record.to_ms]).encode()


def unpack_payload(payload: bytes) -> Record:
    """The record of a payload. Raises BadRecord."""
    try:
        kind = payload[:1]
        if kind == _CLICK_KIND:
            _, click_id, emp_id, campaign, link, signals, length, address_length = _CLICK.unpack_from(payload)
            address = _CLICK_SIZE + length
            agent = address + address_length
            contact = payload[_CLICK_SIZE:address].decode()
            if not contact.isalnum():  # an edge of another version may have sent it as it was
                contact = normal_reference(contact)
            click = Click(click_id, emp_id, campaign.hex(), link.hex(), contact)
            said = payload[agent:].decode(errors="replace")
            return ClickRecord(click, signals_of(signals), said, payload[address:agent].decode())
        if kind == _HIT_KIND:
            _, hit_id, emp_id, signed, length, cookie_length = _HIT.unpack_from(payload)
            rest, start = payload[_HIT.size :], length + cookie_length
            texts = rest[:length].decode(), rest[length:start].decode(), rest[start:].decode()
            return HitRecord(hit_id, emp_id, *texts, signed)
        if kind == _LOSS_KIND:
            return LossRecord(*json.loads(payload[1:]))
    except (struct.error, ValueError, TypeError, IndexError) as error:
        raise BadRecord("damaged payload") from error
    raise BadRecord(f"unknown kind {kind.hex() or 'none'}")


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


def contact_digest(contact: bytes) -> str:
    """How the directory names a contact (in UTF-8): short, and nobody can read it."""
    return hashlib.blake2b(contact, digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Directory:
    """What edges know of accounts: empId -> (tracking host or empty, pixel secret in hex or empty).

    `require_signature` lists the accounts whose pixel must be signed. `links` has the links that were
    changed after sending: link id -> where it leads now, or an empty text for one that is switched off.
    `currencies` has the accounts' currencies; one that was published before 2026-11-28 has none.
    `refused` has the contacts who do not want to be followed, by account, as `contact_digest` names them;
    `tags` the merge tags of its campaigns for a contact that no mailer is known by, as references are normal.
    """

    accounts: dict[int, tuple[str, str]]
    require_signature: frozenset[int] = frozenset()
    links: dict[str, str] = field(default_factory=dict)
    refused: dict[int, frozenset[str]] = field(default_factory=dict)
    currencies: dict[int, str] = field(default_factory=dict)
    tags: dict[int, frozenset[str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """As it is stored at DIRECTORY_KEY."""
        return json.dumps(
            {
                "accounts": {str(k): list(v) for k, v in self.accounts.items()},
                "require_signature": sorted(self.require_signature),
                "links": self.links,
                "refused": {str(k): sorted(digests) for k, digests in self.refused.items()},
                "currencies": {str(k): currency for k, currency in self.currencies.items()},
                "tags": {str(k): sorted(tags) for k, tags in self.tags.items()},
            }
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> "Directory":
        """Raises BadDirectory for anything that `to_json` did not write."""
        try:
            content: Any = json.loads(text)
            accounts = {int(k): (str(h), str(s)) for k, (h, s) in content["accounts"].items()}
            for _, secret in accounts.values():
                bytes.fromhex(secret)
            links = {str(link): str(url) for link, url in content["links"].items()}
            currencies = {int(k): str(v) for k, v in content.get("currencies", {}).items()}
            # Directories of older versions have none of these.
            refused, tags = (
                {int(k): frozenset(map(str, v)) for k, v in content.get(name, {}).items()}
                for name in ("refused", "tags")
            )
            return cls(accounts, frozenset(content["require_signature"]), links, refused, currencies, tags)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadDirectory("not a directory of accounts") from error
