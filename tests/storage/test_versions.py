"""After an update, no decision of an older database differs, and nothing is lost."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.attribution.decisions import get_decision
from salepixel.attribution.explanation import explanation_as_json
from salepixel.clicks.tokens import ClickSealer
from salepixel.orders.deliveries import count_rejections, read_delivery, sum_rejections
from salepixel.storage.database import Database, migrate, open_database
from salepixel_worker.rebuild import rebuild_all, verify_all
from salepixel_worker.sweep import pack_deliveries
from tests.databases import new_postgresql_database
from tests.storage.make_version import VERSIONS, as_sql, play
from tests.storage.test_migrations import upgrade
from tests.worker.world import World

pytestmark = pytest.mark.long

_BYTES = re.compile(r"(?<=[ (])x'([0-9a-f]*)'(?=[,)])")


@pytest.fixture(params=["sqlite", "postgresql"])
def new(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        opened = open_database("", tmp_path)
        yield opened
        opened.close()
        return
    with new_postgresql_database(request.getfixturevalue("postgresql"), "of_a_version") as url:
        opened = open_database(url, tmp_path)
        yield opened
        opened.close()


def fill(database: Database, revision: str) -> None:
    """Fill a database as a version left it."""
    upgrade(database, revision, "")
    insert(database, (VERSIONS / f"{revision}.sql").read_text())


def insert(database: Database, text: str) -> None:
    """Execute the statements of such a file."""
    if database.engine.dialect.name == "postgresql":
        text = _BYTES.sub(r"'\\x\1'::bytea", text)
    with database.write() as connection:
        connection = connection.execution_options(no_parameters=True)  # a % is a %
        for statement in text.split(";\n")[:-1]:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize("revision", sorted(path.stem for path in VERSIONS.glob("*.sql")))
def test_a_database_of_an_earlier_version_verifies(new: Database, sealer: ClickSealer, revision: str) -> None:
    fill(new, revision)
    migrate(new)
    found = verify_all(new, sealer)
    assert (found.different, found.due) == ([], 0)
    assert (found.orders, found.closed) == (26, 25)
    assert rebuild_all(new, sealer).different == []
    assert verify_all(new, sealer).different == []


def test_a_database_of_this_version_can_be_saved_for_later_tests(
    sqlite: Database, postgresql_database: Database, sealer: ClickSealer
) -> None:
    play(World(sqlite, sealer))
    with sqlite.read() as connection:
        insert(postgresql_database, "".join(as_sql(connection)))
    for database in (sqlite, postgresql_database):
        found = verify_all(database, sealer)
        assert (found.different, found.orders, found.closed) == ([], 26, 25)


def test_0022_shows_the_same_decisions_as_the_earlier_json(new: Database) -> None:
    fill(new, "0020")
    with new.read() as connection:
        before = connection.execute(sa.text("SELECT * FROM decisions")).mappings().all()
    migrate(new)
    with new.read() as connection:
        for row in before:
            kept = get_decision(connection, row["shop_id"], row["order_id"])
            assert kept is not None
            assert json.dumps(explanation_as_json(kept.explanation)) == json.dumps(_as_shown_before(row))


class _Now(dict[Any, Any]):
    """The name of a reason or a verdict after 0024; most keep theirs."""

    def __missing__(self, name: Any) -> Any:
        return name


_NOW = _Now(
    machine="bot", machine_click="bot_click", refused_consent="opted_out", pixel_is_no_proof="pixel_only"
)


def _as_shown_before(row: sa.RowMapping) -> dict[str, Any]:
    earned = row["outcome"] in ("attributed", "likely")
    shown: dict[str, Any] = {name: row[name] for name in ("outcome", "reason", "policy")}
    shown["reason"] = _NOW[shown["reason"]]
    candidates = []
    for one in json.loads(row["candidates"]):
        foreign = one["passed_over"] == "other_account"
        hidden = dict.fromkeys(("campaign", "link", "contact")) if foreign else {}
        named = {"verdict": _NOW[one["verdict"]], "passed_over": _NOW[one["passed_over"]]}
        candidates.append(one | hidden | named | {"credited": earned and one["credited"]})
    later = {"clicks_limit": None, "contacts_hidden": False}
    return {**shown, "candidates": candidates, **json.loads(row["details"]), **later}


BEFORE_0022 = """
INSERT INTO accounts (emp_id, name, currency, created_at) VALUES (1, 'Shoes', 'EUR', 0);
INSERT INTO shops (id, emp_id, platform, api_url, created_at)
    VALUES ('s1', 1, 'saleor', 'https://a.test/', 0);
