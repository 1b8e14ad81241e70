"""The list to send: an uploaded list without the control group, for the e-mail platform."""

import csv
from dataclasses import asdict
from io import StringIO
from itertools import islice
from typing import Any

import sqlalchemy as sa

from salepixel.campaigns.holdout import is_held_out
from salepixel.campaigns.recipients import assigned_recipients
from salepixel.computations.store import compress
from salepixel.computations.work import Json, Progress, Task, Tools
from salepixel.keys import Place
from salepixel.lists import store
from salepixel.lists.layout import Layout
from salepixel.lists.reading import Spot, records_from
from salepixel.lists.rows import Entry, read_row
from salepixel.lists.store import ContactList

KIND = "send_list"

LINES_AT_ONCE = 2000
"""Of one step."""

_BOM = "\ufeff"


def parameters_of(found: ContactList, layout: Layout, percent: int) -> dict[str, Any]:
    """Which list without which control group. The share is a parameter, because it may change."""
    return {"list": found.id, "layout": layout.as_json(), "percent": percent}


def send_place(list_id: str) -> Place:
    """What the list to send is sealed for."""
    return Place("lists", list_id, "send")


def step(connection: sa.Connection, tools: Tools, task: Task, place: Json) -> Progress:
    """One step: the next lines. Lines with a problem are not in the file.

    Lines of people who opted out or were erased are: these are not measured, so they are in no control group.
    """
    layout, percent = Layout.from_json(task.parameters["layout"]), task.parameters["percent"]
    found = store.get_list(connection, task.parameters["list"])
    if found is None or found.campaign_id is None:
        raise LookupError("the list was deleted meanwhile")
    keys, spot = tools.sealer.keys, Spot(**place["spot"]) if place else Spot()
    rows = list(islice(records_from(connection, keys, found, layout.separator, spot), LINES_AT_ONCE))
    is_last, written, count = len(rows) < LINES_AT_ONCE, StringIO(), place.get("rows", 0)
    write = csv.writer(written, delimiter=layout.separator)
    if rows and not place and layout.has_header:
        write.writerow(rows[0][1].fields or [])
        rows, spot = rows[1:], rows[0][2]
    read = [(record, read_row(record.fields, layout)) for _, record, _ in rows]
    good = [(record, entry) for record, entry in read if isinstance(entry, Entry)]
    lots = assigned_recipients(connection, found.campaign_id, {entry.ref for _, entry in good})
    for record, entry in good:
        if entry.ref not in lots or not is_held_out(lots[entry.ref], percent):
            write.writerow(record.fields or [])
            count += 1
    text = ("" if place else _BOM) + written.getvalue()
    part = compress(keys.seal(send_place(found.id), text)) if text else b""
    if is_last:
        return Progress(None, found.lines, found.lines, part, {"rows": count})
    spot = rows[-1][2] if rows else spot
    return Progress({"spot": asdict(spot), "rows": count}, spot.line, found.lines, part)
