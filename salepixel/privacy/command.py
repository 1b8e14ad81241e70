"""What `salepixel person` prints as JSON: everything stored about a person, counts, or a receipt."""

import json
from datetime import UTC, datetime
from math import inf

from salepixel.accounts.principal import COMMAND_LINE
from salepixel.clicks.tokens import ClickSealer
from salepixel.computations.work import Tools
from salepixel.keys import Keys
from salepixel.money.rates import SHIPPED
from salepixel.privacy import use_cases
from salepixel.privacy.erase import finish_erasure
from salepixel.reading.times import rfc3339
from salepixel.storage.database import Database


def export(database: Database, keys: Keys, emp_id: int, who: str) -> str:
    """Everything that is stored about a person. Raises Declined, like `count` and `erase`."""
    tools, now = Tools(ClickSealer(keys), SHIPPED), datetime.now(UTC)
    with database.read() as connection:
        found = use_cases.export_person(connection, COMMAND_LINE, tools, emp_id, who, now)
    return json.dumps(found, ensure_ascii=False, indent=1)


def count(database: Database, keys: Keys, emp_id: int, who: str) -> str:
    """The number of rows of each table that an erasure would find. Changes nothing."""
    with database.read() as connection:
        found = use_cases.count_person(connection, COMMAND_LINE, keys, emp_id, who)
    return json.dumps({"found": found, "erased": False, "hint": "add --yes to erase"}, indent=1)


def erase(database: Database, keys: Keys, emp_id: int, who: str) -> str:
    """Erase a person; returns the receipt. `ended_at` is null if a long read kept SQLite's log in use."""
    with database.write() as connection:
        begun = use_cases.begin_erasure(connection, COMMAND_LINE, keys, emp_id, who, datetime.now(UTC))
    done = finish_erasure(database, ClickSealer(keys), begun, inf)
    receipt = {
        "id": done.id,
        "empId": done.emp_id,
        "begun_at": rfc3339(done.begun_at),
        "ended_at": done.ended_at and rfc3339(done.ended_at),
        "error": done.error or None,
        "counts": dict(done.counts),
    }
    return json.dumps(receipt, indent=1)
