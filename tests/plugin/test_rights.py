"""Every endpoint with every role: what is allowed, what is refused, and that hidden contacts are nowhere.

A new endpoint needs no line here if it follows the rule: GET is for all roles and hides contacts, everything
else changes something and is refused to viewers.
"""

import base64
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import url_for
from werkzeug.routing import Rule

from salepixel.accounts.api_keys import find_digest_principal, key_digest
from salepixel.accounts.principal import FULL, Principal, Rights, Role
from salepixel.accounts.store import Account, add_account
from salepixel.destinations import outbox
from salepixel.keys import Keys
from salepixel.orders.unread import UnreadOrder, keep_unread
from salepixel.storage.database import Database
from salepixel_plugin import access
from salepixel_plugin.pages.blueprint import OPEN_TO_ALL
from tests.databases import copy_template
from tests.plugin.conftest import Office, new_office
from tests.plugin.pages.test_signing_in import add_person
from tests.plugin.test_databases import arguments_of, fill

NAME = "quixote-"
SECRETS = re.compile("quixote|dulcinea", re.IGNORECASE)
"""What is known of contacts here: references, addresses, customers, coupon codes."""

_HIDDEN = Rights(Role.VIEWER, contacts=False)
ROLES = {
    "owner": Principal({7: FULL}, "owner"),
    "editor": Principal({7: Rights(Role.EDITOR)}, "editor"),
    "viewer": Principal({7: Rights(Role.VIEWER)}, "viewer"),
    "hidden": Principal({7: _HIDDEN}, "hidden"),
    "read key": Principal({7: Rights(Role.VIEWER)}, "a key that reads", key_id="0123456789ab"),
    "sales key": Principal({}, "a key for sales", key_id="0123456789ac", sales_of=7),
    "elsewhere": Principal({7: _HIDDEN, 8: FULL}, "an owner of account 8"),
    "stranger": Principal({8: FULL}, "stranger"),
}
INSIDE = [role for role in ROLES if role not in ("stranger", "sales key")]

SHOWS_CONTACTS = {
    *("api.see_list", "api.download_errors", "api.download_send_list", "api.get_contact"),
    *("pages.contacts", "pages.show_contact", "pages.show_list", "pages.download_errors"),
    *("pages.show_send_list", "pages.download_recipients"),
}
"""Pages about contacts: refused to principals who do not see them."""

FOR_OWNERS = {"api.list_members", "api.export_contact", "pages.show_export", "pages.show_members"} | {
    *("api.list_audit", "pages.show_audit", "pages.download_audit", "pages.show_keys"),
}
OF_ALL_ACCOUNTS = {"api.get_rejections", "api.list_losses", "pages.new_account", "pages.show_owners"} | {
    *("pages.show_whole_audit", "pages.download_whole_audit"),
}
OF_A_PERSON = {"pages.show_me", "pages.show_second_factor"}
OPEN = {*OPEN_TO_ALL, "static", "openapi.spec", "health.healthz", "health.metrics"}
"""Without any principal, or with the token of a shop's Dashboard."""

READS_BY_POST = access.READING - {"pages.leave"}

BODIES: dict[str, Mapping[str, object]] = {
    "api.invite_member": {"email": "bo@shop.test", "role": "viewer"},
    "api.change_member": {"role": "viewer"},
    "api.add_key": {"name": "mailer"},
    "api.add_shop": {"empId": 7, "platform": "saleor", "api_url": "http://127.0.0.1:2/graphql/"},
    "api.change_retention": {"deliveries": 400},
    "api.erase_person": {"empId": 7, "contact": "somebody"},
    "api.find_address": {"empId": 7, "email": f"{NAME}1@shop.test"},
    "api.export_person": {"empId": 7, "contact": "somebody"},
    "pages.add_shop": {"api_url": "http://127.0.0.1:2/graphql/"},
    "pages.change_members": {"step": "invite", "email": "bo@shop.test", "role": "owner"},
    "pages.change_owners": {"step": "invite", "email": "bo@shop.test", "role": "owner"},
    "pages.erase_person": {"contact": "somebody", "sure": "on"},
    "pages.export_person": {"contact": "somebody"},
    "pages.find_person": {"contact": "somebody"},
    "pages.change_keys": {"step": "create", "name": "mailer", "scope": "read"},
    "pages.change_retention": {"deliveries": "400"},
}
"""Valid bodies of what only owners may do: of invalid ones, an answer says nothing about rights."""


