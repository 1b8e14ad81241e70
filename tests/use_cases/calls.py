"""A call of each use case in the world."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from salepixel.accounts import use_cases as accounts
from salepixel.accounts.audit_list import Filter
from salepixel.accounts.principal import Principal
from salepixel.attribution import use_cases as attribution
from salepixel.campaigns import use_cases as campaigns
from salepixel.checks import use_cases as checks
from salepixel.clicks import use_cases as clicks
from salepixel.computations import use_cases as computations
from salepixel.computations.work import Tools
from salepixel.destinations import use_cases as destinations
from salepixel.flows import use_cases as flows
from salepixel.keys import NO_SECRET
from salepixel.lists import use_cases as lists
from salepixel.live import use_cases as live
from salepixel.mails import use_cases as mails
from salepixel.mails.proposals import Use
from salepixel.mails.store import Choice
from salepixel.mails.use_cases import Change
from salepixel.orders import use_cases as orders
from salepixel.people import use_cases as people
from salepixel.privacy import use_cases as privacy
from salepixel.privacy.retention import Kept
from salepixel.report import use_cases as report
from salepixel.report.exports import Format
from salepixel.report.orders import OrderFilter, Search
from salepixel.report.periods import ALWAYS, EVER
from salepixel.report.tables import Asked
from salepixel.shops import use_cases as shops
from salepixel.smtp import use_cases as smtp
from salepixel.subscriptions import use_cases as subscriptions
from salepixel.watch import use_cases as watch
from salepixel.wire.round_trip import Report
from tests.use_cases.world import (
    BOUGHT,
    CAMPAIGN,
    MAIL,
    NOW,
    OWNER,
    PASSWORD,
    ROLES,
    SERVER,
    WANTED,
    World,
    add_address,
    add_mail,
    add_member,
    failed_erasure,
    find_send_list,
    hashed,
    present_code,
    report_orders,
    sealed_secret,
    see_mail,
    start_import,
    stored_order,
    subscribe,
    undo_mail,
    with_canary,
)


def name_of(use_case: Callable[..., Any]) -> str:
    return f"{use_case.__module__.split('.')[1]}.{use_case.__name__}"


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
    attribution.see_hits: lambda w, who: attribution.see_hits(w.connection, who, w.api_shop, stored_order(w)),
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
        w.connection, who, 7, add_member(w), ROLES["editor"], NOW
    ),
    people.remove_member: lambda w, who: people.remove_member(w.connection, who, 7, add_member(w)),
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
    lists.start_import: lambda w, who: start_import(w, who),
    lists.find_send_list: lambda w, who: find_send_list(w, who),
    lists.delete_list: lambda w, who: lists.delete_list(w.connection, who, w.list, NOW),
    mails.add_mail: add_mail,
    mails.preview_mail: lambda w, who: mails.preview_mail(
        w.connection, who, w.tracking, 7, "Autumn", "plain", None, MAIL, NOW
    ),
    mails.see_mail: lambda w, who: mails.see_mail(w.connection, who, w.tracking, w.mail),
    mails.see_again: lambda w, who: mails.see_again(w.connection, who, see_mail(w, w.draft)),
    mails.change_mail: lambda w, who: mails.change_mail(
        w.connection, who, see_mail(w, w.draft), Change({"0-8": Choice(Use.TRACKED, "Hero")}), NOW
    ),
    mails.make_campaign: lambda w, who: mails.make_campaign(
        w.connection, who, w.tracking, see_mail(w, w.draft), NOW
    ),
    mails.undo_mail: undo_mail,
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
        w.connection, who, failed_erasure(w), NOW
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
    subscriptions.subscribe: lambda w, who: subscribe(w, who),
    subscriptions.end_subscription: lambda w, who: subscriptions.end_subscription(
        w.connection, who, subscribe(w, OWNER).id
    ),
    subscriptions.retry_reports: lambda w, who: subscriptions.retry_reports(w.connection, who, 7, NOW),
    watch.see_watch: lambda w, who: watch.see_watch(w.connection, who, 7),
    watch.add_address: lambda w, who: add_address(w, who),
    watch.see_address: lambda w, who: watch.see_address(w.connection, who, add_address(w, OWNER).id),
    watch.send_test: lambda w, who: watch.send_test(w.connection, who, add_address(w, OWNER).id, NOW),
    watch.remove_address: lambda w, who: watch.remove_address(w.connection, who, add_address(w, OWNER).id),
    watch.run_canary_now: lambda w, who: watch.run_canary_now(w.connection, who, with_canary(w), NOW),
    shops.see_shop: lambda w, who: shops.see_shop(w.connection, who, w.shop),
    shops.create_shop: lambda w, who: shops.create_shop(
        w.connection, who, 7, "saleor", "https://b.test/graphql/", NOW
    ),
    shops.edit_shop: lambda w, who: shops.edit_shop(w.connection, who, w.shop, NOW, paused=True),
    shops.retire_shop: lambda w, who: shops.retire_shop(w.connection, who, w.shop, NOW),
    shops.register_app: lambda w, who: shops.register_app(
        w.connection, who, shops.see_shop(w.connection, OWNER, w.shop), "app", NO_SECRET, "{}", NOW
    ),
    shops.report_orders: report_orders,
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
    accounts.see_all_keys: lambda w, who: accounts.see_all_keys(w.connection, who),
}


OF_A_PERSON: dict[Callable[..., Any], Call] = {
    people.see_me: lambda w, who: people.see_me(w.connection, who, NOW),
    people.change_me: lambda w, who: people.change_me(w.connection, who, "Bo", "es", ["es"]),
    people.confirm_password: lambda w, who: people.confirm_password(w.connection, who, PASSWORD),
    people.choose_password: lambda w, who: people.choose_password(
        w.connection, who, PASSWORD, "a completely new one"
    ),
    people.change_password: lambda w, who: people.change_password(
        w.connection, who, people.NewPassword("hash", hashed(PASSWORD)), ""
    ),
    people.begin_second_factor: lambda w, who: people.begin_second_factor(w.connection, who, w.keys),
    people.see_enrolment: lambda w, who: people.see_enrolment(w.connection, who, w.keys, sealed_secret(w)),
    people.turn_on_second_factor: lambda w, who: people.turn_on_second_factor(
        w.connection, who, w.keys, sealed_secret(w), hashed(PASSWORD), present_code(), NOW
    ),
    people.turn_off_second_factor: lambda w, who: people.turn_off_second_factor(
        w.connection, who, w.keys, hashed(PASSWORD), "", NOW
    ),
    people.end_my_sessions: lambda w, who: people.end_my_sessions(w.connection, who),
}
"""A person's own settings, whatever the role. An API key has none."""
