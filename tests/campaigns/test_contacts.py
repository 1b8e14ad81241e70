"""What an account knows of its contacts and shops."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from salepixel.accounts import store as accounts
from salepixel.accounts.api_keys import add_api_key, find_principal, set_first_key
from salepixel.accounts.policy import Policy
from salepixel.accounts.principal import FULL, Principal
from salepixel.accounts.store import Account
from salepixel.attribution.decide import decide
from salepixel.attribution.decisions import store_decision
from salepixel.attribution.evidence import Evidence, Rung
from salepixel.campaigns import contacts
from salepixel.campaigns import store as campaigns
from salepixel.campaigns.contacts import Contact
from salepixel.campaigns.directory import read_directory
from salepixel.campaigns.store import Campaign, CampaignLink
from salepixel.clicks.opt_outs import opted_out_among
from salepixel.destinations import outbox
from salepixel.keys import Sealed
from salepixel.orders import store as orders
from salepixel.orders.deliveries import count_rejection, list_rejections
from salepixel.orders.queue import due_orders
from salepixel.orders.store import StoredOrder
from salepixel.shops import store as shops
from salepixel.storage import schema
from salepixel.storage.database import Database
from salepixel.wire.directory import contact_digest
from tests.make import CAMPAIGN, LINK, NOON, click_at, order


def consenting(connection: sa.Connection, emp_id: int, email_hash: str) -> list[str]:
    found = contacts.find_contacts(connection, emp_id, email_hashes=[email_hash])
    return [one.ref for one in found.values() if one.consent]


def test_contacts_are_added_and_changed_in_one_call(database: Database) -> None:
    many = [Contact(f"c{n}", f"h{n % 700}") for n in range(1200)]
    with database.write() as connection:
        assert contacts.store_contacts(connection, 1, many, NOON) == 1200
        assert contacts.store_contacts(connection, 1, [Contact("c1", "x"), Contact("c1", "y")], NOON) == 1
        assert consenting(connection, 1, "y") == ["c1"]
        assert consenting(connection, 1, "h1") == ["c701"]
        assert consenting(connection, 2, "h2") == []
        contacts.store_contacts(connection, 1, [Contact("c701", "h1", consent=False)], NOON)
        assert consenting(connection, 1, "h1") == []


def test_an_address_that_is_added_later_requeues_its_orders(database: Database) -> None:
    with database.write() as connection:
        orders.store_order(connection, "s1", 1, order(email_hash="h1"), "")
        connection.execute(sa.delete(schema.due))
        contacts.store_contacts(connection, 1, [Contact("c1", "h1")], NOON)
        assert due_orders(connection, 10) == [("s1", "O1")]


def test_an_opt_out_requeues_the_orders_of_the_contacts_old_address(
    database: Database,
) -> None:
    with database.write() as connection:
        contacts.store_contacts(connection, 1, [Contact("c1", "h1")], NOON)
        orders.store_order(connection, "s1", 1, order(email_hash="h1"), "")
        connection.execute(sa.delete(schema.due))
        contacts.store_contacts(connection, 1, [Contact("c1", None, consent=False)], NOON)
        assert due_orders(connection, 10) == [("s1", "O1")]
        assert consenting(connection, 1, "h1") == []
        contacts.store_contacts(connection, 1, [Contact("c1", None)], NOON)
        assert consenting(connection, 1, "h1") == ["c1"], "an address missing from a later call stays"


@pytest.mark.parametrize("first", ["opted out", "new"])
def test_an_address_stays_opted_out_under_a_new_reference(database: Database, first: str) -> None:
    old, new = Contact("c1", "h1", consent=False), Contact("c2", "h1")
    with database.write() as connection:
        for contact in (old, new) if first == "opted out" else (new, old):
            contacts.store_contacts(connection, 1, [contact], NOON)
        contacts.store_contacts(connection, 1, [Contact("c3", "h3"), Contact("c4", None)], NOON)
        contacts.store_contacts(connection, 2, [Contact("c5", "h1")], NOON)  # another account
        assert consenting(connection, 1, "h1") == []
        assert opted_out_among(connection, 1, ["c1", "c2", "c3", "c4"]) == {"c1", "c2"}
        assert contacts.opted_out_by_reference(connection, 1, ["c1", "c2", "c3"]) == {"c1"}
        assert opted_out_among(connection, 2, ["c5"]) == set()
        assert sorted(contacts.all_opted_out(connection)) == [(1, "c1"), (1, "c2")]
        assert contact_digest(b"c2") in read_directory(connection).opted_out[1]
        assert not contacts.get_contacts(connection, 1, ["c2"])["c2"].consent


def test_an_address_opts_in_with_the_reference_that_opted_out(database: Database) -> None:
    with database.write() as connection:
        contacts.store_contacts(
            connection, 1, [Contact("c1", "h1", consent=False), Contact("c2", "h1")], NOON
        )
        contacts.store_contacts(connection, 1, [Contact("c2", "h1")], NOON)
        assert consenting(connection, 1, "h1") == [], "a mailer's list says yes for all"
        contacts.store_contacts(connection, 1, [Contact("c1", None)], NOON)
        assert consenting(connection, 1, "h1") == ["c1", "c2"]


def test_orders_of_an_address_are_requeued_for_all_its_references(database: Database) -> None:
    with database.write() as connection:
        contacts.store_contacts(connection, 1, [Contact("c2", "h1")], NOON)
        orders.store_order(connection, "s1", 1, order(email_hash="h1"), "")
        named = order(id="O2", number="2")
        orders.store_order(connection, "s1", 1, named, "")
        decision = decide(1, named, [Evidence(Rung.TOKEN, click_at(NOON, "c2"))], Policy())
        store_decision(connection, StoredOrder("s1", 1, named, ""), decision, [])
        connection.execute(sa.delete(schema.due))
        contacts.store_contacts(connection, 1, [Contact("c1", "h1", consent=False)], NOON)
        assert sorted(due_orders(connection, 10)) == [("s1", "O1"), ("s1", "O2")]


def test_a_new_key_in_the_settings_revokes_the_earlier_one(database: Database) -> None:
    with database.write() as connection:
        for key in ("first", "second"):
            set_first_key(connection, key, NOON)
        assert find_principal(connection, "first") is None
        assert find_principal(connection, "second") is not None
        set_first_key(connection, "", NOON)
        assert find_principal(connection, "second") is None


def test_switching_a_link_requeues_the_orders_since_its_campaign(database: Database) -> None:
    campaign = Campaign(CAMPAIGN, 1, "Autumn", "plain", NOON)
    with database.write() as connection:
        campaigns.add_campaign(connection, campaign, [CampaignLink(LINK, "https://shop.test/", "Hero", True)])
        for day in (-1, 1):
            placed = order(id=f"O{day}", number=f"{day}", placed_at=NOON + timedelta(days=day))
            orders.store_order(connection, "s1", 1, placed, "")
        connection.execute(sa.delete(schema.due))
        assert campaigns.link_sells(connection, LINK)
        assert campaigns.switch_link(connection, campaign, LINK, False)
        assert not campaigns.switch_link(connection, campaign, "nolink", False)
        assert not campaigns.link_sells(connection, LINK)
        assert campaigns.link_sells(connection, "of a lost database")
        assert due_orders(connection, 10) == [("s1", "O1")]


def test_a_shop_counts_as_connected_after_its_app_is_removed(database: Database) -> None:
    with database.write() as connection:
        shop = shops.add_shop(connection, 1, "saleor", "https://shop.test/graphql/", NOON)
        assert shops.add_shop(connection, 1, "saleor", "https://shop.test/graphql/", NOON).id == shop.id
        assert shops.connected_since(connection, 1) is None
        later = NOON + timedelta(days=1)
        shops.connect_shop(connection, shop, "app1", Sealed("first"), "{}", NOON)
        shops.connect_shop(connection, shop, "app2", Sealed("second"), "{}", later)
        shops.disconnect_shop(connection, shop.id, "app2", later)
        assert shops.connected_since(connection, 1) == NOON
        found = shops.find_shop(connection, "https://shop.test/graphql/")
    assert found is not None
    assert (found.app_id, found.token, found.jwks_at) == ("app2", None, later)


def test_a_key_opens_only_what_it_was_created_for(database: Database) -> None:
    with database.write() as connection:
        assert accounts.add_account(connection, Account(7, "Shoes", "EUR", NOON))
        assert not accounts.add_account(connection, Account(7, "Other", "EUR", NOON))
        add_api_key(connection, "all", None, "all", NOON)
        add_api_key(connection, "seven", 7, "seven", NOON)
        assert find_principal(connection, "all") == Principal({None: FULL}, "all")
        assert find_principal(connection, "seven") == Principal({7: FULL}, "seven")
        assert find_principal(connection, "other") is None
    assert [Principal({7: FULL}, "").allows(emp_id) for emp_id in (7, 8)] == [True, False]


def test_a_sale_is_forwarded_once_and_claimed_by_one_worker(database: Database) -> None:
    with database.write() as connection:
        for _ in range(2):
            outbox.announce_order(connection, 1, "s1", "O1", {"L1": "https://x.test/"}, NOON)
        until = NOON + timedelta(minutes=2)
        (claimed,) = outbox.claim_outgoing(connection, NOON, until, 10)
        assert outbox.claim_outgoing(connection, NOON, until, 10) == []
        outbox.record_attempt(connection, claimed, state="sent", answer="200", next_at=NOON)
        assert outbox.claim_outgoing(connection, until, until, 10) == []
        assert outbox.count_outgoing(connection) == {"sent": 1}


def test_refusals_are_counted_by_reason(database: Database) -> None:
    with database.write() as connection:
        for reason in ("bad_signature", "bad_signature", "too_large"):
            count_rejection(connection, "saleor_webhook", reason)
        counted = [(source, reason, count) for _, source, reason, count in list_rejections(connection, 7)]
    assert counted == [("saleor_webhook", "bad_signature", 2), ("saleor_webhook", "too_large", 1)]
