"""Why an order is attributed to a click, or not attributed."""

from datetime import UTC, datetime
from typing import Any

from flask import Response

from salepixel.accounts.declined import NotFound
from salepixel.accounts.use_cases import see_account
from salepixel.attribution.decided import Undecidable
from salepixel.attribution.use_cases import see_decided, see_delivery, see_hits
from salepixel.campaigns.store import Campaign, get_campaign, links_of
from salepixel.orders.sold import refunded_by_line, refunded_whole
from salepixel_plugin.access import principal
from salepixel_plugin.explanations import explain_candidate, explain_decided, explain_failure
from salepixel_plugin.pages.back import back
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.pages.remedies import remedies
from salepixel_plugin.services import services


@blueprint.get("/orders/<shop_id>/<path:name>")
def explain_order(shop_id: str, name: str) -> Response:
    """The decision about an order, with all considered clicks, sorted by time."""
    with services().database.read() as connection:
        decided = see_decided(connection, principal(), shop_id, name, datetime.now(UTC))
        if isinstance(decided, Undecidable):
            sentence = explain_failure(decided.number, decided.error, language())
            return page(
                "undecided.html",
                failed=decided,
                emp_id=decided.emp_id,
                shop_id=shop_id,
                back=back(),
                sentence=sentence,
            )
        campaigns: dict[str, Campaign] = {}
        labels: dict[str, str] = {}
        for campaign_id in {item["campaign"] for item in decided.decision["candidates"]} - {None}:
            campaign = get_campaign(connection, campaign_id)
            if campaign and principal().allows(campaign.emp_id):
                campaigns[campaign_id] = campaign
                labels |= {link.id: link.label or link.url for link in links_of(connection, campaign_id)}
        refunded = refunded_by_line(decided.stored.order, decided.history)
        account = see_account(connection, principal(), decided.stored.emp_id)
        hits = see_hits(connection, principal(), shop_id, decided.stored)
    order = decided.stored.order
    names = {campaign.id: campaign.name for campaign in campaigns.values()}
    return page(
        "order.html",
        order=order,
        shop_id=shop_id,
        back=back(),
        emp_id=decided.stored.emp_id,
        refunded_whole=refunded_whole(order, decided.history),
        lines=zip(order.lines, refunded, strict=True),
        decision=decided.decision,
        sentence=explain_decided(decided, language()),
        candidates=[_candidate(item) for item in _by_time(decided.decision["candidates"])],
        campaigns=campaigns,
        labels=labels,
        remedies=remedies(account, decided.decision, order.placed_at, names, labels, language()),
        hits=hits,
        has_delivery=bool(decided.stored.delivery),
        is_healed=decided.stored.healed,
    )


@blueprint.get("/orders/<shop_id>/<path:name>/delivery")
def show_delivery(shop_id: str, name: str) -> Response:
    """The signed delivery with the order's newest snapshot, as it arrived; masked by the reader's rights."""
    with services().database.read() as connection:
        found = see_delivery(connection, principal(), shop_id, name)
    if found is None:
        raise NotFound("delivery")
    return page("delivery.html", found=found, emp_id=found.order.emp_id, shop_id=shop_id, name=name)


def _by_time(candidates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each click once, with its strongest evidence: a click may be found by its token and by e-mail.

    Evidence without a click comes last.
    """
    strongest: dict[tuple[bool, str], dict[str, Any]] = {}
    for item in candidates:  # strongest first
        named = f"{item['evidence']} {item['campaign']} {item['contact']}"
        strongest.setdefault((item["click"] is None, item["click"] or named), item)
    return [strongest[key] for key in sorted(strongest)]  # a click's id begins with its time


def _candidate(item: dict[str, Any]) -> dict[str, Any]:
    moment = datetime.fromisoformat(item["clicked_at"]) if item["clicked_at"] else None
    return item | {"clicked_at": moment, "sentence": explain_candidate(item, language())}
