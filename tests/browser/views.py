"""Every view for people, by name: the endpoint, its address in the furnished account, and who sees it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """A view. `path`: with names of Furnished in braces.

    `reader`: "ana", an owner; "bo", who did not enter the code of the second factor yet; or "nobody".
    """

    endpoint: str
    path: str
    reader: str = "ana"


_ACCOUNT, _CAMPAIGN = "/accounts/{emp}", "/campaigns/{campaign}"

VIEWS = {
    "overview-account": View("show_account", _ACCOUNT + "?period=28d&compare=before"),
    "campaigns": View("list_account_campaigns", _ACCOUNT + "/campaigns"),
    "overview-campaign": View("overview", _CAMPAIGN),
    "links": View("links", _CAMPAIGN + "/links"),
    "link": View("link", _CAMPAIGN + "/links/{link}"),
    "link-preview": View("preview_link", _CAMPAIGN + "/links/{link}/preview"),
    "link-map": View("show_link_map", _CAMPAIGN + "/map"),
    "sales": View("list_sales", _CAMPAIGN + "/sales"),
    "buyers": View("contacts", _CAMPAIGN + "/contacts"),
    "items": View("items", _CAMPAIGN + "/items"),
    "recipients": View("recipients", _CAMPAIGN + "/recipients"),
    "lift": View("lift", "/campaigns/{lift}/lift"),
    "manage": View("show_manage", _CAMPAIGN + "/manage"),
    "new-campaign": View("new_mail", _ACCOUNT + "/mails"),
    "mail": View("show_mail", "/mails/{mail}"),
    "undo": View("show_undo", _ACCOUNT + "/undo"),
    "platform": View("show_platform", "/platforms/mailchimp?account={emp}"),
    "flows": View("list_flows", _ACCOUNT + "/flows"),
    "flow": View("show_flow", "/flows/{flow}"),
    "models": View("compare_models", _ACCOUNT + "/models?from={day}"),
    "orders": View("list_orders", _ACCOUNT + "/orders"),
    "order": View("explain_order", "/orders/{shop}/{order}"),
    "order-not-attributed": View("explain_order", "/orders/{shop}/{lost}"),
    "delivery": View("show_delivery", "/orders/{shop}/{order}/delivery"),
    "find-contact": View("find_contact", _ACCOUNT + "/contacts"),
    "contact": View("show_contact", _ACCOUNT + "/contacts/{contact}"),
    "import-contacts": View("new_list", _ACCOUNT + "/lists"),
    "list": View("show_list", "/lists/{list}"),
    "list-to-send": View("show_send_list", "/lists/{list}/send"),
    "live": View("show_live", _ACCOUNT + "/live?still=1"),
    "test": View("show_trials", _ACCOUNT + "/trial"),
    "test-steps": View("show_trial", _ACCOUNT + "/trial/{trial}?still=1&campaign={trials}&link={tried}"),
    "attribution": View("show_policy", _ACCOUNT + "/policy"),
    "attribution-preview": View("preview_policy", _ACCOUNT + "/policy/preview?window_days=14&model=linear"),
    "shops": View("list_shops", _ACCOUNT + "/shops"),
    "link-settings": View("show_link_settings", _ACCOUNT + "/links"),
    "email": View("show_smtp", _ACCOUNT + "/email"),
    "people": View("show_members", _ACCOUNT + "/members"),
    "keys": View("show_keys", _ACCOUNT + "/keys"),
    "audit": View("show_audit", _ACCOUNT + "/audit"),
    "audit-of-all": View("show_whole_audit", "/audit"),
    "people-of-all": View("show_owners", "/members"),
    "tracking-health": View("show_coverage", _ACCOUNT + "/coverage"),
    "undecided-orders": View("list_failed", "/orders/failed"),
    "failed-forwards": View("list_dead", "/outbox"),
    "alerts": View("show_alerts", _ACCOUNT + "/alerts"),
    "reports": View("show_reports", _ACCOUNT + "/reports"),
    "privacy": View("show_people", _ACCOUNT + "/people"),
    "first-steps": View("first_steps", _ACCOUNT + "/first-steps"),
    "all-accounts": View("list_campaigns", "/"),
    "new-account": View("new_account", "/accounts/new"),
    "your-access": View("show_me", "/you"),
    "second-factor": View("show_second_factor", "/you/second-factor"),
    "help": View("show_help", "/help"),
    "docs": View("show_document", "/docs/how-to/find-an-order.md", "nobody"),
    "sign-in": View("login", "/login", "nobody"),
    "code": View("show_code", "/login/code", "bo"),
    "invitation": View("show_invitation", "/join/{invitation}", "nobody"),
    "end-of-reports": View("show_end", "/reports/end/{token}", "nobody"),
    "about": View("show_about", "/about", "nobody"),
}
"""Each has a picture in the docs."""

EMPTY = {
    "empty-overview": View("show_account", "/accounts/{empty}"),
    "empty-campaigns": View("list_account_campaigns", "/accounts/{empty}/campaigns"),
    "empty-flows": View("list_flows", "/accounts/{empty}/flows"),
    "empty-models": View("compare_models", "/accounts/{empty}/models"),
    "empty-orders": View("list_orders", "/accounts/{empty}/orders"),
    "empty-items": View("list_account_items", "/accounts/{empty}/items"),
    "empty-item": View("show_item", "/accounts/{empty}/items/one?item=none"),
    "empty-live": View("show_live", "/accounts/{empty}/live?still=1"),
    "empty-shops": View("list_shops", "/accounts/{empty}/shops"),
    "empty-tracking-health": View("show_coverage", "/accounts/{empty}/coverage"),
    "empty-alerts": View("show_alerts", "/accounts/{empty}/alerts"),
    "empty-first-steps": View("first_steps", "/accounts/{empty}/first-steps"),
    "not-found": View("explain_order", "/orders/{shop}/none"),
}
"""The same of an account without anything, and a page that is not there. Without pictures."""

STATES = {
    "archived-campaigns": View("list_account_campaigns", _ACCOUNT + "/campaigns?archived=1"),
    "items-of-account": View("list_account_items", _ACCOUNT + "/items"),
    "list-to-check": View("show_list", "/lists/{draft_list}"),
    "tracked-mail": View("show_mail", "/mails/{tracked}"),
    "orders-searched": View("list_orders", _ACCOUNT + "/orders?q=nothing"),
    "sales-searched": View("list_sales", _CAMPAIGN + "/sales?q=nothing"),
    "no-changes": View("show_audit", _ACCOUNT + "/audit?to=2020-01-01"),
    "unknown-contact": View("show_contact", _ACCOUNT + "/contacts/nobody"),
}
"""Further states of views. Without pictures."""

NOT_VIEWS = {
    "begin_company": "a redirect",
    "end_company": "a redirect",
    "download_account_items": "a file",
    "list_account_items": "as the page items, for all campaigns",
    "show_item": "likewise, an item by campaign",
    "download_audit": "a file",
    "download_whole_audit": "a file",
    "download_errors": "a file",
    "download_mail": "a file",
    "download_original": "a file",
    "download_recipients": "a file",
    "download_sales": "a file",
    "download_table": "a file",
    "show_closings": "a redirect",
    "show_export": "a file; until it is ready, a page that reloads itself",
    "show_frame": "the frame in a Dashboard: test_dashboard.py",
    "show_live_rows": "rows of the page live",
    "show_marked_mail": "the mail inside the page link-map",
    "show_people_again": "a redirect",
    "show_trial_rows": "rows of the page test-steps",
    "start": "a redirect",
    "static": "a file",
    "switch_account": "a redirect",
    "try_browser": "a redirect",
}
"""Endpoints that a browser gets, and that are no views, each with the reason."""
