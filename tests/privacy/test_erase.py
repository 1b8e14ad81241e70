"""A person is erased everywhere, comes back by no door, and what their orders were worth stays."""

import json
import zlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.accounts.principal import INSTALLATION
from salepixel.campaigns import use_cases as campaigns
from salepixel.clicks import store as clicks
from salepixel.clicks.tokens import Signal
from salepixel.computations.work import Tools
from salepixel.mails.mail import Kind, read_mail
from salepixel.money.rates import SHIPPED
from salepixel.orders import store as orders
from salepixel.orders.deliveries import empty_deliveries, store_delivery
from salepixel.orders.packing import unpack
from salepixel.privacy.holdings import HOLDINGS
from salepixel.privacy.use_cases import export_person
from salepixel.shops import store as shops
from salepixel.storage import schema
from salepixel.storage.schema import EPOCH
from salepixel_worker.rebuild import verify_all
from tests.databases import cases_on_sqlite
from tests.make import CAMPAIGN, NOON, click_at, order
from tests.privacy.village import ADDRESS, CODE, REF, Village
from tests.worker.world import HOUR


def test_everything_of_her_is_there_before(village: Village) -> None:
    """Or the next test shows nothing: each personal column of the list holds something of Ana."""
    places = {line.split(":")[0] for line in village.found()}
    wanted = {
        f"{name}.{column}"
        for name, one in HOLDINGS.items()
        for column in one.personal.split()
        if name not in ("erased", "erasures", "unread_orders")
    }
    assert places >= wanted


@cases_on_sqlite(("who",), [REF], [ADDRESS], ["  ANA.CANARY@SHOP.TEST "])
def test_nothing_of_an_erased_person_is_in_any_table(village: Village, who: str) -> None:
    money = village.money()
    done = village.erase(who)
    assert list(village.found()) == []
    assert village.money() == money
    assert done.counts["clicks"] == 3
    assert done.counts["contacts"] == 1
    assert verify_all(village.database, village.sealer).different == []
    village.reconcile()
    assert village.money() == money
    found = verify_all(village.database, village.sealer)
    assert (found.different, found.due) == ([], 0)
    assert list(village.found()) == []


def test_an_e_mail_of_a_campaign_keeps_its_links_and_other_peoples_addresses(village: Village) -> None:
    (before,) = village.rows(schema.mails)
    old = read_mail(zlib.decompress(before["body"]), Kind(before["kind"]))
    done = village.erase()
    (after,) = village.rows(schema.mails)
    new = read_mail(zlib.decompress(after["body"]), Kind(after["kind"]))
    assert [(part, link.start, link.end) for part, link in new.links()] == [
        (part, link.start, link.end) for part, link in old.links()
    ]
    assert after["name"] == "Like xxx.xxxxxx@xxxx.xxxx"
    assert "bo@shop.test" in new.parts[0].text
    assert b"news@shop.test" in new.raw
    assert done.counts["mails"] == 1
    assert done.counts["mail_links"] > 0


@pytest.mark.parametrize("how", ["ended", "clock"])
def test_a_beginning_whose_end_is_gone_is_erased(village: Village, how: str) -> None:
    """Its end is in a delivery that retention has emptied, or that a clock ahead of ours dated later."""
    shop, first_at = village.shop_id(), NOON + HOUR if how == "clock" else NOON - HOUR
    with village.database.write() as connection:
        for event, at, like in (("order_created", first_at, ""), ("order_paid", NOON, "of order_created")):
            sent = {"id": "O-ana", "userEmail": ADDRESS, "chargeStatus": event, "lines": ["Shoes"] * 50}
            store_delivery(
                connection,
                digest=f"of {event}",
                shop_id=shop,
                event=event,
                headers={},
                body=json.dumps({"order": sent}).encode(),
                at=at,
                like=like,
            )
        if how == "ended":
            empty_deliveries(connection, shop, EPOCH, NOON, 9)
    (paid,) = [row for row in village.rows(schema.deliveries) if row["digest"] == "of order_paid"]
    assert paid["same_as"] == "of order_created"
    assert ADDRESS.encode() in unpack(paid["body"])[1]
    village.erase()
    assert list(village.found()) == []
    assert not any(village.erase().counts.values())


def test_erasing_twice_gives_a_receipt_with_zeros(village: Village) -> None:
    village.erase()
    for who in (REF, ADDRESS):
        assert not any(village.erase(who).counts.values())


def test_she_comes_back_by_no_door(village: Village) -> None:
    village.erase()
    newer: dict[str, Any] = {"updated_at": NOON + 6 * HOUR, "issued_at": NOON + 6 * HOUR}
    for bought in (village.bought, village.later, village.unpaid):
        village.report_again(bought)
        village.report_again(replace(bought, **newer))
    village.report_again(replace(village.bought, id="O-new", number="9", placed_at=NOON + 6 * HOUR))
    village.report_again(order(id="O-token", number="10", click_token=village.sealer.seal(village.clicks[1])))
    village.deliver("order_created", village.bought)
    village.sales_api()
    with village.database.write() as connection:
        clicks.store_clicks(connection, [(click_at(NOON, REF, serial=9), Signal(0))], village.keys)
        reported: dict[str, dict[str, Any]] = {REF: {}, "ana-again": {"email": ADDRESS}, "cy": {}}
        done = campaigns.add_contacts(connection, INSTALLATION, village.keys, 1, reported, NOON)
        assert (done.stored, done.erased) == (1, {REF, "ana-again"})
        coupons = campaigns.add_coupons(connection, INSTALLATION, village.keys, CAMPAIGN, [(CODE, REF)], NOON)
        assert coupons.erased == {REF}
    village.hit("order=1&IMPORTE=5", click_at(NOON, REF, serial=9), 63)
    village.reconcile()
    assert list(village.found()) == []
    found = verify_all(village.database, village.sealer)
    assert (found.different, found.due) == ([], 0)


