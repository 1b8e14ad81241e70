"""Imports a list in steps: good lines are stored, bad ones go to a file with their reasons.

A step stores some lines and its progress in one transaction, so each line is imported once; and importing a
list again changes nothing.
"""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from io import StringIO
from itertools import islice
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.campaigns import use_cases as campaigns
from salepixel.computations.store import compress
from salepixel.computations.work import Json, Progress, Task, Tools, Writing
from salepixel.keys import Place
from salepixel.lists import store
from salepixel.lists.layout import Layout
from salepixel.lists.reading import Spot, records_from
from salepixel.lists.records import Record
from salepixel.lists.rows import Entry, Problem, read_row
from salepixel.lists.store import KEPT, ContactList

KIND = "import"

LINES_AT_ONCE = 200
"""Of one step: 30 to 50 ms, as long as orders wait for it."""

SHOWN = 20
"""The bad lines that a page shows."""

_BOM = "\ufeff"  # without it Excel takes UTF-8 for the system's own encoding


@dataclass
class Imported:
    """What became of the lines. `stored`: contacts stored; `opted_out`: those that the list opts out.

    `problems`: how many lines have each problem; `first`: the first ones, as line and problem.
    """

    stored: int = 0
    opted_out: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    first: list[tuple[int, str]] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """The number of lines that were not imported."""
        return sum(self.problems.values())


@dataclass(frozen=True, slots=True)
class _Bad:
    line: int
    problem: Problem
    record: Record


def parameters_of(found: ContactList, layout: Layout, labels: Mapping[str, str]) -> dict[str, Any]:
    """What is imported. `labels`: the reader's words for each Problem, and for `line` and `problem`."""
    return {"list": found.id, "layout": layout.as_json(), "labels": dict(labels)}


def errors_place(list_id: str) -> Place:
    """What the file of bad lines is sealed for."""
    return Place("lists", list_id, "errors")


def step(connection: sa.Connection, tools: Tools, task: Task, place: Json) -> Writing:
    """One step: reads the next lines; what it returns stores them."""
    layout, labels = Layout.from_json(task.parameters["layout"]), task.parameters["labels"]
    found = store.get_list(connection, task.parameters["list"])
    if found is None:
        raise LookupError("the list was deleted meanwhile")
    keys, spot = tools.sealer.keys, Spot(**place["spot"]) if place else Spot()
    imported, names = Imported(**place["imported"]) if place else Imported(), place.get("names", [])
    rows = list(islice(records_from(connection, keys, found, layout.separator, spot), LINES_AT_ONCE))
    is_last = len(rows) < LINES_AT_ONCE
    if rows and not place and layout.has_header:
        names, rows, spot = rows[0][1].fields or [], rows[1:], rows[0][2]
    entries: list[tuple[int, Record, Entry]] = []
    bad: list[_Bad] = []
    spot = rows[-1][2] if rows else spot
    for line, record, _ in rows:
        if record.fields is not None and not any(map(str.strip, record.fields)):
            continue  # blank
        read = read_row(record.fields, layout)
        if isinstance(read, Entry):
            entries.append((line, record, read))
        else:
            bad.append(_Bad(line, read, record))

    def write(connection: sa.Connection) -> Progress:
        now = datetime.now(UTC)
        reported = _merged([entry for _, _, entry in entries])
        done = campaigns.add_contacts(connection, INSTALLATION, keys, found.emp_id, reported, now)
        refs = [ref for ref in reported if ref not in done.erased]
        if found.campaign_id:
            sent = {entry.ref: entry.sent_at for _, _, entry in entries if entry.sent_at is not None}
            its = INSTALLATION, found.campaign_id, refs, keys
            campaigns.add_recipients(connection, *its, None, {ref: sent[ref] for ref in refs if ref in sent})
        gone = [_Bad(line, Problem.ERASED, record) for line, record, e in entries if e.ref in done.erased]
        wrong = sorted([*bad, *gone], key=lambda one: one.line)
        _count(imported, done.stored, sum("consent" in one for one in reported.values()), wrong)
        text = _file(wrong, layout, labels, names, is_begin=not place)
        part = compress(keys.seal(errors_place(found.id), text)) if text else b""
        if is_last:
            store.change_list(connection, found.id, ends_at=now + KEPT if found.campaign_id else now)
            return Progress(None, found.lines, found.lines, part, asdict(imported))
        store.change_list(connection, found.id, ends_at=now + KEPT)
        after = {"spot": asdict(spot), "imported": asdict(imported), "names": names}
        return Progress(after, spot.line, found.lines, part)

    return write


def _merged(entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """Reference -> address and opt-out, as campaigns.add_contacts takes them; the last address counts.

    A list never ends an opt-out: it may be older than the opt-out, or know only that of the newsletter.
    """
    merged: dict[str, dict[str, Any]] = {}
    for entry in entries:
        values = merged.setdefault(entry.ref, {})
        values |= {"email": entry.email} if entry.email else {}
        values |= {"consent": False} if entry.opted_out else {}
    return merged


def _count(imported: Imported, stored: int, opted_out: int, wrong: Sequence[_Bad]) -> None:
    imported.stored += stored
    imported.opted_out += opted_out
    counted = Counter(imported.problems)
    counted.update(str(one.problem) for one in wrong)
    imported.problems = dict(counted)
    free = SHOWN - len(imported.first)
    imported.first += [(one.line, str(one.problem)) for one in wrong[:free]]


def _file(
    wrong: Sequence[_Bad], layout: Layout, labels: Mapping[str, str], names: Sequence[str], *, is_begin: bool
) -> str:
    """The next lines of the file of bad lines: as they were, with line and problem behind."""
    written, width = StringIO(), len(layout.roles)
    write = csv.writer(written, delimiter=layout.separator)
    if is_begin:
        head = [*names, *[""] * (width - len(names))][:width]
        write.writerow([*head, labels["line"], labels["problem"]])
    for one in wrong:
        # The text of an unreadable line comes last: as a reference, it would be imported the next time.
        fields, rest = one.record.fields or [], [] if one.record.fields else [one.record.text.rstrip("\r\n")]
        write.writerow([*fields, *[""] * (width - len(fields)), one.line, labels[one.problem], *rest])
    return _BOM * is_begin + written.getvalue()
