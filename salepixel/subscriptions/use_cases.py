"""Use cases of reports by e-mail. Each raises Declined."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.audit import Action, record
from salepixel.accounts.declined import BadField, Conflict, NotFound
from salepixel.accounts.erased import is_erased
from salepixel.accounts.principal import Principal
from salepixel.accounts.store import Account
from salepixel.accounts.use_cases import change_account, see_account
from salepixel.campaigns.use_cases import see_campaign
from salepixel.keys import BadSeal, Keys
from salepixel.reading.emails import read_recipient
from salepixel.storage.ids import is_id
from salepixel.subscriptions import store
from salepixel.subscriptions.rules import What
from salepixel.subscriptions.store import ReportMail, Subscription

MAX_SUBSCRIPTIONS = 100
LISTED = 50


@dataclass(frozen=True, slots=True)
class Reports:
    """Who gets reports of an account, and its newest reports. `addresses`: by subscription, see `_shown`."""

    account: Account
    subscriptions: list[Subscription]
    addresses: dict[str, str]
    mails: list[ReportMail]

    @property
    def failed(self) -> int:
        """How many of the newest reports were given up."""
        return sum(mail.next_at is None and mail.answer != "sent" for mail in self.mails)


def see_reports(connection: sa.Connection, principal: Principal, keys: Keys, emp_id: int) -> Reports:
    """The subscriptions and newest reports of an account. Raises NotFound."""
    account = see_account(connection, principal, emp_id)
    found = store.list_subscriptions(connection, emp_id)
    whole = principal.may_change(emp_id)
    shown = {one.id: _shown(keys, one, whole=whole) for one in found}
    return Reports(account, found, shown, store.list_reports(connection, emp_id, LISTED))


def subscribe(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    emp_id: int,
    what: What,
    campaign_id: str,
    address: str,
    language: str,
    at: datetime,
) -> Subscription:
    """Send reports to an e-mail address. Idempotent. Raises NotFound, NotAllowed, BadField or Conflict.

    `campaign_id`: the campaign of What.CAMPAIGN; otherwise empty.
    """
    change_account(connection, principal, emp_id)
    email = read_recipient(address)
    if not email:
        raise BadField("address", "must be an e-mail address such as ana@shop.example")
    if is_erased(connection, keys, emp_id, email):
        raise Conflict("address_erased")
    if (what is What.CAMPAIGN) is not bool(campaign_id):
        raise BadField("campaign", "must be given for reports of one campaign, and only for these")
    if campaign_id and see_campaign(connection, principal, campaign_id).emp_id != emp_id:
        raise NotFound("campaign")
    if len(store.list_subscriptions(connection, emp_id)) >= MAX_SUBSCRIPTIONS:
        raise Conflict("too_many_subscriptions", most=MAX_SUBSCRIPTIONS)
    made = store.add_subscription(connection, keys, emp_id, what, campaign_id, email, language, at)
    record(connection, principal, emp_id, Action.SUBSCRIBED, made.id, "", {"what": (None, what)})
    return made


def end_subscription(connection: sa.Connection, principal: Principal, subscription_id: str) -> Subscription:
    """End a subscription; returns it. Raises NotFound, NotAllowed."""
    found = store.get_subscription(connection, subscription_id) if is_id(subscription_id) else None
    if found is None or not principal.allows(found.emp_id):
        raise NotFound("subscription")
    principal.require_change(found.emp_id)
    store.remove_subscription(connection, found.id)
    record(
        connection, principal, found.emp_id, Action.UNSUBSCRIBED, found.id, "", {"what": (found.what, None)}
    )
    return found


def retry_reports(connection: sa.Connection, principal: Principal, emp_id: int, at: datetime) -> int:
    """Send the reports again that were given up; returns how many. Raises NotFound, NotAllowed."""
    change_account(connection, principal, emp_id)
    count = store.retry_reports(connection, emp_id, at)
    if count:
        record(connection, principal, emp_id, Action.REPORTS_RETRIED, str(emp_id), str(count))
    return count


def _shown(keys: Keys, subscription: Subscription, *, whole: bool) -> str:
    """The address; a viewer sees its beginning and its domain. Empty if it cannot be decrypted."""
    try:
        email = keys.open(store.address_place(subscription.id), subscription.address)
    except BadSeal:
        return ""
    name, _, domain = email.rpartition("@")
    return email if whole else f"{name[:1]}…@{domain}"
