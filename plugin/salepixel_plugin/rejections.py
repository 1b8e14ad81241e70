"""Counts refusals by reason, so that the operator sees what was refused and why."""

import re

import structlog
from flask import request

from salepixel_plugin.services import services

log = structlog.get_logger()

_ADDRESS = re.compile(r"https?://[\x21-\x7e]{1,500}")


def is_address(text: str) -> bool:
    """True if a text may be the address of an API; other texts need no look-up."""
    return _ADDRESS.fullmatch(text) is not None


def count_refusal(source: str, reason: str) -> None:
    """Count a refusal. It is stored within a second; the response does not wait for that."""
    log.info("rejected", source=source, reason=reason)
    services().tally.count(source, reason)


def seconds_limited(source: str) -> int:
    """Seconds for which this request's address is refused at a source of rate_limits.SOURCES; 0 if it is not.

    A refusal is counted and not logged, so that unknown clients cannot fill the log.
    """
    here = services()
    pause = here.rate_limits.count(source, request.remote_addr or "")
    if pause:
        here.tally.count(source, "too_many_requests")
    return pause
