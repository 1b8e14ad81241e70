"""The report follows from clicks, orders and pixel hits, and any manipulation is detected."""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.campaigns import store as campaigns
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import Click, ClickSealer, Signal
from salepixel.keys import load_keys
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel_worker.rebuild import rebuild_all, verify_all
from tests.command import CommandLine
from tests.databases import copy_template
from tests.make import CAMPAIGN, NOON, click_at, order
from tests.worker.world import HOUR, NO_SIGNAL, World, story


@pytest.fixture
def played(database: Database, sealer: ClickSealer) -> World:
    world = World(database, sealer)
    world.connect()
    for happen in story(world):
        happen()
    world.report()
    return world


def test_an_unchanged_report_verifies(played: World) -> None:
    played.policy(model="linear", window_days=30)
    played.reconcile()
    found = verify_all(played.database, played.sealer)
    assert (found.orders, found.due, found.different) == (4, 0, [])


@pytest.mark.parametrize("seed", range(5))
def test_any_events_in_any_order_verify(sqlite: Database, sealer: ClickSealer, seed: int) -> None:
    world = World(sqlite, sealer, model="decay")
    world.connect()
    events = story(world) * 2
    random.Random(seed).shuffle(events)  # noqa: S311
    for happen in events:
        happen()
    world.reconcile()
    assert verify_all(sqlite, sealer).different == []


MANIPULATED: tuple[tuple[sa.Table, dict[str, Any], str], ...] = (
    (schema.sales, {"amount": schema.sales.c.amount + 1}, "sales are"),
    (schema.sales, {"refunded": schema.sales.c.refunded + 1}, "sales are"),
    (schema.sales, {"campaign_id": "0000000000c7"}, "sales are"),
    (schema.decisions, {"reason": "no_click"}, "reason is"),
    (schema.candidates, {"share": 0.5}, "candidates is"),
    (schema.candidates, {"contact": "", "opted_out": True}, "candidates is"),
    (schema.decisions, {"confidence": 0.5}, "credited is"),
    (schema.decisions, {"buyer": "cy"}, "buyer is"),
    (schema.sales, {"converted": schema.sales.c.converted + 1}, "sales are stored with another converted"),
    (schema.sales, {"converted_refunded": 7}, "another converted_refunded"),
    (schema.sales, {"converted": 1, "emp_id": 2}, "another converted, emp_id"),
    (schema.sale_refunds, {"campaign_id": "0000000000c7"}, "refunds are stored with another campaign_id"),
    (schema.sale_refunds, {"converted": 1}, "another converted"),
)


def test_a_manipulated_amount_or_reason_is_detected_and_corrected(played: World) -> None:
    """Each in the report that the rebuild after the one before has corrected."""
    partly_refunded = order(
        id="O2", number="2", email_hash="hash-of-bo", refunded=Decimal("10.00"), updated_at=NOON + HOUR
    )
    played.order(partly_refunded)
    played.reconcile()
    assert verify_all(played.database, played.sealer).different == []
    for table, change, word in MANIPULATED:
        with played.database.write() as connection:
            connection.execute(sa.update(table).where(table.c.order_id == "O2").values(**change))
        (line, *_) = verify_all(played.database, played.sealer).different
        assert line.startswith("order 2 (O2): "), word
        assert word in line
        rebuild_all(played.database, played.sealer)
        assert verify_all(played.database, played.sealer).different == [], word


def test_a_pixel_order_is_compared_with_its_hits(database: Database, sealer: ClickSealer) -> None:
    world = World(database, sealer)
    world.hit("PRODUCTO=Shoes&IMPORTE=5&order=A", click_at(NOON - HOUR))
    world.report()
    assert verify_all(database, sealer).different == []
    with database.write() as connection:
        connection.execute(sa.update(schema.hits).values(amount="6"))
    assert "pixel hits" in verify_all(database, sealer).different[0]


def test_a_waiting_order_is_counted_and_is_not_a_difference(played: World) -> None:
    played.order(order(id="O9", number="9"))
    found = verify_all(played.database, played.sealer)
    assert (found.due, found.different) == (1, [])


@pytest.mark.parametrize(
    ("amount", "code", "said"), [(0, 0, "0 differ"), (1, 1, "order 1042 (O1): sales are")]
)
def test_the_command_lists_the_differences(
    tmp_path: Path,
    sqlite_template: Path,
    command_line: CommandLine,
    amount: int,
    code: int,
    said: str,
) -> None:
    sealer = ClickSealer(load_keys(tmp_path / "keys.json"))
    database = copy_template(sqlite_template, tmp_path)
    world = World(database, sealer)
    world.connect()
    world.order(order(click_token=sealer.seal(click_at(NOON - HOUR))))
    world.report()
    with database.write() as connection:
        connection.execute(sa.update(schema.sales).values(amount=schema.sales.c.amount + amount))
    done = command_line.run("rebuild", "--verify")
    assert done.code == code, done.stderr
    assert said in done.stdout


