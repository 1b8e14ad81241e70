"""Every use case checks the rights of its principal itself."""

import inspect
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import salepixel
from salepixel.accounts import use_cases as accounts
from salepixel.accounts.audit import FEEDS
from salepixel.accounts.audit_list import Filter
from salepixel.accounts.declined import Declined, NotAllowed
from salepixel.accounts.principal import FULL, INSTALLATION, Principal, Rights, Role
from salepixel.attribution import use_cases as attribution
from salepixel.campaigns import use_cases as campaigns
from salepixel.campaigns.fragment import Bought, BoughtLine
from salepixel.campaigns.links import LinkSealer
from salepixel.campaigns.use_cases import NewCampaign, NewLink
from salepixel.checks import use_cases as checks
from salepixel.clicks import use_cases as clicks
from salepixel.clicks.tokens import ClickSealer
from salepixel.computations import use_cases as computations
from salepixel.computations.store import Computation, Wanted, keep_step
from salepixel.computations.use_cases import Computed
from salepixel.computations.work import Progress, Tools
from salepixel.destinations import outbox
from salepixel.destinations import use_cases as destinations
from salepixel.flows import use_cases as flows
from salepixel.keys import NO_SECRET, Keys
from salepixel.lists import layout as list_layout
from salepixel.lists import use_cases as lists
from salepixel.lists.receive import receive_list
from salepixel.live import use_cases as live
from salepixel.mails import use_cases as mails
from salepixel.mails.mail import read_mail
from salepixel.mails.proposals import Use
from salepixel.mails.store import Choice
from salepixel.mails.use_cases import Change
from salepixel.mails.view import MailView, Tracking
from salepixel.money.rates import Rates
from salepixel.orders import use_cases as orders
from salepixel.orders.queue import record_failure
from salepixel.orders.store import StoredOrder, get_order
from salepixel.people import store as person_store
from salepixel.people import totp
from salepixel.people import use_cases as people
from salepixel.people.passwords import hash_password
from salepixel.people.person import Person, secret_place
from salepixel.privacy import use_cases as privacy
from salepixel.privacy.erase import NO_KEY
from salepixel.privacy.erasures import keep_error
from salepixel.privacy.retention import Kept
from salepixel.report import use_cases as report
from salepixel.report.exports import Format
from salepixel.report.orders import OrderFilter, Search
from salepixel.report.periods import ALWAYS, EVER
from salepixel.report.tables import Asked
from salepixel.shops import use_cases as shops
from salepixel.shops.reported import ReportedLine, ReportedOrder
from salepixel.smtp import use_cases as smtp
from salepixel.smtp.server import Encryption, Server
from salepixel.storage.database import Database
from salepixel.storage.schema import audit
from salepixel.subscriptions import use_cases as subscriptions
from salepixel.subscriptions.rules import What
from salepixel.subscriptions.store import Subscription
from salepixel.watch import store
from salepixel.watch import use_cases as watch
from salepixel.watch.store import Address
from salepixel.wire.round_trip import Report
from tests.databases import copy_template, open_without_waiting

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OWNER, STRANGER = Principal({7: FULL}, "shoes"), Principal({8: FULL}, "hats")
LINE = ReportedLine("Shoes", Decimal(1), Decimal("39.80"))
ORDER = ReportedOrder("o-1", "EUR", NOW - timedelta(hours=1), [LINE])
BOUGHT = Bought("", "o-1", "EUR", [BoughtLine("Shoes", Decimal(1), Decimal("39.80"))])
SERVER = Server("smtp.test", 587, Encryption.STARTTLS, "", "a@shop.test", "Shoes")
WANTED = Wanted(7, "models", {})
CAMPAIGN = NewCampaign(7, "Autumn", "plain", [NewLink("https://shop.test/")], holdout_percent=10)


@dataclass
class World:
    """Account 7 with one of everything, and account 8 with nothing."""

    database: Database
    connection: sa.Connection
    keys: Keys
    folder: Path
    campaign: str = ""
    link: str = ""
    shop: str = ""
    api_shop: str = ""
    key: str = ""
    computation: str = ""
    draft: str = ""
    mail: str = ""
    mailed: str = ""
    flow: str = ""
    list: str = ""

    @property
    def tracking(self) -> Tracking:
        return Tracking(LinkSealer(self.keys), "https://edge.test", "spx")

    @property
    def sealer(self) -> ClickSealer:
        return ClickSealer(self.keys)

    @property
    def rates(self) -> Rates:
        return Rates(self.folder)


