"""The work of a click in a Python server: our link and token, and one XADD instead of the journal."""

from functools import lru_cache
from pathlib import Path

from salepixel.campaigns.links import LinkSealer, with_parameter
from salepixel.clicks.tokens import Click, ClickSealer, new_click_id
from salepixel.keys import load_keys
from salepixel.settings import environment

ENVIRONMENT = environment()
REDIS_ADDRESS = ENVIRONMENT["BENCH_REDIS"]
KEEP = 100_000
"""The approximate number of entries that the stream keeps."""

_keys = load_keys(Path(ENVIRONMENT["BENCH_KEYS"]))
_open = lru_cache(4096)(LinkSealer(_keys).open)
_sealer = ClickSealer(_keys)


def click(
    token: str, contact: str, agent: str, address: str
) -> tuple[dict[str, str | bytes], dict[str, str]]:
    """The fields for Redis, and the headers of the answer. Raises BadLink."""
    link = _open(token)
    made = Click(new_click_id(), link.emp_id, link.campaign, link.link, contact)
    sealed = _sealer.seal(made)
    fields: dict[str, str | bytes] = {
        "i": made.id,
        "l": link.campaign + link.link,
        "k": contact,
        "a": agent,
        "p": address,
    }
    return fields, {
        "Location": with_parameter(link.url, "spx", sealed),
        "Set-Cookie": f"spx{link.emp_id}={sealed}; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax",
        "Cache-Control": "no-store, private",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }
