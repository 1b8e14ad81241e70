"""Whether a tracking host answers, before an e-mail whose links lead to it is sent."""

import time

from salepixel.wire import outgoing

_SECONDS = 2.0
_KEPT_SECONDS = 60.0
_MAX_KEPT = 1000
_TAG_BYTES = 100_000
_kept: dict[str, tuple[float, str]] = {}


def host_problem(base: str) -> str:
    """Why the edge at this address (`https://track.shop.test`) does not answer; empty if it does.

    Fetches the storefront tag, which every edge has. Waits for two seconds at most, so not in a transaction;
    the answer is kept for a minute.
    """
    now = time.monotonic()
    at, problem = _kept.get(base, (0.0, ""))
    if base not in _kept or now - at > _KEPT_SECONDS:
        problem = _ask(base)
        if len(_kept) >= _MAX_KEPT:
            _kept.clear()
        _kept[base] = (now, problem)
    return problem


def _ask(base: str) -> str:
    try:
        answer = outgoing.call("GET", f"{base}/sp.js", seconds=_SECONDS, max_bytes=_TAG_BYTES)
    except outgoing.CallFailed as failed:
        return str(failed)
    if answer.status != 200 or b"salepixel" not in answer.body:
        return "another server answers there"
    return ""
