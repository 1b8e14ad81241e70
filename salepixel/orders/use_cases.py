"""What is done with orders that failed and with what was refused. Each use case raises Declined."""

import sqlalchemy as sa

from salepixel.accounts.principal import Principal
from salepixel.accounts.use_cases import target_account
from salepixel.orders import deliveries, queue
from salepixel.orders.queue import FailedOrder, FailedPlace
from salepixel.orders.requeue import requeue_failed


def see_failed_orders(
    connection: sa.Connection, principal: Principal, limit: int, before: FailedPlace | None
) -> list[FailedOrder]:
    """Orders of the principal's accounts that could not be decided, those first that failed last."""
    return queue.list_failed(connection, principal.emp_id, limit, before)


def retry_failed(
    connection: sa.Connection, principal: Principal, emp_id: int | None, only: tuple[str, str] | None = None
) -> int:
    """Try again what could not be decided of an account, or the one (shop id, order id); gives how many.

    None: of all the principal's accounts. Raises NotAllowed or UnknownAccount.
    """
    if emp_id is None:
        emp_id = principal.emp_id
    else:
        target_account(connection, principal, emp_id)
    return requeue_failed(connection, emp_id, only)


def see_rejections(
    connection: sa.Connection, principal: Principal, days: int
) -> list[tuple[str, str, str, int]]:
    """What was refused: (day, source, reason, count) of the last days that have any. Raises NotAllowed."""
    principal.require_all_accounts()
    return deliveries.list_rejections(connection, days)
