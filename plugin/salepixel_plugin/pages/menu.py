"""The menu of an account: its sections, and the pages of each section. A new page is one line in MENU."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from salepixel_plugin.languages import N_


@dataclass(frozen=True, slots=True)
class Place:
    """A page of an account. `endpoint` takes `emp_id` alone; `inside`: endpoints of pages below it."""

    text: str
    endpoint: str
    inside: tuple[str, ...] = ()


_OF_A_CAMPAIGN = (
    *(
        "list_campaigns",
        "overview",
        "links",
        "link",
        "preview_link",
        "list_sales",
        "contacts",
        "items",
        "recipients",
    ),
    *("lift", "show_manage", "download_table", "show_link_map"),
    *("change", "change_recipients", "manage", "download_sales", "new_mail", "add_mail", "show_mail"),
    *("change_mail", "show_undo", "undo_mail", "show_platform"),
)

SETTINGS = N_("Settings")

MENU: Mapping[str, Sequence[Place]] = {
    N_("Overview"): (Place(N_("Overview"), "show_account"),),
    N_("Campaigns"): (
        Place(N_("Campaigns"), "list_account_campaigns", _OF_A_CAMPAIGN),
        Place(N_("Flows"), "list_flows", ("add_flow", "show_flow", "change_flow")),
        Place(N_("Compare models"), "compare_models"),
    ),
    N_("Orders"): (Place(N_("Orders"), "list_orders", ("search_orders", "explain_order", "show_delivery")),),
    N_("Contacts"): (
        Place(N_("Find a contact"), "find_contact", ("open_contact", "show_contact")),
        Place(
            N_("Import contacts"), "new_list", ("upload_list", "show_list", "change_list", "show_send_list")
        ),
    ),
    N_("Items"): (Place(N_("Items"), "list_account_items", ("download_account_items", "show_item")),),
    N_("Live"): (
        Place(N_("Live"), "show_live", ("show_live_rows",)),
        Place(N_("Test"), "show_trials", ("start_trial", "show_trial", "show_trial_rows")),
    ),
    SETTINGS: (
        Place(N_("Attribution"), "show_policy", ("preview_policy", "show_closings", "close_month")),
        Place(N_("Shops"), "list_shops", ("connect_shop", "change_shop")),
        Place(N_("Links"), "show_link_settings", ("change_link_settings",)),
        Place(N_("E-mail"), "show_smtp", ("change_smtp", "test_smtp")),
        Place(N_("People"), "show_members", ("change_members",)),
        Place(N_("Tracking health"), "show_coverage", ("list_failed", "list_dead")),
        Place(N_("Alerts"), "show_alerts", ("add_alert_address",)),
        Place(N_("Reports by e-mail"), "show_reports", ("add_subscription",)),
        Place(
            N_("Privacy"), "show_people", ("find_person", "erase_person", "show_export", "change_retention")
        ),
        Place(N_("API keys"), "show_keys", ("change_keys",)),
        Place(N_("Audit list"), "show_audit"),
        Place(N_("First steps"), "first_steps", ("set_up_account", "add_shop")),
    ),
}
"""Section -> its pages, in the sequence in which people see them. Endpoints without `pages.`.

The link of a section leads to its first page.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the menu. `current`: "page" on the page itself, "true" on a page inside, otherwise empty."""

    text: str
    endpoint: str
    current: str


def _everything(_: str) -> bool:
    return True


def sections_at(endpoint: str | None, may: Callable[[str], bool] = _everything) -> list[Entry]:
    """The sections, as a page with this endpoint shows them. `may`: whether its reader may open a page."""
    found = []
    for text, places in MENU.items():
        entries, shown = _entries(places, endpoint), [one for one in places if may(one.endpoint)]
        if not shown:
            continue
        first = shown[0].endpoint
        inside = "true" if any(entry.current for entry in entries) else ""
        found.append(Entry(text, f"pages.{first}", "page" if endpoint == f"pages.{first}" else inside))
    return found


def places_at(endpoint: str | None, may: Callable[[str], bool] = _everything) -> tuple[str, list[Entry]]:
    """The section of a page with this endpoint, and its pages for this reader; nothing for another page."""
    for text, places in MENU.items():
        if any(entry.current for entry in _entries(places, endpoint)):
            return text, _entries([one for one in places if may(one.endpoint)], endpoint)
    return "", []


def find_place(endpoint: str) -> tuple[str, Place]:
    """The section and the page of the menu with this endpoint. Raises KeyError."""
    for section, places in MENU.items():
        for place in places:
            if place.endpoint == endpoint:
                return section, place
    raise KeyError(endpoint)


def is_of_report(endpoint: str | None) -> bool:
    """True for a page of figures: not of the settings, and none outside of the menu."""
    return places_at(endpoint)[0] not in ("", SETTINGS)


def is_place(endpoint: str) -> bool:
    """True for the endpoint of a page in the menu."""
    return any(endpoint == f"pages.{place.endpoint}" for places in MENU.values() for place in places)


def _entries(places: Sequence[Place], endpoint: str | None) -> list[Entry]:
    name = (endpoint or "").removeprefix("pages.")
    return [Entry(place.text, f"pages.{place.endpoint}", _current(place, name)) for place in places]


def _current(place: Place, name: str) -> str:
    if name == place.endpoint:
        return "page"
    return "true" if name in place.inside else ""