def test_tables_of_another_version_are_named(tmp_path: Path, command_line: CommandLine) -> None:
    """After an update, an operator may compare before any service has migrated the tables."""
    load_keys(tmp_path / "keys.json")
    (tmp_path / "salepixel.sqlite3").touch()  # a database without the tables of this version
    done = command_line.run("rebuild", "--verify")
    assert done.code == 2
    assert "Run `salepixel up` once" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refund_of_a_missing_sale_is_detected(played: World) -> None:
    with played.database.write() as connection:
        columns = [column for column in schema.sale_refunds.c if column.name != "line_id"]
        one = sa.select(sa.literal("L9"), *columns).limit(1)
        names = ["line_id", *(column.name for column in columns)]
        connection.execute(sa.insert(schema.sale_refunds).from_select(names, one))
    line, *its_sums = verify_all(played.database, played.sealer).different
    assert line == "order 1 (O1): refunds are 3 rows and must be 2"
    assert [one.partition(" ")[0] for one in its_sums] == ["sale_sums", "campaign_sums"]


TOKEN = click_at(NOON - HOUR, "ana")
NOBODYS = click_at(NOON - HOUR, "")
LONG = click_at(NOON - HOUR, "x" * 60)


def token_of(click: Click, **reported: Any) -> Callable[[World], None]:
    return lambda world: world.order(order(**reported, click_token=world.sealer.seal(click)))


def cookie_of(click: Click) -> Callable[[World], None]:
    def happen(world: World) -> None:
        world.order(order())
        world.hit("order=1042", click)

    return happen


def click(made: Click, signals: Signal = NO_SIGNAL) -> Callable[[World], None]:
    return lambda world: world.click(made, signals)


def contact(ref: str, email_hash: str | None) -> Callable[[World], None]:
    return lambda world: world.contact(ref, email_hash)


def campaign_named(name: str) -> Callable[[World], None]:
    def happen(world: World) -> None:
        with world.database.write() as connection:
            made = campaigns.Campaign("0000000000c9", 1, "Winter", "plain", NOON, utm_campaign=name)
            campaigns.add_campaign(connection, made, [])

    return happen


def sent_just_before(made: Click) -> Callable[[World], None]:
    """The sent time is reported late, and shows that the click came within seconds."""

    def happen(world: World) -> None:
        with world.database.write() as connection:
            campaign = campaigns.get_campaign(connection, CAMPAIGN)
            assert campaign is not None
            campaigns.set_sent_at(connection, campaign, made.clicked_at - timedelta(milliseconds=300))
            assert clicks.settle_clicks(connection, NOON, 10) == 1

    return happen


@pytest.mark.parametrize(
    ("known", "later"),
    [
        pytest.param([token_of(NOBODYS)], click(NOBODYS), id="a click without a contact"),
        pytest.param([token_of(NOBODYS)], click(NOBODYS, Signal.HEAD), id="a bot's click"),
        pytest.param([token_of(NOBODYS, paid=False)], click(NOBODYS), id="of an order that is not paid"),
        pytest.param([cookie_of(NOBODYS)], click(NOBODYS), id="a click without a contact, at the pixel"),
        pytest.param(
            [contact("ana", "h1"), token_of(TOKEN, email_hash="h2")], click(TOKEN), id="of a forwarded mail"
        ),
        pytest.param(
            [contact("ana", "h1"), contact("bo", "h2"), token_of(TOKEN, email_hash="h2")],
            click(TOKEN),
            id="left in a shared browser",
        ),
        pytest.param([token_of(LONG)], click(LONG), id="of a reference too long for a token"),
        pytest.param([token_of(LONG, paid=False)], click(LONG), id="the same, of an order that is not paid"),
        pytest.param(
            [click(NOBODYS), token_of(NOBODYS, paid=False)],
            sent_just_before(NOBODYS),
            id="known, and judged again when the sent time is set",
        ),
        pytest.param(
            [contact("ana", "h"), lambda world: world.order(order(email_hash="h"))],
            click(click_at(NOON - 10 * 24 * HOUR)),
            id="outside the window, with the reason",
        ),
        pytest.param(
            [lambda world: world.order(order(utm_campaign="u", placed_at=NOON + HOUR))],
            campaign_named("u"),
            id="a campaign by name",
        ),
    ],
)
def test_data_named_by_an_order_may_arrive_after_it(
    database: Database,
    sealer: ClickSealer,
    known: list[Callable[[World], None]],
    later: Callable[[World], None],
) -> None:
    world = World(database, sealer)
    world.connect()
    for happen in known:
        happen(world)
        world.reconcile()
    later(world)
    assert world.due(), "or nothing was learned"
    world.reconcile()
    assert verify_all(database, sealer).different == []
