"""Which page of the docs explains a page: one line for each endpoint. A new page is one line here."""

from collections.abc import Mapping

from salepixel_plugin.documents import read_document

FRONT = "README.md"
"""The index of the docs."""

_POLICY, _PEOPLE = "how-to/change-a-policy.md", "how-to/people.md"
_SUMMARY, _SHOPS = "how-to/read-the-overview.md", "how-to/connect-saleor.md"
_FIRST, _LISTS = "how-to/your-first-campaign.md", "how-to/import-contacts.md"
_FIND, _VIEWS = "how-to/find-an-order.md", "reference/views.md"

CHAPTERS: Mapping[str, str] = {
    "compare_models": "explanation/models.md",
    "contacts": f"{_VIEWS}#a-campaign",
    "explain_order": "explanation/attribution.md",
    "find_contact": f"{_VIEWS}#contacts",
    "first_steps": "explanation/first-steps.md",
    "items": f"{_VIEWS}#a-campaign",
    "lift": "how-to/measure-lift.md",
    "link": "how-to/change-a-link.md",
    "links": "how-to/change-a-link.md#on-the-page",
    "list_account_campaigns": f"{_VIEWS}#campaigns",
    "list_account_items": f"{_VIEWS}#items-of-an-account",
    "list_campaigns": f"{_VIEWS}#campaigns",
    "list_dead": "how-to/operate.md#retry-failed-forwards",
    "list_failed": "how-to/operate.md#orders-that-could-not-be-processed",
    "list_flows": "how-to/flows.md",
    "list_orders": _FIND,
    "list_sales": "explanation/money.md",
    "list_shops": _SHOPS,
    "login": _PEOPLE,
    "new_account": f"{_VIEWS}#campaigns",
    "new_list": _LISTS,
    "new_mail": f"{_FIRST}#1-paste-the-e-mail",
    "overview": _SUMMARY,
    "preview_link": "how-to/change-a-link.md",
    "preview_policy": f"{_POLICY}#on-the-page",
    "recipients": f"{_LISTS}#recipients-of-a-campaign",
    "show_about": "explanation/privacy.md",
    "show_account": _SUMMARY,
    "show_alerts": "how-to/alerts.md",
    "show_audit": f"{_PEOPLE}#who-changed-what",
    "show_code": f"{_PEOPLE}#a-lost-password-or-phone",
    "show_contact": f"{_VIEWS}#contacts",
    "show_coverage": "explanation/coverage.md",
    "show_delivery": _FIND,
    "show_document": FRONT,
    "show_end": "how-to/e-mail-and-reports.md#get-reports-by-e-mail",
    "show_export": "explanation/privacy.md#access-and-erasure",
    "show_flow": "how-to/flows.md",
    "show_help": FRONT,
    "show_invitation": f"{_PEOPLE}#invite-somebody",
    "show_item": f"{_VIEWS}#items-of-an-account",
    "show_keys": f"{_PEOPLE}#api-keys",
    "show_link_map": _SUMMARY,
    "show_link_settings": "how-to/put-links-in-your-mail.md#utm-parameters",
    "show_list": _LISTS,
    "show_live": f"{_FIND}#live",
    "show_mail": f"{_FIRST}#2-check-the-links",
    "show_manage": f"{_FIRST}#later",
    "show_me": f"{_PEOPLE}#your-access",
    "show_members": f"{_PEOPLE}#invite-somebody",
    "show_owners": f"{_PEOPLE}#the-first-person",
    "show_people": "explanation/privacy.md#access-and-erasure",
    "show_platform": "how-to/e-mail-platforms.md",
    "show_policy": _POLICY,
    "show_reports": "how-to/e-mail-and-reports.md#get-reports-by-e-mail",
    "show_second_factor": f"{_PEOPLE}#your-access",
    "show_send_list": _LISTS,
    "show_smtp": "how-to/e-mail-and-reports.md",
    "show_trial": f"{_FIND}#click-this-then-buy",
    "show_trials": f"{_FIND}#click-this-then-buy",
    "show_undo": "how-to/put-links-in-your-mail.md#later",
    "show_whole_audit": f"{_PEOPLE}#who-changed-what",
}
"""Endpoint without `pages.` -> page of the docs, with a heading."""

