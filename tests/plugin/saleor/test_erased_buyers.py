"""What a Saleor sends about a buyer who was erased is stored without them, whatever the event."""

import sqlalchemy as sa

from kit.saleor import StandInSaleor
from salepixel.accounts.principal import INSTALLATION
from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import Keys
from salepixel.orders.deliveries import read_delivery
from salepixel.privacy.erase import finish_erasure
from salepixel.privacy.use_cases import begin_erasure
from salepixel.storage import schema
from salepixel_worker.rebuild import verify_all
from salepixel_worker.sweep import reconcile_due
from tests.make import NOON, click_at
from tests.plugin.saleor.conftest import Plugin, mail_buyers
from tests.plugin.saleor.test_kept_orders import HOUR, LINES

ADDRESS = "erased-canary@example.com"


def stored(plugin: Plugin, keys: Keys) -> str:
    """All of orders and deliveries as text."""
    with plugin.database.read() as connection:
        rows = [str(row) for row in connection.execute(sa.select(schema.orders))]
        digests = connection.scalars(sa.select(schema.deliveries.c.digest)).all()
        read = [read_delivery(connection, digest) for digest in digests]
    bodies = [f"{one.headers} {one.body!r}" for one in read if one]
    return "\n".join([*rows, *bodies])


def test_deliveries_about_an_erased_buyer_come_without_them(
    plugin: Plugin, installed: StandInSaleor, sealer: ClickSealer, keys: Keys
) -> None:
    mail_buyers(plugin, keys)
    token = sealer.seal(click_at(NOON - HOUR))
    bought = installed.order("64", LINES, token=token, created=NOON) | {"userEmail": ADDRESS}
    for event in ("order_created", "order_paid"):
        assert installed.deliver(plugin.url, event, bought).status_code == 200
    reconcile_due(plugin.database, sealer, 9)
    assert ADDRESS in stored(plugin, keys)
    with plugin.database.write() as connection:
        begun = begin_erasure(connection, INSTALLATION, keys, 1, ADDRESS, NOON)
    finish_erasure(plugin.database, sealer, begun, 60)
    hashes = keys.hash_address(1, ADDRESS)
    assert [trace for trace in (ADDRESS, *hashes) if trace in stored(plugin, keys)] == []
    later = installed.order("65", LINES, created=NOON + HOUR) | {"userEmail": ADDRESS.upper()}
    draft = later | {"id": "T3JkZXI6ZHJhZnQ=", "status": "DRAFT"}
    for event, order in (("order_fully_paid", bought), ("order_created", later), ("order_updated", draft)):
        assert installed.deliver(plugin.url, event, order).status_code == 200
    traces = (ADDRESS, ADDRESS.upper(), *hashes)
    assert [trace for trace in traces if trace in stored(plugin, keys)] == []
    reconcile_due(plugin.database, sealer, 9)
    assert verify_all(plugin.database, sealer).different == []
