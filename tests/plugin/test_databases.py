"""Every page and every list works on every database that we support, with rows at the limits."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import url_for
from werkzeug.routing import Rule

from kit.postgresql import running_postgresql
from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.store import Account, add_account
from salepixel.clicks.records import LossRecord
from salepixel.clicks.store import store_loss
from salepixel.clicks.tokens import Signal
from salepixel.computations import store as computations
from salepixel.computations.doing import do_step
from salepixel.computations.work import Tools
from salepixel.destinations import outbox
from salepixel.keys import Keys
from salepixel.lists import importing
from salepixel.lists import use_cases as lists
from salepixel.money.rates import SHIPPED
from salepixel.orders import queue
from salepixel.privacy.access import KIND
from salepixel.shops import polls
from salepixel.shops.store import list_shops
from salepixel.storage import schema
from salepixel.storage.database import Database, migrate, open_database
from salepixel.subscriptions.tokens import unsubscribe_token
from salepixel.sums.check import rebuild_sums
from salepixel_plugin.pages.blueprint import OPEN_TO_ALL
from salepixel_worker.sweep import reconcile_due
from tests.databases import new_postgresql_database
from tests.plugin.conftest import ALL, Office, new_office

MOST = "999999999999.99"
MANY = 1_000
"""So many of the greatest amount in a currency with four decimals are more than 64 bits."""

NOT_WITH_A_KEY = {"pages.show_me", "pages.show_second_factor", *OPEN_TO_ALL} - {
    "pages.login",
    "pages.show_about",
}
"""Pages of a person, of an invitation, or of a shop's Dashboard."""

OF_A_MAIL = {"pages.show_link_map", "pages.show_marked_mail", "api.get_link_map"}

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian's packages are, by version."""