INSERT INTO orders (shop_id, id, emp_id, number, placed_at, updated_at, issued_at, snapshot, delivery, due)
    VALUES ('s1', 'O1', 1, '1', 0, 0, 0, '{}', '', false);
INSERT INTO decisions (shop_id, order_id, emp_id, outcome, reason, policy, placed_at, candidates) VALUES
    ('s1', 'O1', 1, 'attributed', 'click_token_on_order', 1, 0, '[
    {"click": "000000000001000000000000000000ff", "clicked_at": "1970-01-01T00:00:00.001000Z", "campaign":
    "c1", "link": "a1", "contact": "ana", "evidence": "token", "verdict": "human", "confidence": 0.99,
    "credited": true, "passed_over": null},
    {"click": null, "clicked_at": null, "campaign": null, "link": null, "contact": "ro", "evidence": "email",
    "verdict": "unknown", "confidence": 0.9, "credited": false, "passed_over": "refused_consent"}]'),
    ('s1', 'gone', 1, 'pending', 'unpaid', 1, 0, '[]');
"""


def test_0022_migrates_decisions_without_details(new: Database) -> None:
    """Nobody is credited; opted-out contacts are not named; a decision without an order is dropped."""
    upgrade(new, "0001", BEFORE_0022)
    migrate(new)
    with new.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM decisions")) == 1
        kept = get_decision(connection, "s1", "O1")
    assert kept is not None
    shown = explanation_as_json(kept.explanation)
    assert (shown["credited"], shown["model"], shown["agreeing"], shown["conflicting"]) == (
        None,
        "last",
        [],
        [],
    )
    first, second = shown["candidates"]
    assert (first["clicked_at"], first["contact"], first["share"]) == (
        "1970-01-01T00:00:00.001000Z",
        "ana",
        0.0,
    )
    assert (second["contact"], second["passed_over"]) == (None, "opted_out")


BEFORE_0029 = """
INSERT INTO deliveries (digest, shop_id, event, headers, body, received_at, unread) VALUES
    ('d1', 's1', 'order_paid', '{"saleor-event": "order_paid"}', x'7b226f72646572223a206e756c6c7d', 7,
        'no_order'),
    ('d2', 's1', 'sales_api', '{}', x'', 8, '');
"""


BEFORE_0031 = """
INSERT INTO rejections (day, door, reason, count) VALUES
    ('2026-11-27', 'poll', 'shop_away', 3),
    ('2026-11-27', 'poll', 'shop_too_slow', 1),
    ('2026-11-27', 'saleor_webhook', 'keys_away', 2),
    ('2026-11-28', 'poll', 'shop_away', 4);
"""


def test_0031_keeps_the_counts_of_rejections_under_their_names_of_now(new: Database) -> None:
    upgrade(new, "0030", "")
    insert(new, BEFORE_0031.lstrip())
    migrate(new)
    with new.write() as connection:
        count_rejections(connection, {("2026-11-28", "poll", "shop_unavailable"): 1})
        assert sum_rejections(connection) == {
            ("poll", "shop_too_slow"): 1,
            ("poll", "shop_unavailable"): 8,
            ("saleor_webhook", "keys_unavailable"): 2,
        }


def test_0029_keeps_deliveries_as_they_came_and_sweeps_pack_them(new: Database) -> None:
    upgrade(new, "0028", "")
    insert(new, BEFORE_0029.lstrip())
    migrate(new)
    for packed in (2, 0):
        with new.read() as connection:
            first, second = (read_delivery(connection, digest) for digest in ("d1", "d2"))
        assert first is not None
        assert second is not None
        assert (first.headers, first.body) == ({"saleor-event": "order_paid"}, b'{"order": null}')
        assert (second.headers, second.body, second.unread) == ({}, b"", "")
        assert pack_deliveries(new, 60) == packed
