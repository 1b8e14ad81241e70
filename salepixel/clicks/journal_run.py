"""A run: the next records of a journal after a mark, in sequence, from the entries of its stream."""

from dataclasses import dataclass

from salepixel.clicks.records import ClickRecord, HitRecord, LossRecord, unpack_payload
from salepixel.wire.streams import FIELD, OLDEST, BadRecord, read_frames

HITS_AT_ONCE = 25
"""Pixel hits per transaction: about 2 ms each. On SQLite, which has one writer, webhooks wait meanwhile."""

ACCOUNTS_AT_ONCE = 200
"""Accounts with clicks per transaction: each takes about 2 ms, and the time of its clicks."""

Entries = list[tuple[bytes, dict[bytes, bytes]]]
"""The result of XRANGE: (id, fields)."""


@dataclass(frozen=True, slots=True)
class JournalRun:
    """Records of a journal in sequence: the clicks, and the other records with their numbers.

    `lost`: so many more records, from number `first_lost` on, cannot be recovered.
    `is_full`: it ends at the limit of hits or accounts per transaction.
    """

    clicks: list[ClickRecord]
    others: list[tuple[int, HitRecord | LossRecord]]
    unreadable: int
    lost: int
    last: int
    first_lost: int = 0
    is_full: bool = False


class Gap(Exception):
    """The stream lacks records that the journal still has: the edge must ship them again."""


def read_run(entries: Entries, mark: int) -> JournalRun:
    """The records after `mark`, in sequence, as many as one transaction takes. Raises Gap or BadRecord."""
    clicks: list[ClickRecord] = []
    others: list[tuple[int, HitRecord | LossRecord]] = []
    unreadable, lost, first_lost, last, its_hits = 0, 0, 0, mark, 0
    emp_ids: set[int] = set()
    for _, fields in entries:
        for number, payload, _ in read_frames(fields[FIELD]):
            if number <= last:
                continue
            if number > last + 1:
                if OLDEST not in fields:
                    raise Gap(f"{last} is followed by {number}")
                lost += number - last - 1
                first_lost = first_lost or last + 1
            last = number
            try:
                record = unpack_payload(payload)
            except BadRecord:
                unreadable += 1  # undamaged, but of an unknown kind: from an edge of another version
                continue
            if isinstance(record, ClickRecord):
                clicks.append(record)
                emp_ids.add(record.click.emp_id)
            else:
                others.append((number, record))
                its_hits += isinstance(record, HitRecord)
            if its_hits == HITS_AT_ONCE or len(emp_ids) == ACCOUNTS_AT_ONCE:
                return JournalRun(clicks, others, unreadable, lost, last, first_lost, is_full=True)
    return JournalRun(clicks, others, unreadable, lost, last, first_lost)
