"""A migration keeps the rows of the tables that it changes."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from salepixel.accounts.store import get_account
from salepixel.clicks.store import list_clicks, settle_clicks
from salepixel.orders.queue import due_orders
from salepixel.orders.refunds import refund_history
from salepixel.report.coverage import PixelProblem, pixel_problems
from salepixel.report.periods import ALWAYS
from salepixel.report.sales import all_sales
from salepixel.shops.store import add_shop, find_shop, list_shops
from salepixel.storage.database import Database, migrate, open_database
from salepixel.storage.schema import EPOCH
from tests.databases import new_postgresql_database
from tests.make import NOON, order

BEFORE = """
INSERT INTO accounts (emp_id, name, currency, created_at) VALUES (1, 'Shoes', 'EUR', 0);
INSERT INTO orders (shop_id, id, emp_id, number, placed_at, updated_at, issued_at, snapshot, delivery, due)
    VALUES ('s1', 'O1', 1, '1', 0, 0, 0, '{}', '', false), ('s1', 'O2', 1, '2', 0, 0, 0, '{}', '', false);
INSERT INTO sales (shop_id, order_id, line_id, emp_id, campaign_id, link_id, click_id, contact, item,
    quantity, amount, refunded, currency, purchased_at, order_number, evidence, confidence, status)
    VALUES ('s1', 'O1', 'L1', 1, 'c1', 'a1', x'00', 'ana', 'Shoes', 1, 100, 0, 'EUR', 0, '1', 'token', 1,
    'confirmed');
"""

BEFORE_0006 = """
INSERT INTO sales (shop_id, order_id, line_id, emp_id, campaign_id, link_id, click_id, contact, item,
    quantity, amount, refunded, currency, purchased_at, order_number, evidence, confidence, status)
    VALUES ('s1', 'O2', 'L1', 1, 'c1', 'a1', x'00', 'ana', 'Shoes', 1, 100, 30, 'EUR', 20, '2', 'token', 1,
    'confirmed');
INSERT INTO sale_refunds (shop_id, order_id, line_id, click_id, refunded_at, campaign_id, amount, currency)
    VALUES ('s1', 'O2', 'L1', x'00', 30, 'c1', 10, 'EUR'), ('s1', 'O2', 'L1', x'00', 40, 'c1', 20, 'EUR');
UPDATE orders SET due = false;
UPDATE orders SET placed_at = 20 WHERE id = 'O2';
UPDATE accounts SET closed_before = 10;
"""
BEFORE_0020 = """
INSERT INTO hits (id, emp_id, order_ref, order_id, click_token, product, quantity, amount, currency, signed,
    ignored)
    VALUES (x'01', 1, '', '', '', '', 1, '', '', false, 'unsigned'), (x'02', 1, '', '', '', '', 1, '', '',
    false, '');