TRANSLATED: Mapping[tuple[str, str], str] = {
    ("es", _FIND): "how-to/buscar-un-pedido.md",
    ("es", _FIRST): "how-to/su-primera-campana.md",
    ("es", _LISTS): "how-to/importar-contactos.md",
    ("es", _PEOPLE): "how-to/personas.md",
    ("es", _SHOPS): "how-to/conectar-saleor.md",
    ("es", _SUMMARY): "how-to/leer-el-resumen.md",
}
"""Pages of the docs in other languages, with the same headings in the same order."""


def chapter_of(endpoint: str | None, language: str) -> tuple[str, str, str]:
    """The page of the docs about a page with this endpoint, its heading or empty, and its language.

    For a page without a line in CHAPTERS, such as the answer to a form, this is the index.
    """
    name = (endpoint or "").removeprefix("pages.")
    document, _, heading = CHAPTERS.get(name, FRONT).partition("#")
    if translated := TRANSLATED.get((language, document)):
        headings = dict(zip(_anchors(document), _anchors(translated), strict=True))
        return translated, headings[heading] if heading else "", language
    return document, heading, "en"


def _anchors(document: str) -> tuple[str, ...]:
    found = read_document(document, "/")
    return found.anchors if found else ()


def language_of(document: str) -> str:
    """The code of the language of a page of the docs."""
    return next((code for (code, _), name in TRANSLATED.items() if name == document), "en")


_FIGURES = ("Net revenue", "Average order value", "Human clicks", "Clickers", "Click rate", "Conversion rate")
_CHANCE = ("Random holdout", "Lift")

TERMS_ON: Mapping[str, tuple[str, ...]] = {
    "compare_models": ("Attribution window",),
    "contacts": ("Human clicks", "Bot clicks", "Buyers"),
    "explain_order": ("Evidence", "Confidence", "Likely", "Click token", "Pixel hit"),
    "items": ("Gross revenue", "Net revenue"),
    "lift": _CHANCE,
    "links": ("Sales link", "Human clicks", "Bot clicks", "Dynamic link"),
    "list_account_campaigns": ("Human clicks", "Bot clicks", "Net revenue"),
    "list_account_items": ("Gross revenue", "Net revenue"),
    "list_campaigns": ("Human clicks", "Bot clicks", "Net revenue"),
    "list_flows": ("Flow",),
    "list_orders": ("Likely", "Not attributed", "Evidence"),
    "list_sales": ("Gross revenue", "Net revenue", "Evidence", "Confidence"),
    "new_mail": ("Merge tag", "Sales link", "Dynamic link"),
    "overview": (*_FIGURES, "Revenue per click", "Revenue per recipient", "Evidence", "Bot clicks"),
    "recipients": ("Recipients", *_CHANCE),
    "show_account": (*_FIGURES, "Revenue per click", "Revenue per recipient", "Bot clicks"),
    "show_contact": ("Opted out", "Human clicks", "Bot clicks"),
    "show_coverage": ("Tracking health", "Pixel hit"),
    "show_delivery": ("Delivery",),
    "show_flow": ("Flow",),
    "show_item": ("Gross revenue", "Net revenue"),
    "show_link_map": ("Human clicks", "Clickers", "Net revenue"),
    "show_live": ("Pixel hit", "Delivery", "Evidence"),
    "show_mail": ("Sales link", "Merge tag"),
    "show_platform": ("Merge tag",),
    "show_policy": ("Attribution window", "Closed month"),
}
"""Endpoint without `pages.` -> terms of the glossary (questions.TERMS) that the page uses."""


def term_anchor(term: str) -> str:
    """The anchor of a term on the page Help."""
    return term.lower().replace(" ", "-")
