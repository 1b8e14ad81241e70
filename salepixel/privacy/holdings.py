"""All tables and columns: which contain personal data, and what an erasure does with them.

A test fails if a table or column is missing here. Another test searches all of them for an erased person.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holding:
    """A table with personal data. `personal` and `kept`: its columns, separated by spaces.

    `erasure`: what an erasure does with a row: `deleted`, `cleared` (the personal columns become empty),
    `rewritten` (without the person) or `kept`.
    """

    erasure: str
    personal: str
    kept: str


HOLDINGS = {
    "contacts": Holding("deleted", "ref email_hash alias_hash", "emp_id consent updated_at"),
    "recipients": Holding("deleted", "contact", "campaign_id lot sent_at"),
    "coupons": Holding("deleted", "code contact", "emp_id campaign_id created_at"),
    "clicks": Holding("cleared", "contact", "id emp_id campaign_id link_id signals verdict reasons score"),
    "hits": Holding(
        "cleared",
        "click_token",
        "id emp_id order_ref order_id product quantity amount currency signed ignored order_key problem",
    ),
    "orders": Holding(
        "rewritten",
        "email_hash alias_hash customer voucher snapshot",
        "shop_id id emp_id number placed_at updated_at issued_at delivery "
        "utm_campaign payment open healed_at number_key erased_at amount currency",
    ),
    "decisions": Holding(
        "cleared",
        "contact buyer",
        "shop_id order_id emp_id placed_at outcome reason policy model evidence confidence campaign_id "
        "click_id forwarded agreeing conflicting clicks_limit payment browser seen healed currency gross "
        "refunded buyer_is",
    ),
    "candidates": Holding(
        "cleared",
        "contact",
        "shop_id order_id position emp_id click_id campaign_id link_id evidence verdict confidence "
        "passed_over opted_out share",
    ),
    "sales": Holding(
        "cleared",
        "contact",
        "shop_id order_id line_id click_id emp_id campaign_id link_id item sku quantity amount refunded "
        "currency purchased_at order_number evidence confidence status share converted converted_refunded "
        "converted_currency rate rate_date refunded_at",
    ),
    "clickers": Holding(
        "deleted",
        "contact",
        "campaign_id human bot first_click last_click links human_ended bot_ended",
    ),
    "buyers": Holding(
        "deleted",
        "contact",
        "campaign_id currency orders gross_high gross_low refunded_high refunded_low",
    ),
    "outbox": Holding("rewritten", "url", "id emp_id shop_id order_id state attempts next_at answer"),
    "unread_orders": Holding("cleared", "detail", "shop_id order_id number reason since next_at"),
    "mails": Holding(
        "rewritten",
        "name body",
        "id emp_id mailer contact_tag kind merged created_at changed_at campaign_id utm",
    ),
    "mail_links": Holding("rewritten", "label", "mail_id part start usage link_id"),
    "deliveries": Holding(
        "rewritten", "body", "digest shop_id event headers received_at unread form same_as same_bytes"
    ),
    "computations": Holding(
        "deleted",
        "parameters place result",
        "id emp_id kind digest state steps done total requested_at next_at as_of finished_at error",
    ),
    "computation_parts": Holding("deleted", "content", "computation_id number"),
    "lists": Holding(
        "deleted",
        "name",
        "id emp_id campaign_id encoding size lines pieces created_at ends_at import_id",
    ),
    "list_pieces": Holding("deleted", "content", "list_id number"),
    "alert_addresses": Holding(
        "deleted", "name address", "id emp_id service language created_at answer answered_at"
    ),
    "subscriptions": Holding(
        "deleted",
        "address email_hash",
        "id emp_id what campaign_id language created_at closed_at_start",
    ),
    "erased": Holding("kept", "digest", "emp_id erased_at"),
    "erasures": Holding("kept", "work", "id emp_id begun_at ended_at counts error failed_at"),
}

_MONEY = (
    "quantity_high quantity_low gross_high gross_low refunded_high refunded_low refunded_on_high "
    "refunded_on_low converted_high converted_low converted_refunded_high converted_refunded_low"
)

WITHOUT_PERSON = {
    "installation": "id fingerprint",
    "accounts": "emp_id name tracking_host site currency window_days pixel_amount pixel_secret pixel_signed "
    "hosted_pixel hosted_emp_id forward_url forward_per created_at policy_version model alias_match "
    "campaign_windows sale_when tax shipping closed_before clicks_ended_before bot_clicks_ended_before "
    "ignored_hits_ended_before link_hosts utm time_zone",
    # The shop's own staff, not its contacts: they are removed on the page People.
    "people": "id email name language password totp_secret totp_step created_at signed_in_at",
    "memberships": "person_id emp_id role contacts created_at",
    "invitations": "id digest emp_id email role contacts person_id created_at expires_at",
    "person_sessions": "digest id person_id browser started_at expires_at needs_code",
    "identities": "issuer subject person_id created_at",
    "recovery_codes": "person_id digest",
    "policies": "emp_id version window_days model alias_match campaign_windows applied_at",
    "api_keys": "digest id emp_id name created_at scope expires_at last_used_at",
    # Names of the shop's own staff; what may be about a contact is never written (accounts/audit.py).
    "audit": "id emp_id at actor_kind actor_id actor action subject_id subject changes",
    "sessions": "digest key_digest expires_at",
    "campaigns": "id emp_id name mailer created_at contact_tag sent_at utm_campaign holdout_percent utm_key "
    "archived_at utm sent_count listed held_out sent_each",
    "links": "id campaign_id emp_id position url label sale_pixel new_url active changed_at dynamic",
    "page_candidates": "campaign_id id clicks",
    "flows": "id emp_id name created_at",
    "flow_parts": "campaign_id flow_id position",
    "journals": "name mark folded_at",
    "losses": "journal number count from_at to_at",
    "watermarks": "name click_id",
    "retention": "emp_id kind days ended_until place",
    "click_sums": "campaign_id link_id day verdict reasons slot clicks ended",
    "click_hours": "campaign_id hour verdict slot clicks ended",
    "click_days": "emp_id day verdict slot clicks ended",
    "reason_sums": "campaign_id reasons slot clicks",
    "delay_sums": "emp_id campaign_id day step slot orders",
    "link_sums": "campaign_id link_id slot human unknown bot clickers buyers",
    "campaign_sums": f"campaign_id day currency converted_currency slot orders {_MONEY}",
    "sale_sums": "campaign_id day link_id shop_id evidence currency converted_currency slot orders "
    f"link_orders {_MONEY}",
    "part_sums": "campaign_id kind name currency slot orders gross_high gross_low refunded_high refunded_low",
    "account_items": "emp_id item sku currency slot quantity_high quantity_low gross_high gross_low "
    "refunded_high refunded_low",
    "item_days": "emp_id span first item sku currency slot quantity_high quantity_low gross_high gross_low "
    "refunded_high refunded_low",
    "item_sums": "campaign_id item sku currency slot quantity_high quantity_low gross_high gross_low "
    "refunded_high refunded_low",
    "decision_sums": "emp_id day shop_id outcome reason slot orders seen healed",
    "revenue_sums": "emp_id day currency earned buyer_is slot orders gross_high gross_low refunded_high "
    "refunded_low",
    "returning_sums": "campaign_id day currency buyer_is slot orders",
    "outcome_sums": "emp_id outcome reason slot orders",
    "seen_sums": "emp_id kind day shop_id name slot orders seen",
    "unsettled_clicks": "click_id",
    "bought": "click_id",
    "refunds": "shop_id order_id updated_at refunded cancelled issued_at currency charged covers",
    "drafts": "shop_id order_id",
    "due": "shop_id order_id emp_id again next_attempt_at because attempts last_error failed_at",
    "sale_refunds": "shop_id order_id line_id click_id refunded_at campaign_id amount currency converted",
    "rejections": "day source reason count",
    "shops": "id emp_id platform api_url app_id token jwks jwks_at connected_at created_at name "
    "disconnected_at app_active app_status_at paused_at removed_at dashboards",
    "polls": "shop_id mark next_at problem problem_since",
    # Its sender is a setting, which its owner can change; without it, no e-mail is sent.
    "smtp_servers": "emp_id host port encryption user password sender sender_name changed_at answer "
    "answered_at",
    "report_mails": "id emp_id subscription_id kind about written_at attempts next_at answer answered_at",
    "alerts": "emp_id kind detail began_at ended_at",
    "alert_messages": "id emp_id address_id kind phase detail at attempts next_at answer",
    "looks": "emp_id looked_at since next_at",
    "canaries": "emp_id campaign_id link_id phase token begun_at result ended_at next_at",
    "findings": "emp_id name target reason found_at",
    "shop_days": "shop_id day orders counted_at known",
    "shop_rejections": "shop_id reason count last_at",
}
"""Tables without personal data, with their columns."""
