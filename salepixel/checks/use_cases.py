"""Use cases of the first steps of an account. Each raises Declined."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from salepixel.accounts.principal import Principal
from salepixel.accounts.store import Account
from salepixel.accounts.use_cases import change_account, see_account
from salepixel.campaigns.links import edge_url
from salepixel.checks import sales, shop, store, tag, tracking
from salepixel.checks.probes import page_of
from salepixel.checks.result import Finding, Result, State
from salepixel.orders.outcome import Outcome
from salepixel.sums.decisions import count_outcomes
from salepixel.wire.round_trip import Report

_CREDITED = (Outcome.ATTRIBUTED, Outcome.LIKELY)


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """An account's checks, from nothing to its first sale. `base`: scheme and host of its tracked links."""

    account: Account
    base: str
    results: list[Result]

    @property
    def open(self) -> int:
        """How many are not done."""
        return sum(result.state is not State.DONE for result in self.results)


def see_first_steps(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    edge: str,
    fresh: Mapping[str, Finding] | None = None,
) -> FirstSteps:
    """The steps of an account; `edge`: the edge's own address. `fresh`: findings that are not stored.

    Raises NotFound.
    """
    account = see_account(connection, principal, emp_id)
    base, page = edge_url(edge, account.tracking_host), page_of(account)
    found = {**store.read_findings(connection, emp_id), **(fresh or {})}
    host = found.get(store.HOST)
    outcomes = count_outcomes(connection, emp_id)
    credited = sum(orders for (outcome, _), orders in outcomes.items() if outcome in _CREDITED)
    results = [
        sales.check_account(account.name, account.site),
        tracking.check_host(base, host),
        tracking.check_same_site(base, account.site),
        tracking.check_cookie(base, host, found.get(store.BROWSER)),
        shop.check_shop(store.list_shop_facts(connection, emp_id)),
        tag.check_tag(page, found.get(store.PAGE), store.last_hit(connection, emp_id)),
        sales.check_campaign(*store.count_campaigns(connection, emp_id)),
        sales.check_click(*store.count_clicks(connection, emp_id)),
        sales.check_sale(sum(outcomes.values()), credited),
    ]
    return FirstSteps(account, base, results)


def keep_findings(
    connection: sa.Connection, principal: Principal, emp_id: int, found: Mapping[str, Finding]
) -> None:
    """Store what probes.probe found. Raises NotFound."""
    change_account(connection, principal, emp_id)
    for name, finding in found.items():
        store.keep_finding(connection, emp_id, name, finding)


def keep_report(connection: sa.Connection, principal: Principal, report: Report) -> None:
    """Store what a browser's round trip found. Raises NotFound."""
    change_account(connection, principal, report.emp_id)
    reason = "" if report.kept else "lost"
    store.keep_finding(connection, report.emp_id, store.BROWSER, Finding(report.host, reason, report.at))
