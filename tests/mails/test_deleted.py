"""A campaign may be deleted while somebody else still uses it: that ends as if it had been deleted before."""

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from salepixel.accounts.declined import NotFound
from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.store import Account, add_account
from salepixel.campaigns import use_cases
from salepixel.campaigns.store import Campaign, add_campaign
from salepixel.flows.use_cases import create_flow, put_part
from salepixel.keys import Keys
from salepixel.mails.use_cases import delete_campaign
from salepixel.storage.database import Database
from tests.make import CAMPAIGN, NOON
from tests.waiting import PATIENCE_SECONDS, until

Use = Callable[[sa.Connection, Keys, str], object]

USES: dict[str, Use] = {
    "recipients": lambda connection, keys, _: use_cases.add_recipients(
        connection, INSTALLATION, CAMPAIGN, ["ana"], keys, NOON
    ),
    "coupons": lambda connection, keys, _: use_cases.add_coupons(
        connection, INSTALLATION, keys, CAMPAIGN, [("CODE", "")], NOON
    ),
    "the control group": lambda connection, keys, _: use_cases.switch_holdout(
        connection, INSTALLATION, CAMPAIGN, 10, NOON
    ),
    "the dynamic link": lambda connection, keys, _: use_cases.edit_link(
        connection, INSTALLATION, CAMPAIGN, CAMPAIGN, {"active": False}, "spx", NOON
    ),
    "a flow": lambda connection, keys, flow: put_part(connection, INSTALLATION, flow, CAMPAIGN),
}

WAITS = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


@pytest.mark.parametrize("use", USES)
def test_a_campaign_that_is_deleted_meanwhile_does_not_exist(
    postgresql_database: Database, keys: Keys, use: str
) -> None:
    database, ended = postgresql_database, list[BaseException | None]()
    with database.write() as connection:
        add_account(connection, Account(1, "Shoes", "EUR", NOON))
        add_campaign(connection, Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON), [])
        flow = create_flow(connection, INSTALLATION, 1, "Welcome", NOON).flow.id

    def use_it() -> None:
        try:
            with database.write() as connection:
                USES[use](connection, keys, flow)
            ended.append(None)
        except BaseException as error:
            ended.append(error)

    def waits() -> bool:
        with database.read() as connection:
            return bool(connection.scalar(WAITS))

    other = threading.Thread(target=use_it)
    with database.write() as connection:
        delete_campaign(connection, INSTALLATION, CAMPAIGN)
        other.start()
        assert until(waits)
    other.join(PATIENCE_SECONDS)
    assert [type(error) for error in ended] == [NotFound]