@pytest.fixture(scope="module", params=["sqlite", "wheel", "oldest"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An empty, migrated database: SQLite, the PostgreSQL of the wheel, the oldest one of this machine."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        yield from _migrated("", folder)
        return
    if request.param == "wheel":
        with new_postgresql_database(request.getfixturevalue("postgresql"), "office") as address:
            yield from _migrated(address, folder)
        return
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("no PostgreSQL of the system: apt-get install postgresql-15")
    with running_postgresql(str(found[0].parent)) as address:
        yield from _migrated(address, folder)


def _migrated(address: str, folder: Path) -> Iterator[Database]:
    opened = open_database(address, folder)
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def office(
    database: Database, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Office, dict[str, str]]]:
    """An office in which every value has its maximum, and the ids for its URLs."""
    with new_office(tmp_path_factory.mktemp("office"), database, keys) as opened:
        yield opened, fill(opened)


def fill(office: Office, name: str = "c") -> dict[str, str]:
    """An account with one of everything; returns the ids for its URLs. `name`: of its contacts."""
    with office.database.write() as connection:
        add_account(connection, Account(7, "Shoes", "EUR", datetime.now(UTC) - timedelta(days=9)))
    campaign = office.campaign()
    people = [{"ref": f"{name}{n}", "email": f"{name}{n}@shop.test"} for n in range(4)]
    office.post("/contacts", {"empId": 7, "contacts": people})
    token = office.click(campaign, f"{name}0", signals=Signal.SAFARI)
    line = {"item": "Gold", "quantity": 1_000_000, "amount": MOST, "refunded": "1.01"}
    for n, currency in enumerate(("EUR", "KWD", "JPY")):
        amounts = {"amount": "999999999998"} if currency == "JPY" else {}
        lines = [line | amounts | ({"refunded": "1"} if currency == "JPY" else {})]
        shop, order = office.order(id=f"o-{n}", number=f"{n}", currency=currency, click=token, lines=lines)
    office.order(id="o-9", number="9", email=f"{name}1@shop.test", payment="PayPal")
    now = datetime.now(UTC)
    with office.database.write() as connection:
        rows = list(connection.execute(sa.select(schema.sales)).mappings())
        most = {"currency": "CLF", "quantity": Decimal(10**13), "amount": 10**16 - 1, "refunded": 10**16 - 1}
        converted = {"converted": 10**16 - 1, "converted_refunded": 10**16 - 1}
        copies = [{**rows[0], **most, **converted, "order_id": f"copy-{n}"} for n in range(MANY)]
        connection.execute(sa.insert(schema.sales), copies)
        queue.record_failure(connection, shop, "o-9", "BadMoney: bad_amount", now)
        outbox.announce_order(connection, 7, shop, order, {"": "https://x.test/"}, now)
        (claimed,) = outbox.claim_outgoing(connection, now, now, 10)
        outbox.record_attempt(connection, claimed, state="dead", answer="404", next_at=now)
        polls.claim_poll(connection, now, now)
        (its_shop,) = (one for one in list_shops(connection, 7) if one.id == shop)
        polls.store_counts(connection, its_shop, {now.date(): 2**40}, now)
        store_loss(connection, "edge-1", 1, LossRecord(2**40, 1, 2))
        wanted = computations.Wanted(7, KIND, {"contact": f"{name}0"})
        computation = computations.request(connection, wanted, now)
    rebuild_sums(office.database)
    listed = [f"{name}{n},{name}{n}@shop.test" for n in range(2)]
    body = "\n".join(["reference,email", *listed, "broken", ""]).encode()
    its = (office.call("PUT", f"/lists?empId=7&campaign={campaign['id']}", body).json or {})["id"]
    office.call("POST", f"/lists/{its}/import", {})
    tools = Tools(office.sealer, SHIPPED)
    with office.database.read() as connection:
        state = lists.see_list(connection, INSTALLATION, its)
    while do_step(office.database, tools, {importing.KIND: importing.step}, state.found.import_id):
        pass
    newsletter = {"empId": 7, "name": "Autumn", "text": "<a href='https://shop.test/'>Shoes</a>"}
    mail = office.post("/mails", newsletter)["id"]
    mailed = (office.call("PUT", f"/mails/{mail}/campaign").json or {})["campaign_id"]
    flow = office.post("/flows", {"empId": 7, "name": "Welcome"})["id"]
    office.call("PUT", f"/flows/{flow}/parts/{campaign['id']}", {})
    return {
        "computation_id": computation.id,
        "list_id": its,
        "mail_id": mail,
        "mailed": mailed,
        "mailer": "mailchimp",
        "flow_id": flow,
        "campaign_id": campaign["id"],
        "link_id": campaign["links"][0]["id"],
        "emp_id": "7",
        "shop_id": shop,
        "name": order,
        "order_id": order,
        "ref": f"{name}0",
        "version": "1",
        "kind": "csv",
        "table": "links",
        "form": "csv",
        "trial": "test-6743c800-0123abcd",
        "step": "export",
        "document": "how-to/flows.md",
        "token": unsubscribe_token(office.keys, "0a1b"),
    }


def arguments_of(rule: Rule, names: dict[str, str]) -> dict[str, Any]:
    """The ids for an endpoint. Pages about the e-mail of a campaign get the campaign that has one."""
    own = names | {"campaign_id": names["mailed"]} if rule.endpoint in OF_A_MAIL else names
    return {name: own[name] for name in rule.arguments}


def test_every_page_and_every_list_answers(office: tuple[Office, dict[str, str]]) -> None:
    here, names = office
    rules = [rule for rule in here.app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    asked = []
    with here.app.test_request_context():
        for rule in rules:
            if rule.endpoint.endswith("static") or rule.endpoint.startswith(("saleor", "openapi")):
                continue
            if rule.endpoint in NOT_WITH_A_KEY:
                continue
            asked.append(url_for(rule.endpoint, **arguments_of(rule, names)))
    assert len(asked) > 20
    headers = {"Authorization": f"Bearer {ALL}"}
    account = f"?empId={names['emp_id']}"
    with_account = ("/export", "/erasures", "/api/v1/contacts/c0", "/api/v1/orders", "/api/v1/audit")
    asked = [path + account * path.endswith(with_account) for path in asked]
    answers = {path: here.app.test_client().get(path, headers=headers).status_code for path in asked}
    assert {path: status for path, status in answers.items() if status not in (200, 202, 302, 303)} == {}


def test_very_large_sums_are_exact(office: tuple[Office, dict[str, str]]) -> None:
    here, names = office
    totals = here.get(f"/campaigns/{names['campaign_id']}/sales")["totals"]
    most = next(total for total in totals if total["currency"] == "CLF")
    assert Decimal(most["gross"]) == MANY * (10**16 - 1) * Decimal("0.0001")
    assert Decimal(most["net"]) == 0
    assert Decimal(str(most["quantity"])) == MANY * 10**13


def test_months_close_and_policies_change(office: tuple[Office, dict[str, str]]) -> None:
    here, _ = office
    preview = here.call("POST", "/accounts/7/policies/preview", {"window_days": 3, "model": "linear"})
    assert preview.status_code == 200, preview.text
    changed = here.call("POST", "/accounts/7/policies", {"window_days": 3, "model": "linear"})
    assert changed.status_code in (200, 201), changed.text
    while reconcile_due(here.database, here.sealer, 100):
        pass
    with here.database.read() as connection:
        assert queue.read_state(connection).retrying == 0
