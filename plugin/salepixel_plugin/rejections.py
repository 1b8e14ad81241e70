"""Refusals are counted by name, so that an operator sees what was turned away and why."""

import re

import structlog
from flask import request

from salepixel_plugin.services import services

log = structlog.get_logger()

_ADDRESS = re.compile(r"https?://[\x21-\x7e]{1,500}")


def is_address(text: str) -> bool:
    """True for what may be the address of an API; anything else needs no look-up."""
    return _ADDRESS.fullmatch(text) is not None


def count_refusal(door: str, reason: str) -> None:
    """Count one; it is stored within a second, and the answer does not wait for that."""
    log.info("refused", door=door, reason=reason)
    services().tally.count(door, reason)


def pause_stranger(door: str) -> int:
    """For how many seconds this request's address is refused at a door of strangers.DOORS; 0: it is not.

    A refusal is counted and not logged: a log must not grow with what a stranger sends.
    """
    here = services()
    pause = here.strangers.pause(door, request.remote_addr or "")
    if pause:
        here.tally.count(door, "too_many_requests")
    return pause
