"""Every statement that reads sums of sales and decisions finds its rows by the whole key that it knows."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts.store import Account, add_account
from salepixel.report import coverage
from salepixel.report import sales as report
from salepixel.report.periods import Period
from salepixel.shops.store import add_shop
from salepixel.storage.database import Database
from salepixel.sums import (
    buyers,
    decisions,
    delays,
    hours,
    item_days,
    items,
    parts,
    returning,
    revenue,
    sales,
)
from tests.conftest import newest_planner
from tests.make import CAMPAIGN, NOON
from tests.storage.test_plans import statements

MIDNIGHT = NOON.replace(hour=0)
DAY = Period(MIDNIGHT, MIDNIGHT)

ASKED: dict[str, tuple[Callable[[sa.Connection], Any], str, Sequence[str]]] = {
    "totals": (
        lambda connection: report.totals_of_campaigns(connection, [CAMPAIGN, "c2"]),
        "campaign_sums",
        ["campaign_id"],
    ),
    "totals of some days": (
        lambda connection: report.sale_totals(connection, CAMPAIGN, DAY),
        "campaign_sums",
        ["campaign_id", "day"],
    ),
    "totals by the day of the refund": (
        lambda connection: report.totals_by_refund_date(connection, CAMPAIGN, DAY, []),
        "campaign_sums",
        ["campaign_id", "day"],
    ),
    "totals in the account's currency": (
        lambda connection: report.converted_total(connection, CAMPAIGN, "EUR", DAY),
        "campaign_sums",
        ["campaign_id", "day"],
    ),
    "sales of a campaign by day": (
        lambda connection: sales.sold_by_day(connection, (1, 2), CAMPAIGN),
        "campaign_sums",
        ["campaign_id", "day"],
    ),
    "sales by campaign": (
        lambda connection: sales.sold_by_campaign(connection, (1, 2), 1),
        "campaign_sums",
        ["campaign_id", "day"],
    ),
    "sales by link": (
        lambda connection: sales.sold_by_link(connection, CAMPAIGN, (1, 2)),
        "sale_sums",
        ["campaign_id", "day"],
    ),
    "sales by link, of all days": (
        lambda connection: parts.sold_by_link(connection, CAMPAIGN),
        "part_sums",
        ["campaign_id", "kind"],
    ),
    "items of some days": (
        lambda connection: item_days.read_account_items(connection, 1, (1, 700), 9),
        "item_days",
        ["emp_id", "span", "first"],
    ),
    "items": (lambda connection: items.items_of(connection, CAMPAIGN), "item_sums", ["campaign_id"]),
    "clicks by hour": (
        lambda connection: hours.clicks_by_hour(connection, CAMPAIGN, 1, 2),
        "click_hours",
        ["campaign_id", "hour"],
    ),
    "clicks of a campaign by day": (
        lambda connection: hours.clicks_by_day(connection, (1, 2), campaign_id=CAMPAIGN),
        "click_hours",
        ["campaign_id", "hour"],
    ),
    "clicks of an account by day": (
        lambda connection: hours.clicks_by_day(connection, (1, 2), emp_id=1),
        "click_days",
        ["emp_id", "day"],
    ),
    "delays of a campaign": (
        lambda connection: delays.orders_by_step(connection, 1, (1, 2), CAMPAIGN),
        "delay_sums",
        ["emp_id", "campaign_id", "day"],
    ),
    "orders of a campaign by buyer": (
        lambda connection: returning.orders_by_buyer(connection, CAMPAIGN, (1, 2)),
        "returning_sums",
        ["campaign_id", "day"],
    ),
    "revenue of some days": (
        lambda connection: revenue.revenue_by_day(connection, 1, (1, 2)),
        "revenue_sums",
        ["emp_id", "day"],
    ),
    "delays of an account": (
        lambda connection: delays.orders_by_step(connection, 1, (1, 2)),
        "delay_sums",
        ["emp_id", "campaign_id", "day"],
    ),
    "outcomes of some days": (
        lambda connection: decisions.count_outcomes(connection, 1, (1, 2)),
        "decision_sums",
        ["emp_id", "day"],
    ),
    "orders by evidence": (
        lambda connection: parts.orders_by_evidence(connection, CAMPAIGN),
        "part_sums",
        ["campaign_id", "kind"],
    ),
    "orders by link": (
        lambda connection: parts.orders_by_link(connection, CAMPAIGN),
        "part_sums",
        ["campaign_id", "kind"],
    ),
    "orders of contacts": (
        lambda connection: buyers.orders_by_contact(connection, CAMPAIGN, ["ana", "bo"]),
        "buyers",
        ["campaign_id", "contact", "currency"],
    ),
    "net of contacts": (
        lambda connection: buyers.net_by_contact(connection, CAMPAIGN, ["ana", "bo"]),
        "buyers",
        ["campaign_id", "contact"],
    ),
    "outcomes": (
        lambda connection: decisions.count_outcomes(connection, 1),
        "outcome_sums",
        ["emp_id"],
    ),
    "tracking health by day": (
        lambda connection: coverage.coverage_by_day(connection, 1, DAY),
        "decision_sums",
        ["emp_id", "day"],
    ),
    "tracking health by payment": (
        lambda connection: coverage.seen_by_payment(connection, 1, DAY),
        "seen_sums",
        ["emp_id", "kind", "day"],
    ),
    "tracking health by browser": (
        lambda connection: coverage.seen_by_browser(connection, 1, DAY),
        "seen_sums",
        ["emp_id", "kind", "day"],
    ),
}


@newest_planner
@pytest.mark.parametrize("name", ASKED)
def test_sums_are_found_by_their_key(database: Database, name: str) -> None:
    ask, table, key = ASKED[name]
    with database.write() as connection:
        add_account(connection, Account(1, "Shoes", "EUR", NOON))
        add_shop(connection, 1, "saleor", "https://shop.test/graphql/", NOON)
        with statements(connection) as asked:
            ask(connection)
        (plan,) = [plan_of(connection, *one) for one in asked if table in one[0]]
    assert searched_by(plan, table) == set(key), plan


def plan_of(connection: sa.Connection, text: str, values: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        return [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
    # The tables are empty, so PostgreSQL would scan them.
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}", values)]


def searched_by(plan: Sequence[str], table: str) -> set[str]:
    """The columns by which the primary key of a table is searched."""
    found = set()
    for step, following in zip(plan, [*plan[1:], ""], strict=True):
        if f"{table} USING PRIMARY KEY" in step:
            found |= set(re.findall(r"(\w+)[=<>]", step))
        elif f"pk_{table}" in step:
            found |= set(re.findall(r"\((?:\w+\.)?(\w+) (?:[=<>]|<>|>=)+ ", following))
    return found
