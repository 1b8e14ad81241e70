"""Reports of campaigns and accounts. Each raises NotFound if the principal may not see it.

Those about contacts raise NotAllowed for a principal who does not see them; the others hide contacts.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import sqlalchemy as sa

from salepixel.accounts.principal import Principal
from salepixel.accounts.store import Account, get_account
from salepixel.accounts.use_cases import see_account
from salepixel.attribution.sale_store import StoredSale
from salepixel.campaigns.store import Campaign, links_of
from salepixel.campaigns.use_cases import see_campaign
from salepixel.clicks import store as clicks
from salepixel.clicks.losses import losses_since
from salepixel.clicks.store import StoredClick
from salepixel.computations.store import Wanted
from salepixel.computations.use_cases import Computed, find_result
from salepixel.computations.work import Task, Tools, compute
from salepixel.flows.use_cases import see_flow
from salepixel.keys import Keys
from salepixel.mails.store import mail_of
from salepixel.mails.use_cases import see_mail
from salepixel.mails.view import Tracking
from salepixel.report import activity, comparison, contact, coverage, exports, lift, orders, sales
from salepixel.report.activity import ClickCounts, ContactActivity, LinkCounts
from salepixel.report.comparison import Comparison
from salepixel.report.contact import ContactView
from salepixel.report.exports import Export, Format
from salepixel.report.health import ShopHealth, list_health
from salepixel.report.items import (
    ItemSold,
    SoldByCampaign,
    account_items_sold,
    items_sold,
    sold_by_campaigns,
)
from salepixel.report.lift import Measured
from salepixel.report.link_map import LinkMap, map_links
from salepixel.report.orders import NEWEST_FIRST, OrderFilter, Search, Sort, Step
from salepixel.report.overview import (
    AccountOverview,
    CampaignOverview,
    overview_of_account,
    overview_of_campaign,
)
from salepixel.report.periods import ALWAYS, Period, Range
from salepixel.report.periods import Comparison as Compared
from salepixel.report.results import (
    Coverage,
    FlowReport,
    OrdersReport,
    Overview,
    PartReport,
    SalesReport,
    Sums,
)
from salepixel.report.sales import Place
from salepixel.report.sales_file import Style, read_chosen, totals_of
from salepixel.report.sorted_sales import (
    conditions_of,
    find_sales,
    list_sorted_sales,
    sequence_of,
    totals_found,
)
from salepixel.report.tables import LARGEST, Asked
from salepixel.shops.store import list_shops
from salepixel.shops.use_cases import see_shop
from salepixel.sums.decisions import count_outcomes
from salepixel.sums.parts import orders_by_evidence

NEWEST_CAMPAIGNS = 50
"""How many campaigns a filter offers."""


def read_overview(connection: sa.Connection, principal: Principal, campaign_id: str) -> Overview:
    """The results of a campaign, and the outcomes of the account's orders."""
    campaign = see_campaign(connection, principal, campaign_id)
    outcomes = count_outcomes(connection, campaign.emp_id)
    return Overview(
        campaign,
        _sums(connection, campaign, ALWAYS),
        activity.count_verdict_reasons(connection, campaign_id),
        orders_by_evidence(connection, campaign_id),
        losses_since(connection, campaign.created_at),
        sorted(
            (
                (reason, count)
                for (outcome, reason), count in outcomes.items()
                if outcome not in ("attributed", "likely")
            ),
            key=lambda one: (-one[1], one[0]),
        ),
    )


def read_campaign_overview(
    connection: sa.Connection,
    principal: Principal,
    campaign_id: str,
    range_: Range,
    comparison: Compared | None = None,
) -> CampaignOverview:
    """The figures of a campaign over some days, with those of the comparison, and the values of charts."""
    campaign, compared = see_campaign(connection, principal, campaign_id), None
    if comparison and comparison.campaign_id:
        compared = see_campaign(connection, principal, comparison.campaign_id)
    return overview_of_campaign(connection, campaign, range_, comparison, compared)


def read_account_overview(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    range_: Range,
    comparison: Compared | None = None,
) -> AccountOverview:
    """The figures of an account over some days, with those of the comparison, and the values of charts."""
    return overview_of_account(connection, see_account(connection, principal, emp_id), range_, comparison)


def read_link_map(
    connection: sa.Connection, principal: Principal, tracking: Tracking, campaign_id: str
) -> LinkMap:
    """The e-mail of a campaign with its links and what each brought. NotFound also if it has no e-mail."""
    campaign = see_campaign(connection, principal, campaign_id)
    view = see_mail(connection, principal, tracking, mail_of(connection, campaign_id) or "")
    return map_links(connection, campaign, view)


