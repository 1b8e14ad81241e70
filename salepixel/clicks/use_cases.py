"""What is asked about clicks of all accounts together. Each use case raises Declined."""

import sqlalchemy as sa

from salepixel.accounts.principal import Principal
from salepixel.clicks.losses import Loss, losses_since


def see_losses(connection: sa.Connection, principal: Principal) -> list[Loss]:
    """What edges answered and could not write down, newest first. Raises NotAllowed."""
    principal.require_all_accounts()
    return losses_since(connection, None)