"""


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Database]:
    """A database with the tables of the first migration."""
    opened = open_database("", tmp_path)
    upgrade(opened, "0001", BEFORE)
    yield opened
    opened.close()


def upgrade(database: Database, revision: str, statements: str) -> None:
    """Migrate to a revision, then run statements."""
    config = Config()
    config.set_main_option("script_location", "salepixel.storage:migrations")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for statement in statements.split(";")[:-1]:
            connection.exec_driver_sql(statement)


def test_0002_keeps_sales_and_requeues_their_orders(older: Database) -> None:
    migrate(older)
    with older.read() as connection:
        account = get_account(connection, 1)
        assert account is not None
        assert (account.sale_when, account.tax, account.shipping) == ("paid", "gross", "excluded")
        assert due_orders(connection, 9) == [("s1", "O1")]
        (sale,) = [row.sale for row in all_sales(connection, "c1")]
        assert (str(sale.amount), sale.rate, sale.refunds) == ("1.00", None, ())
        assert connection.scalar(sa.text("SELECT count(*) FROM refunds")) == 0


def test_0006_keeps_the_times_of_refunds_and_requeues_closed_orders(older: Database) -> None:
    upgrade(older, "0004", BEFORE_0006)
    migrate(older)
    with older.read() as connection:
        by_order = {row.order_id: row.sale for row in all_sales(connection, "c1")}
        assert by_order["O1"].refunded_at is None
        assert by_order["O2"].refunded_at == EPOCH + timedelta(microseconds=40)
        assert (by_order["O2"].refunded, by_order["O2"].refunded_later) == (Decimal("0.30"), Decimal(0))
        assert due_orders(connection, 9) == [("s1", "O1")], "the other one's month is open"


def test_0010_keeps_quantities(older: Database) -> None:
    upgrade(older, "0009", "")
    migrate(older)
    with older.read() as connection:
        assert [row.sale.quantity for row in all_sales(connection, "c1")] == [Decimal(1)]


def test_0008_keeps_reported_refunds(older: Database) -> None:
    refund = "INSERT INTO refunds VALUES ('s1', 'O1', 1000000, 1000, false, 2000000);"
    upgrade(older, "0005", refund)
    migrate(older)
    with older.read() as connection:
        (state,) = refund_history(connection, "s1", order(currency="USD"))
    assert (state.refunded, state.issued_at.second) == (Decimal("10.00"), 2)


def test_0013_keeps_shops_and_allows_their_url_in_another_account(older: Database) -> None:
    columns = (
        "INSERT INTO shops (id, emp_id, platform, api_url, app_id, token, jwks, connected_at, created_at)"
    )
    kept = f"{columns} VALUES ('s1', 1, 'saleor', 'https://a.test/', 'A1', 't', '{{}}', 5, 1)"
    deleted = f"{columns} VALUES ('s2', 1, 'saleor', 'https://b.test/', 'A2', NULL, '{{}}', 5, 2)"
    delivery = "INSERT INTO deliveries VALUES ('d', 's2', 'app_deleted', '{}', x'00', 7, '')"
    upgrade(older, "0009", f"{kept};{deleted};{delivery};")
    migrate(older)
    with older.write() as connection:
        first, second = list_shops(connection, 1)
        assert (first.id, first.token, first.state) == ("s1", "t", "connected")
        assert (second.state, second.disconnected_at) == (
            "disconnected",
            EPOCH + timedelta(microseconds=7),
        )
        other = add_shop(connection, 2, "saleor", "https://a.test/", EPOCH + timedelta(days=1))
        assert (other.emp_id, other.id != "s1") == (2, True)
        assert find_shop(connection, "https://a.test/") == first


def test_0014_compares_names_and_codes_by_their_keys(older: Database) -> None:
    before = """
    INSERT INTO campaigns (id, emp_id, name, mailer, created_at, utm_campaign)
        VALUES ('c1', 1, 'Autumn', 'plain', 0, 'otoño'), ('c2', 1, 'None', 'plain', 0, '');
    UPDATE orders SET utm_campaign = 'Otoño', voucher = 'X1' WHERE id = 'O1';
    """
    upgrade(older, "0013", before)
    migrate(older)
    with older.read() as connection:
        keys = connection.execute(sa.text("SELECT utm_key FROM campaigns ORDER BY id")).scalars().all()
        named = connection.execute(sa.text("SELECT utm_campaign, voucher FROM orders ORDER BY id")).all()
    assert keys == ["OTOÑO", ""]
    assert [tuple(row) for row in named] == [("OTOÑO", "X1"), (None, None)]


BEFORE_0017 = """
UPDATE orders SET number = '#077' WHERE id = 'O1';
INSERT INTO hits
    (id, emp_id, order_ref, order_id, click_token, product, quantity, amount, currency, signed, ignored)
    VALUES (x'01', 1, 'so-9', '', '', '', 1, '', '', false, '');
"""


def test_0017_adds_the_key_by_which_order_numbers_are_compared(older: Database) -> None:
    upgrade(older, "0016", BEFORE_0017)
    migrate(older)
    with older.read() as connection:
        keys = connection.execute(sa.text("SELECT number, number_key FROM orders ORDER BY id")).all()
        assert [tuple(row) for row in keys] == [("#077", "77"), ("2", "2")]
        assert connection.scalar(sa.text("SELECT order_key FROM hits")) == "SO-9"


BEFORE_0018 = """
INSERT INTO contacts (emp_id, ref, email_hash, consent, updated_at) VALUES (1, 'c9.', 'h9', false, 0),
    (1, 'c9', NULL, true, 0), (1, 'c8 ', 'h8', true, 0), (1, 'c7', 'h7', true, 0), (2, 'c9', 'h9', true, 0),
    (1, 'Jose\u0301', NULL, true, 0), (1, '.', NULL, true, 0), (1, 'Ana (b)', NULL, true, 0);
