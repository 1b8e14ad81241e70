"""The addresses for alerts of a person are found, however they are written, and only those."""

import pytest

from salepixel.privacy.export import tables_of
from salepixel.privacy.person import find_person
from salepixel.privacy.receivers import emails_in
from salepixel.storage import schema
from tests.privacy.village import ADDRESS, Village


@pytest.mark.parametrize(
    ("address", "email"),
    [
        ("ana@shop.test", "ana@shop.test"),
        ("mailtos://u:p@smtp.test?to=ana@shop.test", "ana@shop.test"),
        ("mailtos://u:p@smtp.test/?from=x@y.test&to=bo@shop.test,ana@shop.test", "ana@shop.test"),
        ("mailtos://u:p@smtp.test?to=ana%40shop.test", "ana@shop.test"),
        ("mailto://ana:p@shop.test", "ana@shop.test"),
        ("mailto://ana@shop.test", "ana@shop.test"),
        ("ses://from@x.test/key/secret/eu/ana@shop.test", "ana@shop.test"),
        ("msteams://abc@1234/def", "abc@1234"),
    ],
)
def test_the_e_mail_addresses_of_an_address_are_read(address: str, email: str) -> None:
    assert email in emails_in(address)


def test_an_address_without_one_has_none() -> None:
    assert emails_in("slack://token/#shop") == set()


def test_the_addresses_of_others_stay(village: Village) -> None:
    done = village.erase(ADDRESS)
    (left,) = village.rows(schema.alert_addresses)
    assert left["name"] == "Bo"
    assert {row["address_id"] for row in village.rows(schema.alert_messages)} == {left["id"]}
    assert (done.counts["alert_addresses"], done.counts["subscriptions"]) == (2, 2)
    assert len(village.rows(schema.subscriptions)) == 2


def test_the_addresses_of_a_person_are_exported(village: Village) -> None:
    with village.database.read() as connection:
        person = find_person(connection, village.keys, 1, ADDRESS)
        found = tables_of(connection, village.keys, person)
    assert [row["address"] for row in found["alert_addresses"]] in ([ADDRESS, ""], ["", ADDRESS])
    assert [row["address"] for row in found["subscriptions"]] == [ADDRESS] * 2
