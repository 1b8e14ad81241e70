"""User agents that are known to be programs."""

import re
from functools import lru_cache

from crawleruseragents import is_crawler

# Mail gateways that the crawler list does not have (gophish#973, laravel-passwordless-login#79 and the
# vendors' own names). Never the bare "bot": CUBOT makes telephones.
_GATEWAYS = re.compile(
    r"barracuda|proofpoint|mimecast|safelinks|urldefense|ms-office|symantec|trend ?micro|forcepoint"
    r"|sophos|zscaler",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_known_agent(agent: str) -> bool:
    """True for a user agent that names a crawler, a previewer or a mail gateway."""
    return bool(_GATEWAYS.search(agent)) or bool(is_crawler(agent))