@pytest.fixture(scope="session")
def world_files(keys: Keys, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database of a world, and its ids: filling one takes longer than most tests here."""
    folder = tmp_path_factory.mktemp("world")
    database = copy_template(sqlite_template, folder)
    world = _fill(database, keys, folder)
    database.close()
    ids = {field.name: getattr(world, field.name) for field in fields(World) if field.default == ""}
    (folder / "world.json").write_text(json.dumps(ids))
    return folder


@pytest.fixture
def sqlite(world_files: Path, tmp_path: Path) -> Iterator[Database]:
    """The database of a world that a test may change."""
    shutil.copytree(world_files, tmp_path, dirs_exist_ok=True)
    database = open_without_waiting(tmp_path)
    yield database
    database.close()


@contextmanager
def _world(database: Database, keys: Keys, folder: Path) -> Iterator[World]:
    ids = json.loads((folder / "world.json").read_text())
    with database.write() as connection:
        yield World(database, connection, keys, folder, **ids)


def _fill(database: Database, keys: Keys, folder: Path) -> World:
    with database.write() as connection:
        for emp_id in (7, 8):
            values = {"emp_id": emp_id, "name": "n", "currency": "EUR"}
            accounts.create_account(connection, INSTALLATION, keys, values, NOW - timedelta(days=9))
        world = World(database, connection, keys, folder)
        made, _ = campaigns.create_campaign(connection, OWNER, CAMPAIGN, "spx", NOW)
        world.campaign, world.link = made.campaign.id, made.links[0].id
        world.shop = shops.create_shop(connection, OWNER, 7, "saleor", "https://a.test/graphql/", NOW).id
        world.api_shop = _report_orders(world, OWNER).shop_id
        world.key = accounts.add_key(connection, OWNER, 7, "n", NOW).id
        world.computation = computations.request_computation(connection, OWNER, WANTED, NOW).id
        world.flow = flows.create_flow(connection, OWNER, 7, "Welcome", NOW).flow.id
        world.draft, world.mail = (_add_mail(world, OWNER).stored.id for _ in range(2))
        mailed = mails.make_campaign(connection, OWNER, world.tracking, _see(world, world.mail), NOW)
        world.mailed = str(mailed.stored.campaign_id)
    chunks = [b"reference\nc1\n"]
    world.list = receive_list(database, OWNER, keys, 7, world.campaign, "a.csv", chunks, NOW).id
    return world


def _report_orders(world: World, principal: Principal) -> shops.Receipt:
    return shops.report_orders(
        world.connection, principal, world.keys, 7, [(0, ORDER)], b"{}", "application/json", NOW
    )


_MAIL = read_mail(b"<a href='https://shop.test/'>Shoes</a>")


def _add_mail(world: World, principal: Principal) -> MailView:
    return mails.add_mail(world.connection, principal, world.tracking, 7, "Autumn", "plain", None, _MAIL, NOW)


def _see(world: World, mail_id: str) -> MailView:
    return mails.see_mail(world.connection, OWNER, world.tracking, mail_id)


def _stored(world: World) -> StoredOrder:
    stored = get_order(world.connection, world.api_shop, "o-1")
    assert stored is not None
    return stored


def _undo(world: World, principal: Principal) -> bytes:
    _, tracked = mails.tracked_mail(world.connection, OWNER, world.tracking, world.mail)
    return mails.undo_mail(world.connection, principal, world.tracking, read_mail(tracked))


def _failed_erasure(world: World) -> str:
    begun = privacy.begin_erasure(world.connection, OWNER, world.keys, 7, "bo", NOW)
    keep_error(world.connection, begun.id, NO_KEY, NOW)
    return begun.id


def _start_import(world: World, principal: Principal) -> Computation:
    layout = list_layout.Layout(",", True, (list_layout.Role.REFERENCE,))
    return lists.start_import(world.connection, principal, world.list, layout, {}, NOW)


def _find_send_list(world: World, principal: Principal) -> Computed[int]:
    started = _start_import(world, OWNER)
    keep_step(world.connection, started.id, 0, Progress(None, 1, 1, result={"stored": 1}), NOW)
    return lists.find_send_list(world.connection, principal, world.list, NOW)


def _add_address(world: World, principal: Principal) -> Address:
    return watch.add_address(world.connection, principal, world.keys, 7, "Ana", "json://h.test", "en", NOW)


def _subscribe(world: World, principal: Principal) -> Subscription:
    what, address = What.CAMPAIGN, "ana@shop.test"
    return subscriptions.subscribe(
        world.connection, principal, world.keys, 7, what, world.campaign, address, "en", NOW
    )


def _with_canary(world: World) -> int:
    store.add_canary(world.connection, 7, world.campaign, world.link, NOW)
    return 7


_HIDDEN = Rights(Role.VIEWER, contacts=False)
ROLES = {"owner": FULL, "editor": Rights(Role.EDITOR), "viewer": Rights(Role.VIEWER), "hidden": _HIDDEN}
PERSON, PASSWORD, SECRET = "0000000000aa", "correct horse battery", "31" * 20


_hashed = cache(hash_password)


def _member(world: World) -> str:
    """A second owner of account 7."""
    row = Person(PERSON, "ana@shop.test", "Ana", "en", _hashed(PASSWORD), NO_SECRET, 0, NOW, None)
    person_store.add_person(world.connection, row)
    person_store.put_member(world.connection, PERSON, 7, FULL, NOW)
    other = replace(row, id="0000000000ab", email="bo@other.test")
    person_store.add_person(world.connection, other)
    person_store.put_member(world.connection, other.id, 7, FULL, NOW)
    return PERSON


def _sealed(world: World) -> str:
    return world.keys.seal(secret_place(PERSON), SECRET)


def _code() -> str:
    return totp.code_at(SECRET, int(NOW.timestamp()) // totp.STEP_SECONDS)


Call = Callable[[World, Principal], Any]

IN_ACCOUNT: dict[Callable[..., Any], Call] = {
    accounts.see_account: lambda w, who: accounts.see_account(w.connection, who, 7),
    accounts.change_account: lambda w, who: accounts.change_account(w.connection, who, 7),
    accounts.target_account: lambda w, who: accounts.target_account(w.connection, who, 7),
    accounts.add_key: lambda w, who: accounts.add_key(w.connection, who, 7, "n", NOW),
    accounts.see_keys: lambda w, who: accounts.see_keys(w.connection, who, 7),
    accounts.remove_key: lambda w, who: accounts.remove_key(w.connection, who, w.key),
    accounts.see_audit: lambda w, who: accounts.see_audit(w.connection, who, 7, Filter(), None, 10),
    attribution.edit_account: lambda w, who: attribution.edit_account(
        w.connection, who, w.keys, 7, {"name": "mine"}, NOW
    ),
    attribution.see_policies: lambda w, who: attribution.see_policies(w.connection, who, 7),
    attribution.preview_policy_change: lambda w, who: attribution.preview_policy_change(
        w.connection, who, 7, {"window_days": 9}, Tools(w.sealer, w.rates), 10, None, NOW
    ),
    attribution.preview_link_switch: lambda w, who: attribution.preview_link_switch(
        w.connection, who, w.campaign, w.link, Tools(w.sealer, w.rates), 10, None, NOW
    ),
    attribution.change_policy: lambda w, who: attribution.change_policy(
        w.connection, who, 7, {"window_days": 9}, NOW
    ),
    attribution.close_month: lambda w, who: attribution.close_month(w.connection, who, 7, "2026-10", NOW),
    attribution.see_decided: lambda w, who: attribution.see_decided(
        w.connection, who, w.api_shop, "o-1", NOW
    ),
    attribution.see_hits: lambda w, who: attribution.see_hits(w.connection, who, w.api_shop, _stored(w)),
    attribution.see_delivery: lambda w, who: attribution.see_delivery(w.connection, who, w.api_shop, "o-1"),
    campaigns.see_campaign: lambda w, who: campaigns.see_campaign(w.connection, who, w.campaign),
    campaigns.change_campaign: lambda w, who: campaigns.change_campaign(w.connection, who, w.campaign),
    campaigns.see_links: lambda w, who: campaigns.see_links(w.connection, who, w.campaign),
    campaigns.see_link: lambda w, who: campaigns.see_link(w.connection, who, w.campaign, w.link),
    campaigns.create_campaign: lambda w, who: campaigns.create_campaign(
        w.connection, who, CAMPAIGN, "spx", NOW
    ),
    campaigns.set_sent_at: lambda w, who: campaigns.set_sent_at(w.connection, who, w.campaign, NOW),
    campaigns.rename_campaign: lambda w, who: campaigns.rename_campaign(
        w.connection, who, w.campaign, "Winter"
    ),
    campaigns.archive_campaign: lambda w, who: campaigns.archive_campaign(w.connection, who, w.campaign, NOW),
    campaigns.lock_campaign: lambda w, who: campaigns.lock_campaign(w.connection, who, w.campaign),
    campaigns.edit_link: lambda w, who: campaigns.edit_link(
        w.connection, who, w.campaign, w.link, {"active": False}, "spx", NOW
    ),
    campaigns.add_contacts: lambda w, who: campaigns.add_contacts(
        w.connection, who, w.keys, 7, {"c1": {"consent": False}}, NOW
    ),
    campaigns.find_references: lambda w, who: campaigns.find_references(w.connection, who, w.keys, 7, "c1"),
    campaigns.switch_tracking: lambda w, who: campaigns.switch_tracking(
        w.connection, who, w.keys, 7, "c1", NOW, opted_out=True
    ),
    campaigns.add_coupons: lambda w, who: campaigns.add_coupons(
        w.connection, who, w.keys, w.campaign, [("TEN", "")], NOW
    ),
    campaigns.add_recipients: lambda w, who: campaigns.add_recipients(
        w.connection, who, w.campaign, ["c1"], w.keys, NOW
    ),
    campaigns.check_open: lambda w, who: campaigns.check_open(w.connection, who, w.campaign, NOW),
    campaigns.switch_holdout: lambda w, who: campaigns.switch_holdout(w.connection, who, w.campaign, 20, NOW),
    campaigns.set_sent_count: lambda w, who: campaigns.set_sent_count(w.connection, who, w.campaign, 1000),
    campaigns.make_fragment: lambda w, who: campaigns.make_fragment(
        w.connection, who, w.keys, w.sealer, 7, BOUGHT, "https://edge.test", NOW
    ),
    people.see_members: lambda w, who: people.see_members(w.connection, who, 7, NOW),
    people.invite: lambda w, who: people.invite(w.connection, who, 7, "bo@shop.test", ROLES["editor"], NOW),
    people.withdraw_invitation: lambda w, who: people.withdraw_invitation(
        w.connection, who, people.invite(w.connection, OWNER, 7, "bo@shop.test", ROLES["editor"], NOW)[0].id
    ),
    people.change_member: lambda w, who: people.change_member(
        w.connection, who, 7, _member(w), ROLES["editor"], NOW
    ),
    people.remove_member: lambda w, who: people.remove_member(w.connection, who, 7, _member(w)),
    checks.see_first_steps: lambda w, who: checks.see_first_steps(w.connection, who, 7, "https://e.test"),
    checks.keep_findings: lambda w, who: checks.keep_findings(w.connection, who, 7, {}),
    checks.keep_report: lambda w, who: checks.keep_report(w.connection, who, Report(7, "e.test", True, NOW)),
    computations.find_result: lambda w, who: computations.find_result(w.connection, who, WANTED, dict, NOW),
    computations.request_computation: lambda w, who: computations.request_computation(
        w.connection, who, WANTED, NOW
    ),
    computations.see_computation: lambda w, who: computations.see_computation(
        w.connection, who, w.computation
    ),
    destinations.retry_dead: lambda w, who: destinations.retry_dead(w.connection, who, 7, NOW),
    lists.begin_list: lambda w, who: lists.begin_list(w.connection, who, 7, w.campaign, "a.csv", NOW),
    lists.see_list: lambda w, who: lists.see_list(w.connection, who, w.list),
    lists.preview_list: lambda w, who: lists.preview_list(w.connection, who, w.keys, w.list),
    lists.start_import: lambda w, who: _start_import(w, who),
    lists.find_send_list: lambda w, who: _find_send_list(w, who),
    lists.delete_list: lambda w, who: lists.delete_list(w.connection, who, w.list, NOW),
    mails.add_mail: _add_mail,
    mails.preview_mail: lambda w, who: mails.preview_mail(
        w.connection, who, w.tracking, 7, "Autumn", "plain", None, _MAIL, NOW
    ),
    mails.see_mail: lambda w, who: mails.see_mail(w.connection, who, w.tracking, w.mail),
    mails.see_again: lambda w, who: mails.see_again(w.connection, who, _see(w, w.draft)),
    mails.change_mail: lambda w, who: mails.change_mail(
        w.connection, who, _see(w, w.draft), Change({"0-8": Choice(Use.TRACKED, "Hero")}), NOW
    ),
    mails.make_campaign: lambda w, who: mails.make_campaign(
        w.connection, who, w.tracking, _see(w, w.draft), NOW
    ),
    mails.undo_mail: _undo,
    mails.copy_mail: lambda w, who: mails.copy_mail(w.connection, who, w.draft, "Copy", NOW),
    mails.copy_campaign: lambda w, who: mails.copy_campaign(
        w.connection, who, w.tracking, w.campaign, "Copy", NOW
    ),
    mails.delete_campaign: lambda w, who: mails.delete_campaign(w.connection, who, w.mailed),
    mails.tracked_mail: lambda w, who: mails.tracked_mail(w.connection, who, w.tracking, w.mail),
    mails.tracked_addresses: lambda w, who: mails.tracked_addresses(
        w.connection, who, w.tracking, mails.see_mail(w.connection, OWNER, w.tracking, w.mail)
    ),
    mails.delete_draft: lambda w, who: mails.delete_draft(w.connection, who, w.draft),
    orders.retry_failed: lambda w, who: orders.retry_failed(w.connection, who, 7),
    privacy.begin_erasure: lambda w, who: privacy.begin_erasure(w.connection, who, w.keys, 7, "ana", NOW),
    privacy.count_person: lambda w, who: privacy.count_person(w.connection, who, w.keys, 7, "ana"),
    privacy.export_person: lambda w, who: privacy.export_person(
        w.connection, who, Tools(w.sealer, w.rates), 7, "ana", NOW
    ),
    privacy.find_export: lambda w, who: privacy.find_export(
        w.connection, who, Tools(w.sealer, w.rates), 7, "ana", NOW
    ),
    privacy.see_retention: lambda w, who: privacy.see_retention(w.connection, who, 7),
    privacy.change_retention: lambda w, who: privacy.change_retention(
        w.connection, who, 7, {Kept.FORWARDS: 30}
    ),
    privacy.see_erasure: lambda w, who: privacy.see_erasure(
        w.connection, who, privacy.begin_erasure(w.connection, OWNER, w.keys, 7, "bo", NOW).id
    ),
    privacy.resume_erasure: lambda w, who: privacy.resume_erasure(
        w.connection, who, privacy.begin_erasure(w.connection, OWNER, w.keys, 7, "bo", NOW).id
    ),
    privacy.close_failed_erasure: lambda w, who: privacy.close_failed_erasure(
        w.connection, who, _failed_erasure(w), NOW
    ),
    privacy.see_erasures: lambda w, who: privacy.see_erasures(w.connection, who, 7, 10),
    flows.create_flow: lambda w, who: flows.create_flow(w.connection, who, 7, "Welcome", NOW),
    flows.see_flow: lambda w, who: flows.see_flow(w.connection, who, w.flow),
    flows.put_part: lambda w, who: flows.put_part(w.connection, who, w.flow, w.campaign),
    flows.remove_part: lambda w, who: flows.remove_part(w.connection, who, w.flow, w.campaign),
    flows.campaigns_to_add: lambda w, who: flows.campaigns_to_add(w.connection, who, w.flow),
    report.read_flow: lambda w, who: report.read_flow(w.connection, who, w.flow),
    report.read_overview: lambda w, who: report.read_overview(w.connection, who, w.campaign),
    report.read_campaign_overview: lambda w, who: report.read_campaign_overview(
        w.connection, who, w.campaign, EVER
    ),
    report.read_account_overview: lambda w, who: report.read_account_overview(w.connection, who, 7, EVER),
    report.read_link_map: lambda w, who: report.read_link_map(w.connection, who, w.tracking, w.mailed),
    report.read_sales: lambda w, who: report.read_sales(w.connection, who, w.campaign, ALWAYS, 10, None),
    report.read_orders: lambda w, who: report.read_orders(
        w.connection, who, 7, OrderFilter(), Search(), None, 10
    ),
    live.read_live: lambda w, who: live.read_live(w.connection, who, 7, 10),
    live.begin_trial: lambda w, who: live.begin_trial(w.connection, who, 7, "https://shop.test/", "spx", NOW),
    live.follow_trial: lambda w, who: live.follow_trial(
        w.connection, who, w.sealer, 7, "test-6743c800-0123abcd"
    ),
    report.hash_address: lambda w, who: report.hash_address(w.connection, who, w.keys, 7, "ana@shop.test"),
    report.export_sales: lambda w, who: report.export_sales(w.connection, who, w.campaign, ALWAYS),
    report.export_chosen_sales: lambda w, who: report.export_chosen_sales(
        w.connection, who, w.campaign, ALWAYS, Asked(), {}
    ),
    report.list_account_items: lambda w, who: report.list_account_items(w.connection, who, 7),
    report.list_campaigns_of_item: lambda w, who: report.list_campaigns_of_item(
        w.connection, who, 7, "Shoes", "R-1", "EUR"
    ),
    report.find_file: lambda w, who: report.find_file(
        w.connection,
        who,
        report.export_sales(w.connection, OWNER, w.campaign, ALWAYS),
        Format.PROGRAM_CSV,
        None,
        NOW,
    ),
    report.see_clicks: lambda w, who: report.see_clicks(w.connection, who, w.campaign, 10, None),
    report.list_link_activity: lambda w, who: report.list_link_activity(w.connection, who, w.campaign),
    report.list_contact_activity: lambda w, who: report.list_contact_activity(
        w.connection, who, w.campaign, 10, None
    ),
    report.read_sorted_sales: lambda w, who: report.read_sorted_sales(
        w.connection, who, w.campaign, ALWAYS, Asked("amount"), {}, 10
    )[0],
    report.list_all_contact_activity: lambda w, who: report.list_all_contact_activity(
        w.connection, who, w.campaign
    ),
    report.list_items_sold: lambda w, who: report.list_items_sold(w.connection, who, w.campaign),
    report.see_customer: lambda w, who: report.see_customer(w.connection, who, w.shop, "VXNlcjox"),
    report.see_contact: lambda w, who: report.see_contact(w.connection, who, 7, "c1"),
    report.measure_lift: lambda w, who: report.measure_lift(
        w.connection, who, w.campaign, Tools(w.sealer, w.rates), NOW
    ),
    report.compare_models: lambda w, who: report.compare_models(
        w.connection, who, 7, NOW - timedelta(days=9), NOW, Tools(w.sealer, w.rates), NOW
    ),
    report.read_coverage: lambda w, who: report.read_coverage(w.connection, who, 7, NOW.date(), NOW.date()),
    smtp.see_smtp: lambda w, who: smtp.see_smtp(w.connection, who, 7, None),
    smtp.change_smtp: lambda w, who: smtp.change_smtp(w.connection, who, w.keys, 7, SERVER, NOW),
    smtp.remove_smtp: lambda w, who: smtp.remove_smtp(w.connection, who, 7),
    smtp.open_smtp: lambda w, who: smtp.open_smtp(w.connection, who, w.keys, 7, SERVER),
    smtp.keep_test: lambda w, who: smtp.keep_test(w.connection, who, 7, "sent", NOW),
    subscriptions.see_reports: lambda w, who: subscriptions.see_reports(w.connection, who, w.keys, 7),
    subscriptions.subscribe: lambda w, who: _subscribe(w, who),
    subscriptions.end_subscription: lambda w, who: subscriptions.end_subscription(
        w.connection, who, _subscribe(w, OWNER).id
    ),
    subscriptions.retry_reports: lambda w, who: subscriptions.retry_reports(w.connection, who, 7, NOW),
    watch.see_watch: lambda w, who: watch.see_watch(w.connection, who, 7),
    watch.add_address: lambda w, who: _add_address(w, who),
    watch.see_address: lambda w, who: watch.see_address(w.connection, who, _add_address(w, OWNER).id),
    watch.send_test: lambda w, who: watch.send_test(w.connection, who, _add_address(w, OWNER).id, NOW),
    watch.remove_address: lambda w, who: watch.remove_address(w.connection, who, _add_address(w, OWNER).id),
    watch.run_canary_now: lambda w, who: watch.run_canary_now(w.connection, who, _with_canary(w), NOW),
    shops.see_shop: lambda w, who: shops.see_shop(w.connection, who, w.shop),
    shops.create_shop: lambda w, who: shops.create_shop(
        w.connection, who, 7, "saleor", "https://b.test/graphql/", NOW
    ),
    shops.edit_shop: lambda w, who: shops.edit_shop(w.connection, who, w.shop, NOW, paused=True),
    shops.retire_shop: lambda w, who: shops.retire_shop(w.connection, who, w.shop, NOW),
    shops.register_app: lambda w, who: shops.register_app(
        w.connection, who, shops.see_shop(w.connection, OWNER, w.shop), "app", NO_SECRET, "{}", NOW
    ),
    shops.report_orders: _report_orders,
}

OF_ALL_ACCOUNTS: dict[Callable[..., Any], Call] = {
    accounts.create_account: lambda w, who: accounts.create_account(
        w.connection, who, w.keys, {"emp_id": 9, "name": "n", "currency": "EUR"}, NOW
    ),
    clicks.see_losses: lambda w, who: clicks.see_losses(w.connection, who),
    orders.see_rejections: lambda w, who: orders.see_rejections(w.connection, who, 30),
}

LISTS: dict[Callable[..., Any], Call] = {
    destinations.see_dead_letters: lambda w, who: destinations.see_dead_letters(w.connection, who, 10, None),
    orders.see_failed_orders: lambda w, who: orders.see_failed_orders(w.connection, who, 10, None),
}


OF_A_PERSON: dict[Callable[..., Any], Call] = {
    people.see_me: lambda w, who: people.see_me(w.connection, who, NOW),
    people.change_me: lambda w, who: people.change_me(w.connection, who, "Bo", "es", ["es"]),
    people.confirm_password: lambda w, who: people.confirm_password(w.connection, who, PASSWORD),
    people.choose_password: lambda w, who: people.choose_password(
        w.connection, who, PASSWORD, "a completely new one"
    ),
    people.change_password: lambda w, who: people.change_password(
        w.connection, who, people.NewPassword("hash", _hashed(PASSWORD)), ""
    ),
    people.begin_second_factor: lambda w, who: people.begin_second_factor(w.connection, who, w.keys),
    people.see_enrolment: lambda w, who: people.see_enrolment(w.connection, who, w.keys, _sealed(w)),
    people.turn_on_second_factor: lambda w, who: people.turn_on_second_factor(
        w.connection, who, w.keys, _sealed(w), _hashed(PASSWORD), _code(), NOW
    ),
    people.turn_off_second_factor: lambda w, who: people.turn_off_second_factor(
        w.connection, who, w.keys, _hashed(PASSWORD), "", NOW
    ),
    people.end_my_sessions: lambda w, who: people.end_my_sessions(w.connection, who),
}
"""A person's own settings, whatever the role. An API key has none."""

READS_OF_A_PERSON = {
    *(people.see_me, people.begin_second_factor, people.see_enrolment),
    *(people.confirm_password, people.choose_password),
}

READS = {
    accounts.see_account,
    attribution.see_policies,
    attribution.preview_policy_change,
    attribution.see_decided,
    campaigns.see_campaign,
    campaigns.see_links,
    campaigns.see_link,
    campaigns.check_open,
    attribution.see_hits,
    attribution.preview_link_switch,
    attribution.see_delivery,
    checks.see_first_steps,
    computations.find_result,
    computations.request_computation,
    computations.see_computation,
    flows.see_flow,
    flows.campaigns_to_add,
    mails.see_mail,
    mails.undo_mail,
    mails.tracked_mail,
    mails.tracked_addresses,
    privacy.see_retention,
    privacy.see_erasure,
    privacy.see_erasures,
    report.read_flow,
    report.read_orders,
    live.read_live,
    live.follow_trial,
    report.read_overview,
    report.read_campaign_overview,
    report.read_link_map,
    report.read_account_overview,
    report.read_sales,
    report.read_sorted_sales,
    report.export_sales,
    report.export_chosen_sales,
    report.list_account_items,
    report.list_campaigns_of_item,
    report.find_file,
    report.see_clicks,
    report.list_link_activity,
    report.list_items_sold,
    report.measure_lift,
    report.compare_models,
    report.read_coverage,
    shops.see_shop,
    smtp.see_smtp,
    subscriptions.see_reports,
    watch.see_watch,
    watch.see_address,
}
"""Every role may do these."""

SHOWS_CONTACTS = {
    campaigns.find_references,
    lists.see_list,
    lists.preview_list,
    lists.find_send_list,
    report.hash_address,
    report.list_contact_activity,
    report.list_all_contact_activity,
    report.see_contact,
    report.see_customer,
}
"""Every role may do these that sees contacts."""

CHANGES_ACCESS = {
    accounts.add_key,
    accounts.remove_key,
    accounts.see_audit,
    accounts.see_keys,
    privacy.begin_erasure,
    privacy.count_person,
    privacy.export_person,
    privacy.find_export,
    privacy.change_retention,
    privacy.resume_erasure,
    privacy.close_failed_erasure,
    people.see_members,
    people.invite,
    people.withdraw_invitation,
    people.change_member,
    people.remove_member,
    shops.create_shop,
    shops.register_app,
    shops.retire_shop,
    smtp.change_smtp,
    smtp.remove_smtp,
}
"""Only owners may do these. What is in none of these tables changes content: editors may do it, too."""


def _name(use_case: Callable[..., Any]) -> str:
    return f"{use_case.__module__.split('.')[1]}.{use_case.__name__}"


def test_every_use_case_is_in_a_table_below() -> None:
    found = set()
    for file in Path(salepixel.__file__).parent.glob("*/use_cases.py"):
        room = import_module(f"salepixel.{file.parent.name}.use_cases")
        for name, function in inspect.getmembers(room, inspect.isfunction):
            if function.__module__ == room.__name__ and not name.startswith("_"):
                takes = inspect.signature(function).parameters
                assert "principal" in takes, _name(function)
                found.add(_name(function))
    assert found == set(map(_name, {**IN_ACCOUNT, **OF_ALL_ACCOUNTS, **LISTS, **OF_A_PERSON}))


@pytest.mark.parametrize("use_case", IN_ACCOUNT, ids=_name)
def test_another_accounts_principal_is_declined(
    use_case: Callable[..., Any], sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with _world(sqlite, keys, tmp_path) as world:
        with pytest.raises(Declined):
            IN_ACCOUNT[use_case](world, STRANGER)
        IN_ACCOUNT[use_case](world, OWNER)


def _who_may(use_case: Callable[..., Any]) -> set[str]:
    if use_case in READS:
        return set(ROLES)
    if use_case in SHOWS_CONTACTS:
        return {"owner", "editor", "viewer"}
    return {"owner"} if use_case in CHANGES_ACCESS else {"owner", "editor"}


@pytest.mark.parametrize("role", ["editor", "viewer", "hidden"])
def test_a_role_does_what_its_rights_allow(role: str, sqlite: Database, keys: Keys, tmp_path: Path) -> None:
    with _world(sqlite, keys, tmp_path) as world:
        for use_case, call in IN_ACCOUNT.items():
            # An owner elsewhere has no more rights here.
            who = Principal({7: ROLES[role], 8: FULL}, role, "p1")
            part = world.connection.begin_nested()
            try:
                call(world, who)
                done = True
            except NotAllowed:
                done = False
            finally:
                part.rollback()
            assert done is (role in _who_may(use_case)), _name(use_case)


CHANGES_NOTHING = {
    *(accounts.change_account, accounts.target_account, accounts.see_audit, accounts.see_keys),
    *(campaigns.change_campaign, campaigns.lock_campaign, campaigns.make_fragment),
    *(checks.keep_findings, checks.keep_report),
    *(mails.preview_mail, mails.see_again, people.see_members, smtp.open_smtp),
    *(privacy.count_person, privacy.export_person, privacy.find_export),
    *(shops.report_orders, clicks.see_losses, orders.see_rejections),
}
"""Of the use cases that need the right to change: these check, read or compute, or keep what a program found.
Reported orders are kept as they arrived (deliveries)."""

MAY_CHANGE_NOTHING = {
    *(orders.retry_failed, destinations.retry_dead, subscriptions.retry_reports),
    *(flows.remove_part, smtp.remove_smtp),
}
"""Here, nothing has failed, the flow has no part, and there are no SMTP settings to remove: see below,
and tests/plugin/test_audit_of_calls.py."""


def _changes() -> Iterator[tuple[Callable[..., Any], Call]]:
    for use_case, call in {**IN_ACCOUNT, **OF_ALL_ACCOUNTS}.items():
        if use_case not in READS | SHOWS_CONTACTS | CHANGES_NOTHING | {
            clicks.see_losses,
            orders.see_rejections,
        }:
            yield use_case, call


def _listed(world: World) -> Counter[tuple[str, str]]:
    rows = world.connection.execute(sa.select(audit.c.action, audit.c.id, audit.c.actor))
    return Counter((row.action, row.actor) for row in rows)


def test_each_change_writes_its_row_of_the_audit_list_and_each_refusal_none(
    sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    found: dict[tuple[str, str], tuple[bool, bool]] = {}
    with _world(sqlite, keys, tmp_path) as world:
        for use_case, call in _changes():
            who = {role: Principal({7: rights, 8: FULL}, role, "p1") for role, rights in ROLES.items()}
            who |= {"stranger": STRANGER, "all": INSTALLATION}
            for role, principal in who.items():
                part = world.connection.begin_nested()
                before = _listed(world)
                try:
                    call(world, principal)
                    done = True
                except Declined:
                    done = False
                new = _listed(world) - before
                part.rollback()
                by_it = {action for action, actor in new if actor == principal.name}
                # The program itself imports lists, and the start of an import has its row.
                if use_case not in MAY_CHANGE_NOTHING and (role != "all" or not by_it <= FEEDS):
                    found[_name(use_case), role] = done, bool(by_it)
    assert len(found) > 200
    assert {call: pair for call, pair in found.items() if pair[0] is not pair[1]} == {}


@pytest.mark.parametrize("use_case", OF_A_PERSON, ids=_name)
def test_a_persons_own_changes_are_in_the_audit_list(
    use_case: Callable[..., Any], sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with _world(sqlite, keys, tmp_path) as world:
        _member(world)
        if use_case is people.turn_off_second_factor:
            person_store.change_person(world.connection, PERSON, {"totp_secret": _sealed(world)})
        before = _listed(world)
        call = OF_A_PERSON[use_case]
        if use_case is people.turn_off_second_factor:
            confirmed = people.confirm_password(world.connection, Principal({}, "Ana", PERSON), PASSWORD)
            people.turn_off_second_factor(
                world.connection, Principal({}, "Ana", PERSON), world.keys, confirmed, _code(), NOW
            )
        else:
            call(world, Principal({7: ROLES["hidden"]}, "Ana", PERSON))
        new = _listed(world) - before
        assert [actor for _, actor in new] == ([] if use_case in READS_OF_A_PERSON else ["Ana"])


@pytest.mark.parametrize("use_case", OF_A_PERSON, ids=_name)
def test_a_person_changes_the_own_settings_and_a_key_has_none(
    use_case: Callable[..., Any], sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with _world(sqlite, keys, tmp_path) as world:
        _member(world)
        with pytest.raises(NotAllowed):
            OF_A_PERSON[use_case](world, OWNER)
        OF_A_PERSON[use_case](world, Principal({7: ROLES["hidden"]}, "Ana", PERSON))


@pytest.mark.parametrize("use_case", OF_ALL_ACCOUNTS, ids=_name)
def test_use_cases_for_all_accounts_need_rights_on_all_accounts(
    use_case: Callable[..., Any], sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with _world(sqlite, keys, tmp_path) as world:
        with pytest.raises(NotAllowed):
            OF_ALL_ACCOUNTS[use_case](world, OWNER)
        OF_ALL_ACCOUNTS[use_case](world, INSTALLATION)


@pytest.mark.parametrize("use_case", LISTS, ids=_name)
def test_a_list_contains_only_what_its_principal_may_see(
    use_case: Callable[..., Any], sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with _world(sqlite, keys, tmp_path) as world:
        record_failure(world.connection, world.api_shop, "o-1", "ValueError", NOW)
        outbox.announce_order(world.connection, 7, world.api_shop, "o-1", {"": "https://other.test/"}, NOW)
        (claimed,) = outbox.claim_outgoing(world.connection, NOW, NOW, 10)
        outbox.record_attempt(world.connection, claimed, state="dead", answer="410", next_at=NOW)
        seen = [len(LISTS[use_case](world, who)) for who in (OWNER, STRANGER, INSTALLATION)]
    assert seen == [1, 0, 1]


@pytest.mark.parametrize(
    "retry",
    [
        lambda w, who: orders.retry_failed(w.connection, who, None),
        lambda w, who: destinations.retry_dead(w.connection, who, None, NOW),
    ],
    ids=["orders", "destinations"],
)
def test_requeuing_without_an_account_is_limited_to_the_principals_own(
    retry: Call, sqlite: Database, keys: Keys, tmp_path: Path
) -> None:
    with _world(sqlite, keys, tmp_path) as world:
        record_failure(world.connection, world.api_shop, "o-1", "ValueError", NOW)
        outbox.announce_order(world.connection, 7, world.api_shop, "o-1", {"": "https://other.test/"}, NOW)
        (claimed,) = outbox.claim_outgoing(world.connection, NOW, NOW, 10)
        outbox.record_attempt(world.connection, claimed, state="dead", answer="410", next_at=NOW)
        before = _listed(world)
        assert [retry(world, who) for who in (STRANGER, OWNER, OWNER)] == [0, 1, 0]
        assert [actor for _, actor in (_listed(world) - before).elements()] == [OWNER.name]