def read_flow(connection: sa.Connection, principal: Principal, flow_id: str) -> FlowReport:
    """The numbers of a flow and of its e-mails, in their sequence."""
    found = see_flow(connection, principal, flow_id)
    ids = [campaign.id for campaign in found.parts]
    clicks, sold = activity.count_clicks(connection, ids), sales.totals_of_campaigns(connection, ids)
    return FlowReport(
        found.flow,
        [PartReport(one, clicks.get(one.id, ClickCounts()), sold.get(one.id, [])) for one in found.parts],
    )


def read_sales(
    connection: sa.Connection,
    principal: Principal,
    campaign_id: str,
    period: Period,
    limit: int,
    after: Place | None,
    before: Place | None = None,
    asked: Asked | None = None,
    filters: dict[str, str] | None = None,
) -> SalesReport:
    """A page of a campaign's sales in a period, newest first or as asked; the sums are over the whole period.

    `asked`, `filters`: only those that fit (sorted_sales.find_sales).
    """
    campaign, on = see_campaign(connection, principal, campaign_id), None
    if asked or filters:
        sees, step = principal.sees_contacts(campaign.emp_id), (after, before)
        rows, on = find_sales(
            connection,
            campaign_id,
            limit,
            period,
            step,
            asked or Asked(),
            filters or {},
            by_contact=sees,
        )
    else:
        rows = sales.list_sales(connection, campaign_id, limit, after, period, before)
    return SalesReport(
        campaign,
        [_shown_sale(principal, campaign, row) for row in rows],
        _sums(connection, campaign, period),
        losses_since(connection, campaign.created_at),
        _labels(connection, campaign_id),
        on,
    )


def read_sorted_sales(
    connection: sa.Connection,
    principal: Principal,
    campaign_id: str,
    period: Period,
    asked: Asked,
    filters: dict[str, str],
    size: int,
) -> tuple[SalesReport, int | None]:
    """A page of a campaign's sales in a period, sorted, searched and filtered, and the number of those found.

    The sums are those of the sales found. None and no rows if the period has more than LARGEST orders.
    """
    campaign = see_campaign(connection, principal, campaign_id)
    sums = _sums(connection, campaign, period)
    sees = principal.sees_contacts(campaign.emp_id)
    count, rows = None, list[StoredSale]()
    if sum(total.orders for total in sums.sold) <= LARGEST:
        count, rows = list_sorted_sales(
            connection, campaign_id, period, asked, filters, size, by_contact=sees
        )
        found = totals_found(connection, campaign_id, period, asked, filters, by_contact=sees)
        if found:
            sums = replace(sums, sold=found, by_refund_date=found)
    rows = [_shown_sale(principal, campaign, row) for row in rows]
    losses = losses_since(connection, campaign.created_at)
    return SalesReport(campaign, rows, sums, losses, _labels(connection, campaign_id)), count


def read_orders(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    wanted: OrderFilter,
    search: Search,
    step: Step | None,
    limit: int,
    sort: Sort = NEWEST_FIRST,
) -> OrdersReport:
    """A page of all orders of an account, attributed or not. Raises NotFound.

    Raises NotAllowed for an address if the principal may not see contacts; a contact is then not found.
    """
    account = see_account(connection, principal, emp_id)
    may_see = principal.sees_contacts(emp_id)
    if search.hashes:
        principal.require_contacts(emp_id)
    among = None
    if search.text or search.hashes:
        among = orders.find_by_name(connection, emp_id, *search, contacts=may_see)
    page = orders.list_orders(connection, emp_id, wanted, step, limit, among, sort)
    if not may_see:
        page = replace(page, rows=[row._replace(contact="") for row in page.rows])
    campaigns = {wanted.campaign_id, *(row.campaign_id for row in page.rows)}
    return OrdersReport(
        account,
        page,
        list_shops(connection, emp_id),
        orders.names_of_campaigns(connection, emp_id, campaigns, NEWEST_CAMPAIGNS),
        count_outcomes(connection, emp_id),
        not may_see,
        orders.currencies_of(connection, emp_id),
    )


def hash_address(
    connection: sa.Connection, principal: Principal, keys: Keys, emp_id: int, email: str
) -> tuple[str, str]:
    """The hashes of a buyer's address, by which `read_orders` finds orders. Raises NotFound or NotAllowed."""
    see_account(connection, principal, emp_id)
    principal.require_contacts(emp_id)
    return keys.hash_address(emp_id, email)


