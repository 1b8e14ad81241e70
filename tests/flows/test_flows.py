"""A flow has campaigns in a sequence, and a campaign is part of one flow at most."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.declined import BadField, Conflict, Declined, Invalid
from salepixel.accounts.principal import INSTALLATION
from salepixel.campaigns.store import Campaign, add_campaign
from salepixel.flows import use_cases
from salepixel.flows.store import flow_of, list_flows
from salepixel.flows.use_cases import MAX_PARTS, create_flow, put_part, remove_part, see_flow
from salepixel.report.totals import Total, add_up
from salepixel.storage.database import Database
from salepixel.storage.schema import accounts, campaigns
from tests.examples import costly

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
WELCOME = [f"{number:012x}" for number in range(1, 5)]


@pytest.fixture
def connection(database: Database) -> Iterator[sa.Connection]:
    """Accounts 7 and 8, and four campaigns of account 7."""
    with database.write() as connection:
        for emp_id in (7, 8):
            row = {"emp_id": emp_id, "name": "n", "currency": "EUR", "created_at": NOON}
            connection.execute(sa.insert(accounts).values(row))
        for number, campaign_id in enumerate(WELCOME, 1):
            add_campaign(connection, Campaign(campaign_id, 7, f"Welcome {number}", "plain", NOON), [])
        yield connection


def ids(found: use_cases.FlowWithParts) -> list[str]:
    return [part.id for part in found.parts]


def test_parts_keep_the_sequence_in_which_they_were_put(connection: sa.Connection) -> None:
    flow = create_flow(connection, INSTALLATION, 7, "Welcome", NOON).flow.id
    first, second, third, fourth = WELCOME
    for part in (first, second, third):
        put_part(connection, INSTALLATION, flow, part)
    assert ids(put_part(connection, INSTALLATION, flow, second)) == [first, second, third]
    assert ids(put_part(connection, INSTALLATION, flow, third, 1)) == [third, first, second]
    assert ids(put_part(connection, INSTALLATION, flow, fourth, 2)) == [third, fourth, first, second]
    assert ids(put_part(connection, INSTALLATION, flow, third, 99)) == [fourth, first, second, third]
    assert ids(remove_part(connection, INSTALLATION, flow, first)) == [fourth, second, third]
    assert ids(remove_part(connection, INSTALLATION, flow, first)) == [fourth, second, third]
    to_add = use_cases.campaigns_to_add(connection, INSTALLATION, flow)
    assert [one.id for one in to_add] == [first]


def test_a_campaign_is_part_of_one_flow(connection: sa.Connection) -> None:
    one, other = (create_flow(connection, INSTALLATION, 7, name, NOON).flow.id for name in ("One", "Other"))
    put_part(connection, INSTALLATION, one, WELCOME[0])
    with pytest.raises(Conflict) as raised:
        put_part(connection, INSTALLATION, other, WELCOME[0])
    assert raised.value.words == {"flow": "One"}
    remove_part(connection, INSTALLATION, one, WELCOME[0])
    put_part(connection, INSTALLATION, other, WELCOME[0])
    found = flow_of(connection, WELCOME[0])
    assert found is not None
    assert found.id == other
    assert [flow.name for flow in list_flows(connection, 7, 9, None)] != []
    assert list_flows(connection, 8, 9, None) == []


def test_a_flow_has_campaigns_of_its_account_alone(connection: sa.Connection) -> None:
    flow = create_flow(connection, INSTALLATION, 8, "Hats", NOON).flow.id
    with pytest.raises(BadField):
        put_part(connection, INSTALLATION, flow, WELCOME[0])
    for unknown in ("0" * 12, "", "'"):
        with pytest.raises(Declined):
            put_part(connection, INSTALLATION, flow, unknown)
        with pytest.raises(Declined):
            see_flow(connection, INSTALLATION, unknown)


def test_a_flow_has_a_limit(connection: sa.Connection) -> None:
    flow = create_flow(connection, INSTALLATION, 7, "Long", NOON).flow.id
    for number in range(MAX_PARTS):
        add_campaign(connection, Campaign(f"{number + 900:012d}", 7, "n", "plain", NOON), [])
        if number < MAX_PARTS - 1:
            put_part(connection, INSTALLATION, flow, f"{number + 900:012d}")
    put_part(connection, INSTALLATION, flow, WELCOME[0])
    with pytest.raises(Invalid):
        put_part(connection, INSTALLATION, flow, WELCOME[1])


def test_a_deleted_campaign_is_no_part_any_more(connection: sa.Connection) -> None:
    flow = create_flow(connection, INSTALLATION, 7, "Welcome", NOON).flow.id
    for part in WELCOME:
        put_part(connection, INSTALLATION, flow, part)
    connection.execute(sa.delete(campaigns).where(campaigns.c.id == WELCOME[1]))
    assert ids(see_flow(connection, INSTALLATION, flow)) == [WELCOME[0], *WELCOME[2:]]


@costly(10)
@given(st.lists(st.tuples(st.sampled_from(["EUR", "USD"]), st.integers(0, 9), st.integers(0, 999))))
def test_sums_add_up_each_currency_for_itself(rows: list[tuple[str, int, int]]) -> None:
    several = [[Total(code, orders, Decimal(1), Decimal(gross), Decimal(1))] for code, orders, gross in rows]
    found = {total.currency: total for total in add_up(several)}
    assert list(found) == sorted({code for code, _, _ in rows})
    for code, total in found.items():
        its = [row for row in rows if row[0] == code]
        assert total.orders == sum(orders for _, orders, _ in its)
        assert total.net == sum(gross for _, _, gross in its) - len(its)
