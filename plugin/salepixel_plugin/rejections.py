"""Refusals are counted by name, so that an operator sees what was turned away and why."""

import re

import sqlalchemy as sa
import structlog

from salepixel.orders.deliveries import count_rejection
from salepixel_plugin.services import services

log = structlog.get_logger()

_ADDRESS = re.compile(r"https?://[\x21-\x7e]{1,500}")


def is_address(text: str) -> bool:
    """True for what may be the address of an API; anything else needs no look-up."""
    return _ADDRESS.fullmatch(text) is not None


def count_refusal(door: str, reason: str) -> None:
    """Count one, if that is possible now: the answer must not depend on it."""
    log.info("refused", door=door, reason=reason)
    try:
        with services().database.write() as connection:
            count_rejection(connection, door, reason)
    except sa.exc.SQLAlchemyError as error:
        log.warning("refusal_not_counted", door=door, reason=reason, error=type(error).__name__)