INSERT INTO campaigns (id, emp_id, name, mailer, created_at) VALUES ('c1', 1, 'Autumn', 'plain', 0);
INSERT INTO coupons (emp_id, code, campaign_id, contact, created_at) VALUES (1, 'X', 'c1', 'c9.', 0);
INSERT INTO recipients (campaign_id, contact, held_out)
    VALUES ('c1', 'c9.', true), ('c1', 'c9', false), ('c1', 'c8 ', true);
INSERT INTO clicks (id, emp_id, campaign_id, link_id, contact, verdict, signals, reasons, score, final)
    VALUES (x'01', 1, 'c1', 'a1', 'c9?utm_source=nl', 'human', 0, '', 0, true),
    (x'02', 1, 'c1', 'a1', 'c7', 'human', 0, '', 0, true);
INSERT INTO decision_contacts (shop_id, order_id, emp_id, contact) VALUES ('s1', 'O2', 1, 'c9?utm_source=nl');
UPDATE orders SET due = false;
"""


def test_0018_gives_each_contact_one_reference_and_an_opt_out_wins(older: Database) -> None:
    upgrade(older, "0017", BEFORE_0018)
    migrate(older)
    with older.read() as connection:
        rows = connection.execute(
            sa.text("SELECT emp_id, ref, email_hash, consent FROM contacts ORDER BY 1, 2")
        )
        assert [tuple(row) for row in rows] == [
            (1, ".", None, 1),
            (1, "Ana (b)", None, 1),
            (1, "Jos\u00e9", None, 1),
            (1, "c7", "h7", 1),
            (1, "c8", "h8", 1),
            (1, "c9", "h9", 0),
            (2, "c9", "h9", 1),
        ]
        assert connection.scalar(sa.text("SELECT contact FROM coupons")) == "c9"
        groups = connection.execute(sa.text("SELECT contact, lot FROM recipients ORDER BY 1"))
        assert [tuple(row) for row in groups] == [("c8", 0), ("c9", 9999)]
        counted = connection.execute(sa.text("SELECT listed, held_out FROM campaigns")).one()
        assert tuple(counted) == (2, 1)
        contacts = connection.scalars(sa.text("SELECT contact FROM clicks ORDER BY id"))
        assert list(contacts) == ["c9", "c7"]
        assert due_orders(connection, 9) == [("s1", "O2")]


def test_0020_counts_the_problems_of_hits_that_were_ignored_before(older: Database) -> None:
    upgrade(older, "0019", BEFORE_0020)
    migrate(older)
    with older.read() as connection:
        assert pixel_problems(connection, 1, ALWAYS) == [PixelProblem("unsigned", 1, 1)]


CLICKS_BEFORE_0023 = """
INSERT INTO clicks (id, emp_id, campaign_id, link_id, contact, verdict, signals, reasons, score, final)
    VALUES (:id, 1, 'c1', 'a1', 'ana', 'human', 0, '', 0, :final)
