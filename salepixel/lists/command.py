"""What `salepixel import` prints: how a list would be read, or what became of its lines, as JSON."""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from salepixel.accounts.principal import COMMAND_LINE
from salepixel.clicks.tokens import ClickSealer
from salepixel.computations import store as computations
from salepixel.computations.doing import do_step
from salepixel.computations.store import Computation
from salepixel.computations.work import Tools
from salepixel.keys import Keys, Sealed
from salepixel.lists import importing, use_cases
from salepixel.lists.importing import errors_place
from salepixel.lists.layout import Role
from salepixel.lists.receive import receive_list
from salepixel.lists.rows import Problem
from salepixel.lists.store import ContactList
from salepixel.lists.use_cases import Preview
from salepixel.money.rates import SHIPPED
from salepixel.storage.database import Database

_CHUNK = 65_536
_PAUSE = 0.2
_LABELS = {**{str(problem): str(problem) for problem in Problem}, "line": "line", "problem": "problem"}


def import_file(
    database: Database,
    keys: Keys,
    emp_id: int,
    campaign_id: str | None,
    path: Path,
    columns: Sequence[str],
    *,
    sure: bool,
) -> str:
    """Import a file, or only say how it would be read; bad lines go to `<file>.errors.csv`.

    `columns`: the roles of its columns, empty for the proposed ones. Raises Declined, StepFailed, OSError,
    or ValueError for an unknown role.
    """
    now = datetime.now(UTC)
    roles = {place: Role(name) for place, name in enumerate(columns)}
    with path.open("rb") as file:
        chunks = iter(lambda: file.read(_CHUNK), b"")
        found = receive_list(database, COMMAND_LINE, keys, emp_id, campaign_id, path.name, chunks, now)
    try:
        with database.read() as connection:
            shown = use_cases.preview_list(connection, COMMAND_LINE, keys, found.id, roles=roles)
        return _run(database, keys, shown, path) if sure else json.dumps(_described(shown), indent=1)
    finally:
        with database.write() as connection:
            use_cases.delete_list(connection, COMMAND_LINE, found.id, datetime.now(UTC))


def _described(shown: Preview) -> dict[str, object]:
    columns = [
        {"name": name, "role": str(role)} for name, role in zip(shown.names, shown.layout.roles, strict=True)
    ]
    return {
        "encoding": shown.found.encoding,
        "separator": shown.layout.separator,
        "has_header": shown.layout.has_header,
        "lines": shown.found.lines,
        "columns": columns,
        "rows": [fields for fields, _ in shown.rows],
        "imported": False,
        "hint": "add --yes to import, or --columns to change the roles",
    }


def _run(database: Database, keys: Keys, shown: Preview, path: Path) -> str:
    with database.write() as connection:
        started = use_cases.start_import(
            connection, COMMAND_LINE, shown.found.id, shown.layout, _LABELS, datetime.now(UTC)
        )
    tools = Tools(ClickSealer(keys), SHIPPED)
    while True:
        if not do_step(database, tools, {importing.KIND: importing.step}, started.id):
            with database.read() as connection:
                state = use_cases.see_list(connection, COMMAND_LINE, shown.found.id)
            if state.computation is None or not state.computation.is_under_way:
                break
            time.sleep(_PAUSE)  # a worker is doing a step of it
    done = state.imported
    errors = path.with_name(path.name + ".errors.csv")
    if done is not None and done.bad:
        with errors.open("w", encoding="utf-8", newline="") as file:
            file.writelines(_bad_lines(database, keys, shown.found, started))
    result = {
        "stored": done and done.stored,
        "opted_out": done and done.opted_out,
        "not_imported": done and done.bad,
        "problems": done and done.problems,
        "errors": str(errors) if done and done.bad else None,
    }
    return json.dumps(result, indent=1)


def _bad_lines(database: Database, keys: Keys, found: ContactList, started: Computation) -> Iterator[str]:
    for part in computations.read_parts(database, started.id):
        yield keys.open(errors_place(found.id), Sealed(part.decode()))
