"""Use cases of the live view and of trials. Each raises NotFound if the principal may not see the account."""

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.declined import NotFound
from salepixel.accounts.principal import Principal
from salepixel.accounts.store import Account
from salepixel.accounts.use_cases import see_account
from salepixel.campaigns.links import read_destination
from salepixel.campaigns.store import Campaign, CampaignLink, links_of
from salepixel.campaigns.use_cases import NewCampaign, NewLink, create_campaign
from salepixel.campaigns.utm import Utm
from salepixel.clicks.tokens import ClickSealer
from salepixel.live import newest, trial
from salepixel.live.newest import LiveClick, LiveDelivery, LiveHit
from salepixel.live.trial import Trial
from salepixel.report.orders import ListedOrder, OrderFilter, list_orders
from salepixel.shops.rejected import ShopRejection, list_shop_rejections
from salepixel.shops.shop import Shop
from salepixel.shops.store import list_shops


@dataclass(frozen=True)
class Live:
    """What happened last in an account, each list newest first. `rejections`: of its shops' deliveries."""

    account: Account
    clicks: list[LiveClick]
    hits: list[LiveHit]
    deliveries: list[LiveDelivery]
    orders: list[ListedOrder]
    rejections: list[ShopRejection]
    shops: list[Shop]
    contacts_hidden: bool


def read_live(connection: sa.Connection, principal: Principal, emp_id: int, limit: int) -> Live:
    """The newest clicks, pixel hits, deliveries and orders of an account, `limit` of each."""
    account = see_account(connection, principal, emp_id)
    may_see = principal.sees_contacts(emp_id)
    clicked = newest.newest_clicks(connection, emp_id, limit)
    listed = list_orders(connection, emp_id, OrderFilter(), None, limit).rows
    if not may_see:
        clicked = [click._replace(contact="") for click in clicked]
        listed = [row._replace(contact="") for row in listed]
    return Live(
        account,
        clicked,
        newest.newest_hits(connection, emp_id, limit),
        newest.newest_deliveries(connection, emp_id, limit),
        listed,
        list_shop_rejections(connection, emp_id),
        list_shops(connection, emp_id),
        not may_see,
    )


def begin_trial(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    url: str,
    click_parameter: str,
    at: datetime,
) -> tuple[Campaign, CampaignLink]:
    """The campaign of an account's trials with a sales link to this address; made if there is none.

    Raises NotFound, NotAllowed, or BadField for an address that cannot be a destination.
    """
    see_account(connection, principal, emp_id)
    principal.require_change(emp_id)
    there, _ = read_destination(url, click_parameter)
    for campaign in trial.campaigns_of(connection, emp_id):
        for link in links_of(connection, campaign.id):
            if link.destination == there and link.active and link.sale_pixel:
                return campaign, link
    links = [NewLink(url, trial.NAME, sale_pixel=True)]
    wanted = NewCampaign(emp_id, trial.NAME, "plain", links, utm=Utm())
    made, _ = create_campaign(connection, principal, wanted, click_parameter, at)
    return made.campaign, made.links[0]


def follow_trial(
    connection: sa.Connection, principal: Principal, sealer: ClickSealer, emp_id: int, ref: str
) -> tuple[Account, Trial]:
    """What has arrived of a trial so far. Raises NotFound, also for a text that no trial has."""
    account = see_account(connection, principal, emp_id)
    began = trial.began_at(ref)
    if began is None:
        raise NotFound("trial")
    found = trial.follow(connection, sealer, emp_id, ref, began)
    if not principal.sees_contacts(emp_id):
        hidden = [row._replace(contact="") for row in found.other_orders]
        found = replace(found, other_orders=hidden)
    return account, found