def export_sales(connection: sa.Connection, principal: Principal, campaign_id: str, period: Period) -> Export:
    """All sales of a campaign in a period, to be written into a file."""
    campaign = see_campaign(connection, principal, campaign_id)
    totals = sales.sale_totals(connection, campaign_id, period)
    contacts = principal.sees_contacts(campaign.emp_id)
    return Export(campaign, period, _labels(connection, campaign_id), totals, contacts)


def export_chosen_sales(
    connection: sa.Connection,
    principal: Principal,
    campaign_id: str,
    period: Period,
    asked: Asked,
    filters: Mapping[str, str],
) -> Export | None:
    """The sales that `read_sorted_sales` finds, all pages of them; None if the file would be large."""
    export = export_sales(connection, principal, campaign_id, period)
    if not export.is_small:
        return None
    its = conditions_of(campaign_id, period, asked, filters, by_contact=export.contacts)
    rows = read_chosen(connection, its, sequence_of(asked, by_contact=export.contacts))
    return replace(export, chosen=rows, totals=totals_of(rows))


def find_file(
    connection: sa.Connection,
    principal: Principal,
    export: Export,
    form: Format,
    style: Style | None,
    now: datetime,
) -> Computed[int]:
    """The last file that the worker wrote for an export; its result: the number of rows. Raises NotFound."""
    wanted = Wanted(export.campaign.emp_id, exports.KIND, export.parameters(form, style))
    return find_result(connection, principal, wanted, lambda result: int(result["rows"]), now)


def see_clicks(
    connection: sa.Connection, principal: Principal, campaign_id: str, limit: int, after: bytes | None
) -> list[StoredClick]:
    """The clicks of a campaign, bot clicks included, oldest first."""
    emp_id = see_campaign(connection, principal, campaign_id).emp_id
    found = clicks.list_clicks(connection, campaign_id, limit, after)
    return [
        replace(one, click=one.click._replace(contact=principal.shown(emp_id, one.click.contact)))
        for one in found
    ]


def list_link_activity(
    connection: sa.Connection, principal: Principal, campaign_id: str
) -> tuple[Campaign, list[LinkCounts]]:
    """A campaign, and the clicks and orders of each of its links."""
    campaign = see_campaign(connection, principal, campaign_id)
    return campaign, activity.link_activity(connection, campaign_id)


def list_contact_activity(
    connection: sa.Connection,
    principal: Principal,
    campaign_id: str,
    limit: int,
    after: str | None,
    before: str | None = None,
) -> tuple[Campaign, list[ContactActivity]]:
    """A campaign, and the contacts who clicked or bought, sorted by reference: after one, or before one."""
    campaign = see_campaign(connection, principal, campaign_id)
    principal.require_contacts(campaign.emp_id)
    return campaign, activity.contact_activity(connection, campaign_id, limit, after, before)


def list_all_contact_activity(
    connection: sa.Connection, principal: Principal, campaign_id: str
) -> tuple[Campaign, list[ContactActivity] | None]:
    """The same with all contacts, to be sorted; None if they are more than LARGEST."""
    campaign = see_campaign(connection, principal, campaign_id)
    principal.require_contacts(campaign.emp_id)
    counts = activity.count_clicks(connection, [campaign_id]).get(campaign_id, ClickCounts())
    if counts.contacts + counts.buyers > LARGEST:
        return campaign, None
    return campaign, activity.contact_activity(connection, campaign_id, LARGEST, None)


def list_items_sold(
    connection: sa.Connection, principal: Principal, campaign_id: str
) -> tuple[Campaign, list[ItemSold]]:
    """A campaign, and the items that it sold, at most LARGEST: those with the highest gross revenue."""
    campaign = see_campaign(connection, principal, campaign_id)
    return campaign, items_sold(connection, campaign_id, LARGEST)


def list_account_items(
    connection: sa.Connection, principal: Principal, emp_id: int, period: Period = ALWAYS
) -> tuple[Account, list[ItemSold]]:
    """An account, and the items that its campaigns sold in a period, as `list_items_sold`."""
    account = see_account(connection, principal, emp_id)
    return account, account_items_sold(connection, emp_id, LARGEST, period)


def list_campaigns_of_item(
    connection: sa.Connection, principal: Principal, emp_id: int, item: str, sku: str, currency: str
) -> tuple[Account, list[SoldByCampaign]]:
    """An account, and what each of its campaigns sold of an item."""
    account = see_account(connection, principal, emp_id)
    return account, sold_by_campaigns(connection, emp_id, item, sku, currency)