@pytest.fixture(scope="module")
def filled(
    sqlite_template: Any, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Office, dict[str, str]]]:
    """Account 7 with one of everything, and contacts that are easy to find in an answer."""
    folder = tmp_path_factory.mktemp("rights")
    database = copy_template(sqlite_template, folder)
    with new_office(folder, database, keys) as office:
        office.post("/accounts", {"empId": 8, "name": "Hats", "currency": "EUR"})
        with database.write() as connection:
            add_account(connection, Account(7, "Shoes", "EUR", datetime.now(UTC) - timedelta(days=9)))
        # First, because it ends uploaded lists and computed files.
        erasure = office.post("/contacts/erase", {"empId": 7, "contact": "somebody else"})["id"]
        names = fill(office, NAME)
        _add_traces(office, database, names)
        made = office.post("/accounts/7/keys", {"name": "n"})
        add_person(office, "someone@shop.test")
        (person_id,) = (one["id"] for one in office.get("/accounts/7/members")["members"])
        unknown = {"address_id": "0" * 12, "subscription_id": "0" * 12}
        unknown |= {"invitation_id": "0" * 12, "person_id": person_id}
        yield office, names | {"key_id": made["id"], "erasure_id": erasure} | unknown
    database.close()


def _add_traces(office: Office, database: Database, names: Mapping[str, str]) -> None:
    """Contacts in places that are easily forgotten."""
    office.post(
        f"/campaigns/{names['campaign_id']}/coupons", {"coupons": [{"code": "DULCINEA", "ref": f"{NAME}1"}]}
    )
    buyer = {"voucher": "DULCINEA", "customer": "quixote-customer", "email": f"{NAME}1@shop.test"}
    placed: dict[str, Any] = {"id": "o-20", "number": "20", **buyer}
    office.order(**placed)
    now = datetime.now(UTC)
    saleor = office.post("/shops", BODIES["api.add_shop"])
    with database.write() as connection:
        urls = {"": f"https://x.test/{NAME}0?c={NAME}1"}
        outbox.announce_order(connection, 7, names["shop_id"], "o-20", urls, now)
        (claimed,) = outbox.claim_outgoing(connection, now + timedelta(seconds=9), now, 10)
        outbox.record_attempt(connection, claimed, state="dead", answer="404", next_at=now)
        unread = UnreadOrder(saleor["id"], "o-21", "21", "unreadable", "bad address of Quixote", now)
        keep_unread(connection, unread, now)


