"""The canary: a click and an order of our own, through the whole chain of an account, out of all its sums.

Clicks and orders of canaries belong to an account of their own, CANARY, which no list shows. So no sum of
another account can contain them. The click goes over the tracking host of the account that is watched, and
the order by HTTP to the sales API, as those of other programs do. Each account has one order, which is
reported again with the newest click.

A run has three steps, each in a later turn, because the worker that stores the click may be this process.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa
import structlog

from salepixel.accounts.api_keys import add_api_key
from salepixel.accounts.principal import CANARY, INSTALLATION
from salepixel.accounts.store import Account, get_account, lock_account
from salepixel.accounts.use_cases import create_account
from salepixel.campaigns.links import Link, LinkSealer, edge_url, tracked_url
from salepixel.campaigns.use_cases import NewCampaign, NewLink, create_campaign
from salepixel.clicks.tokens import BadClickToken, Click, ClickSealer
from salepixel.keys import Keys
from salepixel.orders.outcome import Outcome
from salepixel.privacy.retention import Kept
from salepixel.privacy.use_cases import change_retention
from salepixel.reading.times import rfc3339
from salepixel.storage.database import Database
from salepixel.storage.schema import clicks, decisions, deliveries, sales, shops
from salepixel.watch import store
from salepixel.watch.store import Canary
from salepixel.wire import outgoing
from salepixel.wire.outgoing import Answer, CallFailed

EVERY = timedelta(minutes=15)
AGAIN = timedelta(minutes=5)
"""After a failure: the alert ends soon after the fault."""

STEP = timedelta(seconds=5)
DEADLINE = timedelta(minutes=5)
"""For the click to be stored, and for the order to be decided. A sweep comes every 20 seconds."""

SECONDS = 10.0
KEPT_DAYS = 60
"""How long clicks and deliveries of canaries are kept: 96 a day for each account."""

_CLAIM = timedelta(minutes=1)
_DESTINATION = "https://canary.salepixel.invalid/"
_UPDATED_AT = "2026-01-01T00:00:00Z"
"""Of every report, so that the last one received counts; each other time would be a row of `refunds`."""

_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
_HEADERS = {"User-Agent": _AGENT, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

log = structlog.get_logger()

Call = Callable[..., Answer]


@dataclass(frozen=True)
class Chain:
    """What the canary goes through. `edge`, `plugin`: their own addresses, from the settings."""

    database: Database
    keys: Keys
    edge: str
    plugin: str
    click_parameter: str
    call: Call = outgoing.call


class _Failed(Exception):
    """A step failed; the text says where."""


def set_up(connection: sa.Connection, keys: Keys, account: Account, at: datetime) -> None:
    """Give an account a canary, unless it has one."""
    if store.get_canary(connection, account.emp_id) is not None:
        return
    lock_account(connection, account.emp_id, exclusive=True)
    if store.get_canary(connection, account.emp_id) is not None:  # another watcher was faster
        return
    if get_account(connection, CANARY) is None:
        values = {"emp_id": CANARY, "name": "canary", "currency": "EUR"}
        create_account(connection, INSTALLATION, keys, values, at)
        change_retention(
            connection, INSTALLATION, CANARY, dict.fromkeys((Kept.CLICKS, Kept.DELIVERIES), KEPT_DAYS)
        )
    wanted = NewCampaign(
        CANARY, f"canary of {account.emp_id}", "plain", [NewLink(_DESTINATION, sale_pixel=True)]
    )
    made, _ = create_campaign(connection, INSTALLATION, wanted, "spx", at)
    store.add_canary(connection, account.emp_id, made.campaign.id, made.links[0].id, at)


def run(chain: Chain, emp_id: int, now: datetime) -> bool:
    """Do the next step of the account's canary, if it is due; True if a run ended."""
    with chain.database.write() as connection:
        canary = store.claim_canary(connection, emp_id, now, now + _CLAIM)
        account = get_account(connection, emp_id)
        if canary is not None and canary.phase == "idle":
            # Each time, because keys.json may have been lost and made anew since the last one.
            add_api_key(connection, _key(chain.keys), CANARY, "canary", now)
            _end_deliveries(connection, now)
    if canary is None or account is None:
        return False
    try:
        values = _step(chain, canary, account, now)
    except _Failed as failure:
        log.warning("canary_failed", emp_id=emp_id, at=str(failure))
        values = {
            "phase": "idle",
            "token": "",
            "result": str(failure),
            "ended_at": now,
            "next_at": now + AGAIN,
        }
    with chain.database.write() as connection:
        store.change_canary(connection, emp_id, values)
    return "ended_at" in values


