"""Secrets at rest: no file and no dump of the database shows one, and each opens only in its own place."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.store import Account, add_account, get_account
from salepixel.keys import BadKeys, BadSeal, Keys, Place, Sealed, pixel_secret_place, token_place
from salepixel.shops.contract import TokenRefused, open_access
from salepixel.shops.shop import Shop
from salepixel.shops.store import add_shop, connect_shop, get_shop
from salepixel.smtp.server import Encryption, Server
from salepixel.smtp.store import server_of
from salepixel.smtp.use_cases import change_smtp
from salepixel.storage import schema
from salepixel.storage.database import Database, migrate, open_database
from salepixel.storage.installation import accept_database, claim_database
from salepixel.subscriptions.rules import What
from salepixel.subscriptions.store import get_subscription
from salepixel.subscriptions.use_cases import subscribe
from salepixel.watch.store import list_addresses
from salepixel.watch.use_cases import add_address
from tests.databases import copy_template
from tests.make import seal_token
from tests.storage.test_migrations import upgrade

NOW = datetime(2026, 11, 28, tzinfo=UTC)
FIRST = Keys(1, {1: b"a" * 32}, NOW - timedelta(days=2))
ROTATED = Keys(2, {**FIRST.secrets, 2: b"c" * 32})
OTHER = Keys(1, {1: b"b" * 32}, NOW)
TOKEN = "canary-token-of-the-shop"
SECRET = "ca4a" * 16


def fill(database: Database, keys: Keys | None) -> str:
    """A shop and an account with secrets, sealed or, with None, in clear as earlier versions stored them."""
    with database.write() as connection:
        secret = keys.seal(pixel_secret_place(7), SECRET) if keys else Sealed(SECRET)
        add_account(connection, Account(7, "Shoes", "EUR", NOW, pixel_secret=secret))
        shop = add_shop(connection, 7, "saleor", "https://shop.test/graphql/", NOW)
        token = seal_token(keys, shop.id, TOKEN) if keys else Sealed(TOKEN)
        connect_shop(connection, shop, "app", token, "{}", NOW)
    return shop.id


def claim(database: Database, keys: Keys) -> None:
    with database.write() as connection:
        claim_database(connection, keys)


def read(database: Database, shop_id: str) -> tuple[Shop, Account]:
    with database.read() as connection:
        shop, account = get_shop(connection, shop_id), get_account(connection, 7)
    assert shop is not None
    assert account is not None
    return shop, account


def opened(database: Database, keys: Keys, shop_id: str) -> tuple[str, str]:
    shop, account = read(database, shop_id)
    secret = keys.open(pixel_secret_place(7), account.pixel_secret)
    return open_access(keys, shop).token, secret


def test_secrets_stored_in_clear_are_sealed_at_the_next_start(database: Database) -> None:
    shop_id = fill(database, None)
    claim(database, FIRST)
    before = read(database, shop_id)
    claim(database, FIRST)
    assert read(database, shop_id) == before, "twice changes nothing"
    assert TOKEN not in str(before)
    assert SECRET not in str(before)
    assert opened(database, FIRST, shop_id) == (TOKEN, SECRET)


@pytest.mark.parametrize("keys", [FIRST, None], ids=["sealed", "in clear before"])
def test_no_byte_of_a_secret_is_in_the_files_of_the_database(
    sqlite_template: Path, tmp_path: Path, keys: Keys | None
) -> None:
    database = copy_template(sqlite_template, tmp_path)
    shop_id = fill(database, keys)
    claim(database, FIRST)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE shops SET name = 'Shoes'")
    assert opened(database, FIRST, shop_id) == (TOKEN, SECRET)
    database.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("salepixel.sqlite3" in path.name for path in files)
    for path in files:
        content = path.read_bytes()
        assert TOKEN.encode() not in content
        assert SECRET.encode() not in content
        assert bytes.fromhex(SECRET) not in content


def test_a_migration_leaves_no_secret_in_the_pages_of_a_table_that_it_copied(tmp_path: Path) -> None:
    """0025 copies `accounts` and `shops`; with 200 shops the old table has pages of its own."""
    database = open_database("", tmp_path)
    upgrade(database, "0024", "")
    with database.write() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO accounts (emp_id, name, currency, created_at, pixel_secret)"
                " VALUES (:number, 'Shoes', 'EUR', 0, :secret)"
            ),
            [{"number": number, "secret": f"{SECRET}-{number}"} for number in range(200)],
        )
        connection.execute(
            sa.text(
                "INSERT INTO shops (id, emp_id, platform, api_url, created_at, token)"
                " VALUES (:number, 7, 'saleor', 'https://shop.test/' || :number, 0, :token)"
            ),
            [{"number": str(number), "token": f"{TOKEN}-{number}"} for number in range(200)],
        )
    migrate(database)
    claim(database, FIRST)
    database.close()
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert content.count(b"sealed 1 ") >= 400
    assert (content.count(TOKEN.encode()), content.count(SECRET.encode())) == (0, 0)


def test_a_secret_in_memory_has_no_repr(keys: Keys) -> None:
    shop = Shop("s1", 1, "saleor", "https://shop.test/", NOW, token=seal_token(keys, "s1", TOKEN))
    access = open_access(keys, shop)
    assert access.token == TOKEN
    assert TOKEN not in f"{shop} {access!r} {access}"


@pytest.mark.parametrize(
    "place", [token_place("s2"), token_place("s10"), pixel_secret_place(1), token_place("")]
)
def test_a_sealed_secret_opens_only_in_its_own_place(place: tuple[str, str, str]) -> None:
    sealed = FIRST.seal(token_place("s1"), TOKEN)
    assert FIRST.open(token_place("s1"), sealed) == TOKEN
    with pytest.raises(BadSeal):
        FIRST.open(type(token_place(""))(*place), sealed)


@pytest.mark.parametrize(
    "text",
    [
        "token",
        "sealed",
        "sealed 1",
        "sealed 1 ",
        "sealed 9 AAAA",
        "sealed x AAAA",
        "sealed 1 A",
        "sealed \u00b2 A",
    ],
)
def test_a_text_that_is_not_sealed_does_not_open(text: str) -> None:
    with pytest.raises(BadSeal):
        FIRST.open(token_place("s1"), Sealed(text))


def test_a_token_moved_to_another_shop_is_refused(database: Database) -> None:
    shop_id = fill(database, FIRST)
    with database.write() as connection:
        other = add_shop(connection, 7, "saleor", "https://other.test/graphql/", NOW)
        moved = sa.select(schema.shops.c.token).where(schema.shops.c.id == shop_id).scalar_subquery()
        connection.execute(
            sa.update(schema.shops).where(schema.shops.c.id == other.id).values(token=moved, connected_at=NOW)
        )
    claim(database, FIRST)
    with pytest.raises(TokenRefused):
        open_access(FIRST, read(database, other.id)[0])
    assert opened(database, FIRST, shop_id) == (TOKEN, SECRET)


def test_a_key_rotation_seals_secrets_again(database: Database) -> None:
    shop_id = fill(database, FIRST)
    assert opened(database, ROTATED, shop_id) == (TOKEN, SECRET), "the old key still opens"
    claim(database, ROTATED)
    assert opened(database, ROTATED, shop_id) == (TOKEN, SECRET)
    with pytest.raises(BadKeys, match=r"lacks key 2.*accept-keys"):
        claim(database, FIRST)
    assert opened(database, ROTATED, shop_id) == (TOKEN, SECRET), "nothing was changed"


def test_other_keys_open_nothing_and_are_refused_at_the_start(database: Database) -> None:
    shop_id = fill(database, FIRST)
    claim(database, FIRST)
    with pytest.raises(BadKeys, match="accept-keys"):
        claim(database, OTHER)
    with pytest.raises(TokenRefused):
        open_access(OTHER, read(database, shop_id)[0])


def test_after_losing_the_keys_the_shop_is_reconnected_and_gets_a_new_secret(database: Database) -> None:
    shop_id = fill(database, FIRST)
    claim(database, FIRST)
    with database.write() as connection:
        accept_database(connection, OTHER)
    claim(database, OTHER)
    shop, account = read(database, shop_id)
    assert (shop.token, shop.state, shop.connected_at) == (None, "disconnected", NOW)
    secret = OTHER.open(pixel_secret_place(7), account.pixel_secret)
    assert len(bytes.fromhex(secret)) == 32
    assert secret != SECRET


def receive(database: Database, keys: Keys) -> str:
    """Addresses for alerts and reports, and an SMTP password; gives the id of the subscription."""
    server = Server("smtp.test", 587, Encryption.STARTTLS, "news", "a@shop.test", "", password="word")
    with database.write() as connection:
        change_smtp(connection, INSTALLATION, keys, 7, server, NOW)
        add_address(connection, INSTALLATION, keys, 7, "Ana", "ana@shop.test", "en", NOW)
        return subscribe(connection, INSTALLATION, keys, 7, What.MONTHS, "", "ana@shop.test", "en", NOW).id


def test_addresses_and_smtp_passwords_follow_a_rotation(database: Database) -> None:
    fill(database, FIRST)
    its_id = receive(database, FIRST)
    claim(database, ROTATED)
    only_new = Keys(2, {2: ROTATED.secrets[2]})
    with database.read() as connection:
        found = server_of(connection, only_new, 7, None)
        subscription = get_subscription(connection, its_id)
    assert isinstance(found, Server)
    assert found.password == "word"
    assert subscription is not None
    assert only_new.open(Place("subscriptions", its_id, "address"), subscription.address) == "ana@shop.test"


def test_after_a_loss_of_keys_addresses_and_smtp_passwords_are_entered_again(database: Database) -> None:
    fill(database, FIRST)
    its_id = receive(database, FIRST)
    with database.write() as connection:
        accept_database(connection, OTHER)
    claim(database, OTHER)
    with database.read() as connection:
        assert server_of(connection, OTHER, 7, None) == "password_lost"
        assert get_subscription(connection, its_id) is None
        (address,) = list_addresses(connection, 7)
    assert address.answer == "not_decrypted"


def test_accepting_the_current_keys_loses_no_secret(database: Database) -> None:
    shop_id = fill(database, None)
    with database.write() as connection:
        accept_database(connection, FIRST)
    assert opened(database, FIRST, shop_id) == (TOKEN, SECRET)
