"""Use cases of clicks for the whole installation. Each raises Declined."""

import sqlalchemy as sa

from salepixel.accounts.principal import Principal
from salepixel.clicks.losses import Loss, losses_since


def see_losses(connection: sa.Connection, principal: Principal) -> list[Loss]:
    """Clicks and hits that edges answered but could not store, newest first. Raises NotAllowed."""
    principal.require_all_accounts()
    return losses_since(connection, None)
