"""The preview of switching a sales link on or off: all orders that it would change."""

from datetime import UTC, datetime

from flask import Response, request

from salepixel.accounts.use_cases import see_account
from salepixel.attribution.policies import sums_of, totals_of
from salepixel.attribution.use_cases import preview_link_switch
from salepixel_plugin.access import principal
from salepixel_plugin.computed import follow, tools
from salepixel_plugin.pages.blueprint import blueprint
from salepixel_plugin.pages.campaigns import show_tab
from salepixel_plugin.pages.policies import EXAMINED, SHOWN, amounts, names_of, number
from salepixel_plugin.paging import bad_cursor, read_order_cursor, write_cursor
from salepixel_plugin.services import services


@blueprint.get("/campaigns/<campaign_id>/links/<link_id>/preview")
def preview_link(campaign_id: str, link_id: str) -> Response:
    """The orders that would change if the link became a sales link, or no longer were one."""
    first, after = number(request.args.get("skip", "0")), read_order_cursor(request.args.get("cursor"))
    if first is None:
        raise bad_cursor()
    with services().database.read() as connection:
        shown = preview_link_switch(
            connection, principal(), campaign_id, link_id, tools(), EXAMINED, after, datetime.now(UTC)
        )
    computed = follow(shown.computed)
    preview = computed.result
    moves = preview.moves if preview else []
    sums = sums_of(moves)
    with services().database.read() as connection:
        account = see_account(connection, principal(), shown.campaign.emp_id)
        return show_tab(
            connection,
            shown.campaign,
            "links",
            "link_preview.html",
            link=shown.link,
            computed=computed,
            preview=preview,
            found=len(moves),
            sums=sums,
            totals=totals_of(sums),
            moves=moves[first : first + SHOWN],
            amounts=amounts,
            names=names_of(connection, account, {total.campaign for total in sums}),
            more=str(first + SHOWN) if len(moves) > first + SHOWN else None,
            before=write_cursor(*preview.older) if preview and preview.older else None,
        )
