"""Whether two hosts belong to the same site: browsers send a Lax cookie only within one site."""

from functools import cache
from ipaddress import ip_address

from publicsuffixlist import PublicSuffixList


def site_of(host: str) -> str:
    """The registrable domain of a host (publicsuffix.org): shop.co.uk of www.shop.co.uk. Else the host.

    `host`: as normal_host writes it.
    """
    if is_address(host):
        return host
    return _suffixes().privatesuffix(host) or host


def is_local(host: str) -> bool:
    """Whether a host names only the computer or network that it is used on."""
    if is_address(host):
        return not ip_address(host.strip("[]")).is_global
    return host == "localhost" or host.endswith((".localhost", ".local")) or "." not in host


def is_address(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()  # takes 0.25 s: reads its list of 10,000 rules
