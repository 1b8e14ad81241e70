"""Use cases of failed orders and of rejections. Each raises Declined."""

import sqlalchemy as sa

from salepixel.accounts.audit import Action, record
from salepixel.accounts.principal import Principal
from salepixel.accounts.use_cases import target_account
from salepixel.orders import deliveries, queue
from salepixel.orders.queue import FailedOrder, FailedPlace
from salepixel.orders.requeue import requeue_failed


def see_failed_orders(
    connection: sa.Connection,
    principal: Principal,
    limit: int,
    before: FailedPlace | None,
    after: FailedPlace | None = None,
) -> list[FailedOrder]:
    """Orders of the principal's accounts that could not be decided, latest failure first.

    `before`, `after`: as for `queue.list_failed`.
    """
    return queue.list_failed(connection, principal.accounts, limit, before, after)


def retry_failed(
    connection: sa.Connection, principal: Principal, emp_id: int | None, only: tuple[str, str] | None = None
) -> int:
    """Requeue failed orders of an account, or one order (shop id, order id); returns their number.

    None: of all accounts that the principal may change. Raises NotAllowed or UnknownAccount.
    """
    if emp_id is not None:
        target_account(connection, principal, emp_id)
    scope = emp_id or principal.accounts_to_change()
    for its, count in queue.failed_by_account(connection, scope, only).items():
        name = only[1] if only else str(count)
        record(connection, principal, its, Action.ORDERS_RETRIED, name, name)
    return requeue_failed(connection, scope, only)


def see_rejections(
    connection: sa.Connection, principal: Principal, days: int
) -> list[tuple[str, str, str, int]]:
    """The rejections (day, source, reason, count) of the last days with any. Raises NotAllowed."""
    principal.require_all_accounts()
    return deliveries.list_rejections(connection, days)
