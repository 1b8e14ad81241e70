"""What a page, an endpoint, a fold and an order cost does not grow with what is stored.

Each is played on a small year and on one four times as large, without statistics and with them.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench.pages import (
    CHANGES_ALL,
    ORDERS_IN_PARTS,
    SALES_IN_ORDER,
    Call,
    Visitor,
    all_calls,
    find_place,
    open_plugin,
)
from bench.world import BIG, EMP, World, contact_ref, email_of, link_id
from salepixel.accounts.api_keys import add_api_key
from salepixel.campaigns.contacts import Contact, store_contacts
from salepixel.campaigns.directory import read_directory
from salepixel.campaigns.pages import links_of_pages
from salepixel.clicks.ended import end_clicks
from salepixel.clicks.records import HitRecord
from salepixel.clicks.store import settle_clicks, store_clicks
from salepixel.clicks.tokens import Click, Signal, least_id_at, new_click_id
from salepixel.keys import Keys
from salepixel.lists.store import delete_ended, is_any_ended
from salepixel.orders.queue import waits_before
from salepixel.orders.requeue import DueReason, requeue_orders
from salepixel.report import orders as listing
from salepixel.shops.pixel_hits import store_pixel_hit
from salepixel.storage.database import Database
from salepixel.storage.schema import metadata, orders, outbox, unsettled_clicks
from salepixel.watch.facts import evidence_counts, silent_since
from salepixel.watch.store import accounts_with_messages, claim_message, due_accounts
from salepixel_worker.sweep import reconcile_due
from tests.conftest import newest_planner
from tests.plans.work import Statement, Watch, pretend_many_rows

pytestmark = pytest.mark.long

PAGE_BYTES = 150_000
"""A page is smaller, however much is stored."""

SMALL, MORE = 1000, 3000
"""Clicks. BIG has most of them, and more sales, contacts and clicks than a page shows."""

FEWER = 100
"""Orders that a page of the list reads at most: the small year has not many more."""

FEW = {
    *("accounts", "policies", "api_keys", "sessions", "installation", "watermarks", "journals"),
    *(
        "shops",
        "polls",
        "shop_days",
        "shop_rejections",
        "campaigns",
        "links",
        "flows",
        "flow_parts",
        "rejections",
        "losses",
        "unread_orders",
        "erased",
        "erasures",
        "retention",
    ),
    *(
        "alerts",
        "alert_addresses",
        "alert_messages",
        "canaries",
        "looks",
        "subscriptions",
        "report_mails",
        "findings",
        "lists",
        "list_pieces",
    ),
    *("people", "memberships", "invitations", "person_sessions", "recovery_codes", "identities"),
    "smtp_servers",
    *("click_sums", "link_sums", "campaign_sums", "sale_sums", "item_sums", "decision_sums", "seen_sums"),
    *("click_hours", "click_days", "delay_sums", "reason_sums", "part_sums", "outcome_sums", "revenue_sums"),
    *("account_items", "item_days", "returning_sums"),
}
"""Tables that have few rows however much happens: sums have as many as there are days, links or items,
messages are deleted once they are sent, and lists two days after their import."""

GROWING = [table.name for table in metadata.sorted_tables if table.name not in FEW]

GROWS: Mapping[str, str] = {
    **CHANGES_ALL,
    **dict.fromkeys(
        ("api.list_sales_as_csv", "api.list_sales_as_xlsx"),
        "up to 20,000 orders are read at once",
    ),
    "api.list_sales (1000 rows)": "the small year has fewer",
    **dict.fromkeys(
        (
            f"api.list_orders ({what})"
            for what in ("attributed", "nothing matches", "usual amount and outcome")
        ),
        "the large year has more reasons, and each has its own part of the query",
    ),
    **dict.fromkeys(
        (f"api.list_orders (by amount, {what})" for what in ("campaign", "outcome", "one day")),
        "likewise; and the small year has so few orders that all that match are sorted",
    ),
    **dict.fromkeys(
        (f"pages.list_orders ({what})" for what in ORDERS_IN_PARTS),
        "as api.list_orders with a limit of 10: the small year has fewer orders than this page",
    ),
    **dict.fromkeys(
        (f"pages.list_sales ({what})" for what in (*SALES_IN_ORDER, "one day", "one day by amount")),
        "up to 2,000 sales are read: the small year has fewer",
    ),
    "pages.contacts (by orders)": "likewise, contacts",
    **dict.fromkeys(
        ("api.show_trial", "pages.show_trial", "pages.show_trial_rows"),
        "some orders of the last day are read: the small year has fewer",
    ),
    "api.list_sales (one day)": "likewise: a fourth of the orders of a day",
}
"""Calls that read or write more where there is more, each with its reason: they are not played."""

MAY_GROW: Mapping[str, str] = dict.fromkeys(
    ("api.campaign_overview", "pages.overview", "pages.items", "pages.list_account_items"),
    "campaigns and accounts have a kept sum for each item that they sold: at most as many as the shop has",
)
"""Calls that read more until everything has been sold once, each with its reason: they may not scan."""

MAY_SCAN: Mapping[str, str] = {
    "SCAN mails USING INDEX ix_mails_drafts": "holds only the drafts",
    "SCAN contacts USING INDEX ix_contacts_refused": "holds only the opt-outs",
    "SCAN due USING INDEX ix_due_failed": "holds only the orders that failed",
    "SCAN due": "holds only the orders that wait",
    "->  Seq Scan on due": "likewise",
}
"""Steps of plans that are accepted, each with its reason."""

OF_ALL_ACCOUNTS = (
    *("health.metrics", "api.get_rejections", "api.list_losses", "pages.show_owners"),
    "pages.show_whole_audit",
)
"""Calls that a key of one account may not make."""

COUNTS_ALL = {"health.metrics": "counts in the outbox what was sent, too"}
"""Calls that scan a table on purpose, each with its reason."""

ELSEWHERE: Mapping[sa.Table, Mapping[str, object]] = {
    unsettled_clicks: {"click_id": b"\xff" * 16},
    outbox: {
        **dict.fromkeys(("id", "order_id", "url", "answer"), ""),
        "shop_id": "s",
        "emp_id": 2,
        "state": "dead",
        "attempts": 1,
        "next_at": datetime.now(UTC),
    },
}
"""Rows of others: PostgreSQL plans nothing for a table without any."""

KEY_OF_ACCOUNT = "the key of the account"

Played = dict[str, list[Statement]]


def play(watch: Watch, world: World, visitor: Visitor, hour: int) -> Played:
    """Everything once, `hour` hours after the year; gives the statements of each."""
    found: Played = {}

    def note(name: str, do: Callable[[], object]) -> None:
        with watch.statements() as seen:
            do()
        found[name] = seen

    place = find_place(world.database, world.shop.id)
    calls = [call for call in all_calls(visitor.app, place) if call.name not in GROWS]

    def visit(call: Call) -> None:
        answer = visitor.ask(call)
        if call.name.startswith("pages.") and answer.mimetype == "text/html":
            assert (answer.content_length or 0) < PAGE_BYTES, f"{call.name}: {answer.content_length} bytes"

    # A key of one account asks for its rows alone, and often by other statements.
    of_account = Visitor(visitor.app, KEY_OF_ACCOUNT)
    for call in calls:
        if call.method == "GET":
            note(call.name, partial(visit, call))
            if call.name not in OF_ALL_ACCOUNTS:
                note(f"{call.name}, by the account", partial(of_account.ask, call))
    after, before = world.now + timedelta(hours=hour), world.now - timedelta(days=180, hours=hour)
    place_newest_order(world, after)
    note("fold", lambda: fold(world, after))
    note("settle", lambda: settle(world, after))
    note("fold of late clicks", lambda: fold(world, before))
    note("settle of late clicks", lambda: settle(world, after))
    world.reconcile()
    note("pixel hit", lambda: hit(world, after))
    note("opt out and in", lambda: opt_out_and_in(world))
    world.reconcile()
    requeue_some(world)
    note("reconcile", lambda: reconcile_due(world.database, world.sealer, 20))
    note("retention of clicks", lambda: end_some_clicks(world, only_bots=False))
    note("retention of bot clicks", lambda: end_some_clicks(world, only_bots=True))
    note("pages of a dynamic link", lambda: click_pages(world))
    note("alerts", lambda: look(world, after))
    note("directory", lambda: make_directory(world))
    for call in calls:
        if call.method != "GET":
            note(call.name, partial(visitor.ask, call))
    world.reconcile()
    return found


def place_newest_order(world: World, at: datetime) -> None:
    """A click is folded with an order of the last minutes, as is normal for a shop."""
    newest = sa.select(orders.c.id).order_by(orders.c.placed_at.desc()).limit(1).scalar_subquery()
    with world.database.write() as connection:
        connection.execute(sa.update(orders).where(orders.c.id == newest).values(placed_at=at))


def fold(world: World, at: datetime) -> None:
    ms = int(at.timestamp() * 1000)
    some = [Click(new_click_id(ms), EMP, BIG, link_id(BIG, 0), contact_ref(n)) for n in range(40)]
    with world.database.write() as connection:
        store_clicks(connection, [(click, Signal.CHROMIUM) for click in some])


def settle(world: World, at: datetime) -> None:
    with world.database.write() as connection:
        assert settle_clicks(connection, at + timedelta(hours=1), 40) == 40


def hit(world: World, at: datetime) -> None:
    record = HitRecord(new_click_id(int(at.timestamp() * 1000)), EMP, "order=100001", "", "", signed=False)
    with world.database.write() as connection:
        store_pixel_hit(connection, world.sealer, record)


def opt_out_and_in(world: World) -> None:
    email, alias = world.keys.hash_address(EMP, email_of(contact_ref(3)))
    for consent in (False, True):
        with world.database.write() as connection:
            store_contacts(connection, EMP, [Contact(contact_ref(3), email, consent, alias)], world.now)


def end_some_clicks(world: World, *, only_bots: bool) -> None:
    """A step of retention, which is undone: the later rounds must find the same."""
    old = least_id_at(world.now - timedelta(days=30))
    with world.database.engine.connect() as connection:
        waits_before(connection, EMP, world.now, world.now)
        seen, ended, _ = end_clicks(connection, BIG, bytes(16), old, 40, only_bots=only_bots)
        assert seen == 40
        assert ended == 40 or only_bots
        connection.rollback()


def click_pages(world: World) -> None:
    with world.database.write() as connection:
        links_of_pages(connection, {(BIG, f"shop.test/p/{n}"): 1 for n in range(20)})


def look(world: World, now: datetime) -> None:
    with world.database.write() as connection:
        evidence_counts(connection, EMP, now)
        silent_since(connection, EMP, now - timedelta(days=1), now)
        claim_message(connection, EMP, now, now)
        due_accounts(connection, now, canaries_run=True)
        accounts_with_messages(connection, now)
        is_any_ended(connection, now)
        delete_ended(connection, now)


def make_directory(world: World) -> None:
    with world.database.read() as connection:
        read_directory(connection)


def requeue_some(world: World) -> None:
    with world.database.write() as connection:
        first = sa.select(orders.c.shop_id, orders.c.id).order_by(orders.c.number).limit(20)
        pairs = [(row.shop_id, row.id) for row in connection.execute(first)]
        requeue_orders(connection, pairs, DueReason.CLICKS)


def work_by_shape(seen: list[Statement]) -> dict[str, tuple[int, Statement]]:
    found: dict[str, tuple[int, Statement]] = {}
    for one in seen:
        before, costliest = found.get(one.shape, (0, one))
        found[one.shape] = before + one.work, max(one, costliest, key=lambda some: some.work)
    return found


def kind_of(name: str) -> str:
    return name.partition(" (")[0].partition(",")[0]


def growing(watch: Watch, small: Played, large: Played) -> list[str]:
    """The statements that made more than twice the work, each with its plan."""
    reported = []
    for name in sorted(name for name in small if kind_of(name) not in MAY_GROW):
        before = work_by_shape(small[name])
        for shape, (work, one) in work_by_shape(large[name]).items():
            least = before.get(shape, (0, one))[0]
            if work > 2 * least + (400 if watch.is_sqlite else 200):
                plan = "\n    ".join(watch.plan(one))
                reported.append(f"{name}: {least} -> {work} {one.relations or ''}\n  {one.text}\n    {plan}")
    return reported


def scans(watch: Watch, played: Played) -> list[str]:
    """The statements that scan a table that grows, each once."""
    tables = "|".join(GROWING)
    scan = re.compile(rf"^SCAN ({tables})(_\d+)?\b|Seq Scan on ({tables})\b")
    reported: dict[str, str] = {}
    for name in sorted(name for name in played if kind_of(name) not in COUNTS_ALL):
        for one in played[name]:
            if one.shape in reported or not one.text.startswith(
                ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")
            ):
                continue
            reported[one.shape] = ""
            plan = watch.plan(one)
            bad = [step for step in plan if scan.search(step) and step not in MAY_SCAN]
            if bad:
                reported[one.shape] = f"{name}: {bad}\n  {one.text}"
    return [text for text in reported.values() if text]


# On PostgreSQL, which counts rows by another query after each statement, it takes 20 s of CPU.
@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
@newest_planner
def test_no_statement_does_more_work_when_more_is_stored(
    database: Database,
    keys: Keys,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "SCANNED", FEWER)
    world = World(database, keys, campaigns=4, clicks_per_order=8, crowd=0.1)
    world.add(SMALL)
    with database.write() as connection:
        for table, row in ELSEWHERE.items():
            connection.execute(sa.insert(table).values(row))
        add_api_key(connection, KEY_OF_ACCOUNT, EMP, "account", world.now)
    visitor, watch = open_plugin(database, tmp_path, keys), Watch(database)
    request.addfinalizer(watch.stop)
    many = partial(pretend_many_rows, database, GROWING)
    many(statistics=False)
    small = play(watch, world, visitor, 1)
    world.add(MORE)
    found = {}
    # PostgreSQL analyses a table a minute after rows were stored. Until then it may scan, or sort more.
    if watch.is_sqlite:
        many(statistics=False)
        large = play(watch, world, visitor, 3)
        found = {"without statistics": growing(watch, small, large), "scans": scans(watch, large)}
    many(statistics=True)
    large = play(watch, world, visitor, 5)
    found |= {"with statistics": growing(watch, small, large), "scans, with statistics": scans(watch, large)}
    assert not any(found.values()), "\n\n".join(f"== {k} {len(v)}\n" + "\n".join(v) for k, v in found.items())