def see_contact(connection: sa.Connection, principal: Principal, emp_id: int, ref: str) -> ContactView:
    """What a contact did, campaign by campaign; all empty for an unknown reference."""
    see_account(connection, principal, emp_id)
    principal.require_contacts(emp_id)
    return contact.view_contact(connection, emp_id, ref)


def see_customer(
    connection: sa.Connection, principal: Principal, shop_id: str, customer: str
) -> list[ContactView]:
    """The contacts that a customer of a shop is known as. Raises NotFound or NotAllowed.

    `customer`: the shop's own id. Contacts are found by addresses and buyers of the customer's orders.
    """
    shop = see_shop(connection, principal, shop_id)
    principal.require_contacts(shop.emp_id)
    refs = contact.references_of_customer(connection, shop.emp_id, shop.id, customer)
    return [contact.view_contact(connection, shop.emp_id, ref) for ref in refs]


def measure_lift(
    connection: sa.Connection, principal: Principal, campaign_id: str, tools: Tools, now: datetime
) -> tuple[Campaign, Computed[Measured]]:
    """A campaign, and its lift, as far as it can be measured now.

    At once for few recipients; otherwise the last result of the worker.
    """
    campaign = see_campaign(connection, principal, campaign_id)
    parameters = lift.parameters_of(campaign, see_account(connection, principal, campaign.emp_id))
    if parameters is None:
        return campaign, Computed(lift.not_measured(campaign), now)
    read = partial(lift.read_measured, parameters, now)
    if lift.is_small(connection, campaign_id):
        result = compute(connection, tools, lift.step, Task(campaign.emp_id, parameters, now))
        return campaign, Computed(read(result), now)
    wanted = Wanted(campaign.emp_id, lift.KIND, parameters)
    return campaign, find_result(connection, principal, wanted, read, now)


def compare_models(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    first: datetime | None,
    last: datetime | None,
    tools: Tools,
    now: datetime,
) -> Computed[Comparison]:
    """The credit of each campaign by each model, for orders placed from `first` and before `last`.

    By default the 90 days until now. At once for a small account; otherwise the last result of the worker.
    """
    account = see_account(connection, principal, emp_id)
    parameters = comparison.parameters_of(account, first, last)
    read = partial(comparison.read_comparison, connection, account)
    if comparison.is_small(connection, account):
        result = compute(connection, tools, comparison.step, Task(emp_id, parameters, now))
        return Computed(read(result), now)
    return find_result(connection, principal, Wanted(emp_id, comparison.KIND, parameters), read, now)


def read_coverage(
    connection: sa.Connection, principal: Principal, emp_id: int, first: date, last: date
) -> Coverage:
    """The tracking health of an account from the first day (UTC) to the last one, inclusive."""
    account = see_account(connection, principal, emp_id)
    until = datetime.combine(last + timedelta(days=1), time(), UTC)
    period = Period(datetime.combine(first, time(), UTC), until)
    return Coverage(
        account,
        first,
        last,
        coverage.coverage_by_day(connection, emp_id, period),
        coverage.seen_by_payment(connection, emp_id, period),
        coverage.seen_by_browser(connection, emp_id, period),
        coverage.pixel_problems(connection, emp_id, period),
        [_shown_health(principal, emp_id, one) for one in list_health(connection, emp_id)],
    )


def _shown_sale(principal: Principal, campaign: Campaign, row: StoredSale) -> StoredSale:
    contact = principal.shown(campaign.emp_id, row.sale.contact)
    return replace(row, sale=row.sale._replace(contact=contact))


def _shown_health(principal: Principal, emp_id: int, health: ShopHealth) -> ShopHealth:
    """Without the messages of a shop about orders that cannot be read: they may name the buyer."""
    if principal.sees_contacts(emp_id):
        return health
    return replace(health, unread=[replace(one, detail="") for one in health.unread])


def _sums(connection: sa.Connection, campaign: Campaign, period: Period) -> Sums:
    account = get_account(connection, campaign.emp_id)
    currency = account.currency if account else "EUR"
    sold = sales.sale_totals(connection, campaign.id, period)
    return Sums(
        sold,
        sales.totals_by_refund_date(connection, campaign.id, period, sold),
        sales.converted_total(connection, campaign.id, currency, period),
    )


def _labels(connection: sa.Connection, campaign_id: str) -> dict[str, str]:
    return {link.id: link.label or link.url for link in links_of(connection, campaign_id)}