@pytest.fixture
def as_role(filled: tuple[Office, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Calls an endpoint with a role. A key stands for each role, until keys have roles of their own."""
    office, names = filled
    known = {key_digest(role): principal for role, principal in ROLES.items()}
    monkeypatch.setattr(
        access,
        "find_digest_principal",
        lambda connection, digest, *at: known.get(digest) or find_digest_principal(connection, digest),
    )

    def ask(rule: Rule, method: str, role: str, **other: str) -> Any:
        with office.app.test_request_context():
            missing = rule.arguments - names.keys()
            assert not missing, f"{rule.endpoint}: put {missing} into fill() of test_databases.py"
            path = url_for(rule.endpoint, **arguments_of(rule, names | other))
        lists = (
            "/export",
            "/erasures",
            "/lists",
            "/api/v1/orders",
            "/api/v1/audit",
            f"/api/v1/contacts/{NAME}0",
        )
        if path.endswith(lists):
            path += "?empId=7"
        body = BODIES.get(rule.endpoint, {})
        sent: Any = {"json": body} if rule.endpoint.startswith("api.") else {"data": body}
        headers = {"Authorization": f"Bearer {role}"}
        more = {} if method == "GET" else sent
        return office.app.test_client().open(path, method=method, headers=headers, **more)

    return ask


def _rules(office: Office, *, reading: bool) -> list[tuple[Rule, str]]:
    found = []
    for rule in office.app.url_map.iter_rules():
        if rule.endpoint in OPEN or rule.endpoint.startswith("saleor."):
            continue
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            if (method == "GET") is reading:
                found.append((rule, method))
    return found


def _text(answer: Any) -> str:
    """All that an answer shows, also in a workbook and in a cursor."""
    body: bytes = answer.data
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            body = b"".join(book.read(name) for name in book.namelist())
    text = body.decode("utf-8", "replace") + str(answer.headers)
    words = re.findall(r"(?:cursor=|\"next\": ?\")([\w-]{8,})", text)
    return text + "".join(base64.urlsafe_b64decode(word + "==").decode("latin-1") for word in words)


def _may_read(endpoint: str, role: str) -> bool:
    if endpoint in OF_ALL_ACCOUNTS | OF_A_PERSON:
        return False
    if endpoint in FOR_OWNERS:
        return role == "owner"
    if endpoint == "api.list_keys":
        return role in ("owner", "elsewhere")
    return endpoint not in SHOWS_CONTACTS or role in ("owner", "editor", "viewer", "read key")


@pytest.mark.parametrize("role", INSIDE)
def test_each_role_reads_what_it_may_and_sees_no_hidden_contact(
    role: str, filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    office, _ = filled
    unexpected, leaks = {}, []
    for rule, method in _rules(office, reading=True):
        answer = as_role(rule, method, role)
        may = answer.status_code in (200, 202, 302, 303)
        if may is not _may_read(rule.endpoint, role) or (not may and answer.status_code != 403):
            unexpected[rule.endpoint] = answer.status_code
        if role in ("hidden", "elsewhere"):
            own = str(rule.rule).count("<path:ref>") or "list_id" in rule.arguments
            if not own and SECRETS.search(_text(answer)):
                leaks.append(rule.endpoint)
    # The computation of a person's data is opened by its id; this one is not done.
    assert (unexpected, leaks) == ({}, [])


def test_the_search_finds_contacts_where_they_are_shown(
    filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    office, _ = filled
    shown = {
        rule.endpoint
        for rule, method in _rules(office, reading=True)
        if SECRETS.search(_text(as_role(rule, method, "viewer")))
    }
    assert shown >= {
        *("api.list_clicks", "api.list_sales", "api.list_sales_as_csv", "api.list_sales_as_xlsx"),
        *("api.show_coverage", "pages.list_sales", "pages.contacts"),
        *("pages.show_coverage", "pages.download_sales"),
    }


@pytest.mark.parametrize(
    ("role", "status"),
    [("viewer", 200), ("read key", 200), ("hidden", 403), ("sales key", 403), ("stranger", 404)],
)
def test_readers_who_see_contacts_search_orders_by_address(
    role: str, status: int, filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    office, _ = filled
    (rule,) = (one for one in office.app.url_map.iter_rules() if one.endpoint == "api.find_address")
    answer = as_role(rule, "POST", role)
    assert answer.status_code == status
    if status == 200:
        found = office.get(f"/orders?empId=7&address={answer.json['address']}")
        assert {row["order"] for row in found["rows"]} >= {"20"}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_file_of_a_table_has_no_hidden_contact(
    form: str, filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    office, _ = filled
    (rule,) = (one for one in office.app.url_map.iter_rules() if one.endpoint == "pages.download_table")
    for table, status in {"links": 200, "items": 200, "contacts": 403}.items():
        answer = as_role(rule, "GET", "hidden", table=table, form=form)
        assert answer.status_code == status
        assert not SECRETS.search(_text(answer))
    assert SECRETS.search(_text(as_role(rule, "GET", "viewer", table="contacts", form=form)))


@pytest.mark.parametrize("role", ["viewer", "hidden", "elsewhere", "read key"])
def test_a_viewer_changes_nothing(
    role: str, filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    office, _ = filled
    before = _contents(office.database)
    done = {}
    for rule, method in _rules(office, reading=False):
        answer = as_role(rule, method, role)
        if rule.endpoint in READS_BY_POST | {"pages.leave"}:
            continue
        # An owner of another account gets past the door; then the use case refuses, or the form is invalid.
        expected = (403,) if role != "elsewhere" else (303, 403, 404, 409, 422)
        if rule.endpoint == "api.change_campaign" and role == "elsewhere":
            expected = (200,)  # of an empty body, which changes nothing
        if answer.status_code not in expected:
            done[rule.endpoint] = answer.status_code
        if role not in ("viewer", "read key") and "ref" not in rule.arguments:
            assert not SECRETS.search(_text(answer)), rule.endpoint
    assert done == {}
    assert _contents(office.database) == before


def test_a_key_for_sales_sends_orders_and_nothing_else(
    filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    office, _ = filled
    before, others = _contents(office.database), {}
    for reading in (True, False):
        for rule, method in _rules(office, reading=reading):
            answer = as_role(rule, method, "sales key")
            if answer.status_code != 403 or "sales" not in answer.text:
                others[rule.endpoint] = answer.status_code
    assert others == {"api.add_sales": 422}, "this one reads its body"
    assert _contents(office.database) == before


def test_an_editor_does_nothing_that_is_for_owners(
    filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    office, _ = filled
    for_owners = {
        *("api.add_key", "api.remove_key", "api.add_shop", "api.remove_shop", "api.erase_contact"),
        *("api.erase_person", "api.export_person", "api.change_retention", "api.retry_erasure"),
        *(
            "api.close_erasure",
            "api.add_account",
            "pages.add_shop",
            "pages.find_person",
            "pages.export_person",
        ),
        *("pages.erase_person", "pages.retry_erasure", "pages.close_erasure", "pages.change_retention"),
        *("pages.change_members", "pages.change_owners", "pages.change_keys"),
        *("api.invite_member", "api.change_member", "api.remove_member"),
    }
    rules = [pair for pair in _rules(office, reading=False) if pair[0].endpoint in for_owners]
    assert {rule.endpoint for rule, _ in rules} == for_owners
    before = _contents(office.database)
    allowed = {
        rule.endpoint: answer.status_code
        for rule, method in rules
        if (answer := as_role(rule, method, "editor")).status_code != 403
    }
    # An account needs a body of its own to be refused for its rights.
    assert allowed.keys() <= {"api.add_account"}
    assert _contents(office.database) == before


def test_a_person_of_another_account_finds_nothing(
    filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    office, _ = filled
    before, found = _contents(office.database), {}
    for reading in (True, False):
        for rule, method in _rules(office, reading=reading):
            answer = as_role(rule, method, "stranger")
            its_own = "ref" in rule.arguments
            if not its_own:
                assert not SECRETS.search(_text(answer)), rule.endpoint
            named = rule.arguments - {"mailer", "kind", "step"}
            if named and answer.status_code not in (403, 404, 409, 422):
                found[rule.endpoint] = answer.status_code
    # Redirects, and a form that says nothing.
    assert found.keys() <= {
        *("pages.show_people_again", "pages.show_closings", "pages.manage", "pages.search_orders"),
    }
    assert _contents(office.database) == before


def _contents(database: Database) -> dict[str, int]:
    """The number of rows of each table, and the account. Each role signs out, which the audit list shows."""
    with database.read() as connection:
        tables = sa.inspect(connection).get_table_names()
        counts = {
            name: connection.scalar(sa.text(f'SELECT count(*) FROM "{name}"')) or 0  # noqa: S608
            for name in tables
            if name not in ("computations", "computation_parts", "rejections", "drafts")
        }
        signed_out = sa.text("SELECT count(*) FROM audit WHERE action = 'session.ended'")
        counts["audit"] -= connection.scalar(signed_out) or 0
        rows = connection.execute(sa.text("SELECT * FROM accounts ORDER BY emp_id")).all()
    return counts | {"accounts": hash(tuple(map(tuple, rows)))}
