"""All orders of an account: filtered, searched, in pages; each leads to the decision about it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from flask import Response, redirect, request, url_for
from pydantic import ValidationError

from salepixel.reading.emails import is_email
from salepixel.report.orders import NEWEST_FIRST, By, Sort
from salepixel.report.use_cases import hash_address, read_orders
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.explanations import EVIDENCE, OUTCOME, REASON
from salepixel_plugin.languages import N_
from salepixel_plugin.order_list import OrdersQuery, newer_cursor, older_cursor, write_address
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.pages.pictures import DELAYS
from salepixel_plugin.pages.tables import Head
from salepixel_plugin.services import services

PAGE = 50
_BAD_FILTER = N_(
    "Enter days such as 2026-11-23 and amounts such as 39.80, the smaller one first, or leave them empty."
)


@blueprint.get("/accounts/<int:emp_id>/orders")
def list_orders(emp_id: int) -> Response:
    """The orders of an account, attributed or not, by date or by amount."""
    given = {name: text.strip() for name, text in request.args.items() if text.strip()}
    try:
        asked = OrdersQuery.model_validate_strings(_with_points(given) | {"limit": str(PAGE)})
    except ValidationError:
        raise Refusal(422, "bad_filter", _BAD_FILTER) from None
    step = asked.step
    with services().database.read() as connection:
        found = read_orders(
            connection, principal(), emp_id, asked.filter, asked.search, step, PAGE, asked.sequence
        )
    filters = {name: given[name] for name in _FILTERS if name in given}
    shops = {shop.id: shop.name or shop.api_url or shop.platform for shop in found.shops}
    least, most = given.get("min"), given.get("max")
    name_of = {
        "outcome": _texts(
            OUTCOME | {"earned": N_("Attributed or likely"), "bought": N_("All orders that count as revenue")}
        ),
        "buyer": _texts(_BUYERS),
        "refunded": _texts({"true": N_("With a refund")}),
        "delay": _texts({str(step): text for step, text in enumerate(DELAYS)}),
        "reason": _texts(REASON),
        "evidence": _texts(EVIDENCE),
        "campaign": found.campaigns,
        "shop": shops,
        "from": {asked.since.isoformat(): f"≥ {language().date(asked.since)}"} if asked.since else {},
        "to": {asked.to.isoformat(): f"≤ {language().date(asked.to)}"} if asked.to else {},
        "min": {least: f"≥ {least}"} if least else {},
        "max": {most: f"≤ {most}"} if most else {},
        "link": {given["link"]: language().text(N_("Link"))} if "link" in given else {},
    }
    return page(
        "orders.html",
        account=found.account,
        found=found,
        asked=asked,
        given=given,
        filters=filters,
        chosen=[name_of[name].get(text, text) if name in name_of else text for name, text in filters.items()],
        shops=shops,
        outcomes=name_of["outcome"],
        buyers=name_of["buyer"],
        reasons=_with_counts(found.reasons, given.get("reason", "")),
        evidence=name_of["evidence"],
        heads=_heads(asked.sequence),
        sorts=_texts(_SORTS),
        currencies={code: code for code in found.currencies},
        is_mixed=asked.sequence.by is By.AMOUNT and len(found.currencies) > 1 and not asked.currency,
        is_newest_first=asked.sequence == NEWEST_FIRST,
        newer=newer_cursor(found.page.newer),
        older=older_cursor(found.page.older),
    )


@blueprint.post("/accounts/<int:emp_id>/orders")
def search_orders(emp_id: int) -> Response:
    """Search by number, contact or address. The page's address has the hash of the address, never itself."""
    text = request.form.get("q", "").strip()
    values: dict[str, Any] = {"q": text[:200]} if text else {}
    if is_email(text):
        with services().database.read() as connection:
            hashes = hash_address(connection, principal(), services().keys, emp_id, text)
        values = {"address": write_address(hashes)}
    return cast(Response, redirect(url_for("pages.list_orders", emp_id=emp_id, **values), 303))


def _heads(sequence: Sort) -> dict[str, Head]:
    """The heads of the columns that all orders are sorted by, however many there are."""
    found = {}
    for by, text in ((By.AMOUNT, N_("Amount")), (By.DATE, N_("Date"))):
        is_sorted = by is sequence.by
        descending = not sequence.descending if is_sorted else True
        order = "descending" if sequence.descending else "ascending"
        changes = {"sort": f"{'-' * descending}{by}", "cursor": ""}
        found[str(by)] = Head(by, text, by is By.AMOUNT, changes, order if is_sorted else "")
    return found


_FILTERS = (
    *("outcome", "reason", "evidence", "shop", "campaign", "link", "from", "to", "min", "max"),
    *("currency", "buyer", "refunded", "delay"),
)
_SORTS = {
    "-date": N_("Newest first"),
    "date": N_("Oldest first"),
    "-amount": N_("Largest amount first"),
    "amount": N_("Smallest amount first"),
}
_BUYERS = {"first": N_("Buyer is new"), "returning": N_("Buyer had bought before")}


def _with_points(given: dict[str, str]) -> dict[str, str]:
    """The same with decimal points: people write commas, too."""
    return {name: text.replace(",", ".") if name in ("min", "max") else text for name, text in given.items()}


def _texts(names: Mapping[str, str]) -> dict[str, str]:
    return {name: language().text(text) for name, text in names.items()}


def _with_counts(counts: Mapping[tuple[str, str], int], chosen: str) -> dict[str, str]:
    """The reasons of the account's orders and the chosen one, each with its number of orders, most first."""
    found: Counter[str] = Counter()
    for (_, reason), count in counts.items():
        found[reason] += count
    texts = {name: language().text(text) for name, text in REASON.items() if name in {*found, chosen}}
    ranked = sorted(texts, key=lambda name: (-found[name], texts[name].casefold()))
    return {name: f"{texts[name]} ({language().number(found[name])})" for name in ranked}