def test_refunds_of_an_erased_order_still_count(village: Village) -> None:
    village.erase()
    at = NOON + 6 * HOUR
    village.report_again(replace(village.bought, refunded=Decimal("59.80"), updated_at=at, issued_at=at))
    village.reconcile()
    assert village.money()["O-ana", "L1"] == (3980, 3980)
    assert verify_all(village.database, village.sealer).different == []


def test_an_order_paid_after_the_erasure_is_decided_without_her(village: Village) -> None:
    village.erase()
    at = NOON + 6 * HOUR
    village.report_again(replace(village.unpaid, paid=True, updated_at=at, issued_at=at))
    assert village.reasons()["O-unpaid"] == "no_click"
    assert list(village.found()) == []


def test_what_is_of_others_stays(village: Village) -> None:
    village.erase()
    (of_bo,) = [row for row in village.rows(schema.orders) if row["id"] == "O-bo"]
    assert of_bo["email_hash"] == village.keys.hash_email(1, "bo@shop.test")
    assert {row["contact"] for row in village.rows(schema.clicks)} == {"", "bo"}
    (digest,) = [row["digest"] for row in village.rows(schema.deliveries) if row["event"] == "sales_api"]
    assert b"bo@shop.test" in village.content(digest)["body"]


def test_damaged_orders_do_not_keep_a_person_from_being_erased(village: Village) -> None:
    """A row that no version can read is cleared, if it is hers; others stay as they are."""
    village.report_again(order(id="O-cy", number="9", email_hash="of cy"))
    money = village.money()
    with village.database.write() as connection:
        its = schema.orders.c.id.in_(["O-ana", "O-bo", "O-cy"])
        connection.execute(sa.update(schema.orders).where(its).values(snapshot="{}"))
    village.erase()
    assert list(village.found()) == []
    assert village.money() == money
    assert {row["id"]: row["email_hash"] for row in village.rows(schema.orders)}["O-cy"] == "of cy"
    village.report_again(replace(village.bought, updated_at=NOON + 6 * HOUR, issued_at=NOON + 6 * HOUR))
    assert list(village.found()) == []
    village.reconcile()
    assert list(village.found()) == []


NOTES = (
    f"Write to me:\n{ADDRESS}.",
    f"Is it {ADDRESS}? https://shop.test/?mail={ADDRESS}&x=1",
    "a" * 1_000_000 + f" {ADDRESS}",
    f"{ADDRESS}\ud83d",
    f"{ADDRESS} and half an emoji \ud83d",
    f"\ud83d@half.test {ADDRESS}",
    json.dumps({"nested": ADDRESS}),
)


def test_an_address_in_a_note_of_another_order_is_erased(village: Village) -> None:
    shop = village.shop_id()
    with village.database.write() as connection:
        for n, note in enumerate(NOTES):
            of_cy = {"id": f"O-cy{n}", "lines": [], "userEmail": "cy@shop.test", "note": note}
            body, event = json.dumps({"order": of_cy}).encode(), "order_created"
            store_delivery(
                connection, digest=f"cy{n}", shop_id=shop, event=event, headers={}, body=body, at=NOON
            )
    village.erase()
    assert list(village.found()) == []


def test_half_an_emoji_keeps_nobody_from_export_and_erasure(village: Village) -> None:
    of_ana = {"id": "O-ana", "lines": [], "userEmail": ADDRESS, "note": "\ud83d@half.test"}
    with village.database.write() as connection:
        body, shop_id = json.dumps({"order": of_ana}).encode(), village.shop_id()
        store_delivery(connection, digest="n", shop_id=shop_id, event="x", headers={}, body=body, at=NOON)
    with village.database.read() as connection:
        found = export_person(connection, INSTALLATION, Tools(village.sealer, SHIPPED), 1, REF, NOON)
    assert "?@half.test" in json.dumps(found, ensure_ascii=False).encode().decode()
    village.erase()
    assert list(village.found()) == []


def test_the_same_reference_in_another_account_stays(village: Village) -> None:
    with village.database.write() as connection:
        accounts.add_account(connection, accounts.Account(2, "Hats", "EUR", NOON))
        campaigns.add_contacts(connection, INSTALLATION, village.keys, 2, {REF: {"email": ADDRESS}}, NOON)
        shop = shops.shop_of_account(connection, 2, "api", NOON)
        theirs = replace(village.bought, email_hash=village.keys.hash_email(2, ADDRESS), alias_hash=None)
        orders.store_order(connection, shop.id, 2, theirs, "")

    def of_hats() -> list[dict[str, Any]]:
        tables = schema.contacts, schema.orders, schema.clicks, schema.hits
        return [row for table in tables for row in village.rows(table) if row["emp_id"] == 2]

    before = of_hats()
    assert len(before) == 2
    village.erase()
    assert of_hats() == before
    with village.database.write() as connection:
        again = {REF: {"email": ADDRESS}}
        assert campaigns.add_contacts(connection, INSTALLATION, village.keys, 2, again, NOON).stored == 1


def test_a_reference_is_no_pattern(village: Village) -> None:
    """Only computations and lists are deleted, whoever is erased: nobody looks for a person in them."""
    before = list(village.found())
    for who in ("%", "*", "_", "ref-of-ana-%", "x' OR '1'='1", '{contact}"', "nobody@shop.test"):
        assert not any(village.erase(who).counts.values()), who
    assert list(village.found()) == [
        place for place in before if not place.startswith(("computation", "list"))
    ]
