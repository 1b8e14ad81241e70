"""The use cases by the right that they need."""

from salepixel.accounts import use_cases as accounts
from salepixel.attribution import use_cases as attribution
from salepixel.campaigns import use_cases as campaigns
from salepixel.checks import use_cases as checks
from salepixel.computations import use_cases as computations
from salepixel.flows import use_cases as flows
from salepixel.lists import use_cases as lists
from salepixel.live import use_cases as live
from salepixel.mails import use_cases as mails
from salepixel.people import use_cases as people
from salepixel.privacy import use_cases as privacy
from salepixel.report import use_cases as report
from salepixel.shops import use_cases as shops
from salepixel.smtp import use_cases as smtp
from salepixel.subscriptions import use_cases as subscriptions
from salepixel.watch import use_cases as watch

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