def _step(chain: Chain, canary: Canary, account: Account, now: datetime) -> dict[str, object]:
    if canary.phase == "idle":
        token = _click(chain, canary, account)
        return {"phase": "clicked", "token": token, "begun_at": now, "next_at": now + STEP}
    click = _open(chain, canary.token)
    late = canary.begun_at is not None and now - canary.begun_at > DEADLINE
    with chain.database.read() as connection:
        if canary.phase == "clicked":
            done = connection.scalar(sa.select(clicks.c.id).where(clicks.c.id == click.id)) is not None
        else:
            done = _is_decided(connection, canary, click)
    if not done:
        if late:
            raise _Failed("click_not_stored" if canary.phase == "clicked" else "order_not_attributed")
        return {"next_at": now + STEP}
    if canary.phase == "clicked":
        _order(chain, canary, now)
        return {"phase": "ordered", "begun_at": now, "next_at": now + STEP}
    return {"phase": "idle", "token": "", "result": "", "ended_at": now, "next_at": now + EVERY}


def _click(chain: Chain, canary: Canary, account: Account) -> str:
    """Click the canary's link over the account's tracking host; returns the click token."""
    base = edge_url(chain.edge, account.tracking_host)
    link = Link(CANARY, canary.campaign_id, canary.link_id, _DESTINATION)
    url = tracked_url(base, LinkSealer(chain.keys).seal(link), _order_id(canary))
    try:
        own = not account.tracking_host
        answer = chain.call("GET", url, seconds=SECONDS, headers=_HEADERS, own=own)
    except CallFailed as failure:
        raise _Failed(f"click_{failure.reason}") from failure
    there = urlsplit(answer.headers.get("location", ""))
    tokens = parse_qs(there.query).get(chain.click_parameter, [])
    if answer.status != 302 or not tokens:
        raise _Failed("click_not_redirected")
    _open(chain, tokens[-1])
    return tokens[-1]


def _open(chain: Chain, token: str) -> Click:
    try:
        return ClickSealer(chain.keys).open(token)
    except BadClickToken as error:
        raise _Failed("click_token_invalid") from error


def _order(chain: Chain, canary: Canary, now: datetime) -> None:
    order = {
        "id": _order_id(canary),
        "currency": "EUR",
        "placed_at": rfc3339(now),
        "updated_at": _UPDATED_AT,
        "click": canary.token,
        "lines": [{"item": "canary", "quantity": 1, "amount": "1.00"}],
    }
    body = json.dumps({"empId": CANARY, "orders": [order]}).encode()
    headers = {"Authorization": f"Bearer {_key(chain.keys)}", "Content-Type": "application/json"}
    url = f"{chain.plugin}/api/v1/sales"
    try:
        answer = chain.call("POST", url, seconds=SECONDS, body=body, headers=headers, own=True)
    except CallFailed as failure:
        raise _Failed(f"order_{failure.reason}") from failure
    if answer.status != 200:
        raise _Failed(f"order_refused_{answer.status}")


def _end_deliveries(connection: sa.Connection, now: datetime) -> None:
    """Delete old deliveries of canaries. Retention only empties them, so that retries are recognised."""
    ours = sa.select(shops.c.id).where(shops.c.emp_id == CANARY)
    old = deliveries.c.received_at < now - timedelta(days=KEPT_DAYS)
    connection.execute(sa.delete(deliveries).where(deliveries.c.shop_id.in_(ours), old))


def _is_decided(connection: sa.Connection, canary: Canary, click: Click) -> bool:
    """Whether the order is attributed to this click, and the report has its sale."""
    its = decisions.c.emp_id == CANARY, decisions.c.order_id == _order_id(canary)
    good = decisions.c.click_id == click.id, decisions.c.outcome == Outcome.ATTRIBUTED
    query = sa.select(sales.c.line_id).join(
        decisions,
        sa.and_(decisions.c.shop_id == sales.c.shop_id, decisions.c.order_id == sales.c.order_id),
    )
    return connection.scalar(query.where(*its, *good, sales.c.click_id == click.id).limit(1)) is not None


def _order_id(canary: Canary) -> str:
    """Its order, and the contact of its clicks: with a common one, each click would make all orders due."""
    return f"canary-{canary.emp_id}"


def _key(keys: Keys) -> str:
    """The API key of the account CANARY. It stays when keys are rotated."""
    return "sp_" + keys.derive(min(keys.secrets), "canary").hex()