"""


@pytest.mark.parametrize(
    ("platform", "before"),
    [
        ("sqlite", []),
        ("sqlite", [False, False]),
        ("sqlite", [True, True]),
        ("sqlite", [True, False, True, True, False]),
        ("postgresql", [True, False, True, True, False]),
    ],
)
def test_0023_keeps_verdicts_final(
    request: pytest.FixtureRequest, tmp_path: Path, platform: str, before: list[bool]
) -> None:
    with ExitStack() as stack:
        address = ""
        if platform == "postgresql":
            server = request.getfixturevalue("postgresql")
            address = stack.enter_context(new_postgresql_database(server, "before_0023"))
        database = open_database(address, tmp_path)
        stack.callback(database.close)
        upgrade(database, "0022", "")
        with database.write() as connection:
            for number, final in enumerate(before, 1):
                values = {"id": bytes([0, number]), "final": final}
                connection.execute(sa.text(CLICKS_BEFORE_0023), values)
        migrate(database)
        with database.write() as connection:
            assert [click.final for click in list_clicks(connection, "c1", 9, None)] == before
            while settle_clicks(connection, NOON, 1):
                pass
            assert all(click.final for click in list_clicks(connection, "c1", 9, None))


def test_0027_finds_the_hits_of_each_order_by_their_names(older: Database) -> None:
    """Reading all hits of the account for each order took hours with 100,000 orders."""
    upgrade(older, "0027", "")
    statement = import_module("salepixel.storage.migrations.versions.0027_sale_sums")._OBSERVE
    with older.read() as connection:
        plan = [row.detail for row in connection.execute(sa.text(f"EXPLAIN QUERY PLAN {statement}"))]
    searches = [step for step in plan if step.startswith("SEARCH h ")]
    assert len(searches) == 2
    assert all("(emp_id=? AND order_" in step for step in searches)


BEFORE_0025 = """
INSERT INTO campaigns (id, emp_id, name, mailer, created_at) VALUES ('c1', 1, 'Autumn', 'plain', 0);
INSERT INTO shops (id, emp_id, platform, api_url, created_at) VALUES ('s1', 1, 'saleor', 'https://a.test', 0);
INSERT INTO links (id, campaign_id, emp_id, position, url, label, sale_pixel)
    VALUES ('a1', 'c1', 1, 1, 'https://a.test/', '', true), ('a2', 'gone', 1, 1, 'https://a.test/', '', true);
INSERT INTO recipients (campaign_id, contact, held_out) VALUES ('c1', 'ana', true), ('gone', 'ana', true);
INSERT INTO polls (shop_id, mark, next_at) VALUES ('s1', 0, 0), ('gone', 0, 0);
"""


@pytest.mark.parametrize("platform", ["sqlite", "postgresql"])
def test_0025_keeps_rows_and_indexes_and_refuses_dangling_references(
    request: pytest.FixtureRequest, tmp_path: Path, platform: str
) -> None:
    with ExitStack() as stack:
        address = ""
        if platform == "postgresql":
            server = request.getfixturevalue("postgresql")
            address = stack.enter_context(new_postgresql_database(server, "before_0025"))
        database = open_database(address, tmp_path)
        stack.callback(database.close)
        upgrade(database, "0024", BEFORE_0025)
        before = _indexes(database)
        upgrade(database, "0025", "")
        assert _indexes(database) == before
        migrate(database)
        with database.read() as connection:
            assert list(connection.scalars(sa.text("SELECT id FROM links"))) == ["a1"]
            assert list(connection.scalars(sa.text("SELECT campaign_id FROM recipients"))) == ["c1"]
            assert list(connection.scalars(sa.text("SELECT shop_id FROM polls"))) == ["s1"]
        for refused in (
            "INSERT INTO polls (shop_id, mark, next_at) VALUES ('gone', 0, 0)",
            "UPDATE links SET campaign_id = 'gone'",
            "DELETE FROM campaigns",
            "UPDATE shops SET platform = 'salor'",
            "UPDATE campaigns SET holdout_percent = 101",
        ):
            with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
                connection.exec_driver_sql(refused)


def _indexes(database: Database) -> dict[str, object]:
    """Every index with its columns and its condition."""
    with database.read() as connection:
        looking = sa.inspect(connection)
        return {
            str(index["name"]): (
                index["column_names"],
                index["unique"],
                {name: str(said) for name, said in index.get("dialect_options", {}).items()},
            )
            for table in looking.get_table_names()
            for index in looking.get_indexes(table)
        }


def test_orders_of_earlier_versions_are_found_by_their_amount(older: Database) -> None:
    before = """
    UPDATE orders SET snapshot = '{"total": "39.80", "currency": "EUR"}' WHERE id = 'O1';
    UPDATE orders SET snapshot = '{' WHERE id = 'O2';
    """
    upgrade(older, "0049", before)
    migrate(older)
    with older.read() as connection:
        rows = connection.execute(sa.text("SELECT amount, currency FROM orders ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [(398_000, "EUR"), (None, None)]
