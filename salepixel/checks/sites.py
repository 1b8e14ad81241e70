"""Whether two hosts belong to the same site: browsers send a Lax cookie only within one site."""

from functools import cache

from publicsuffixlist import PublicSuffixList

from salepixel.reading.addresses import is_address


def site_of(host: str) -> str:
    """The registrable domain of a host (publicsuffix.org): shop.co.uk of www.shop.co.uk. Else the host.

    `host`: as normal_host writes it.
    """
    if is_address(host):
        return host
    return _suffixes().privatesuffix(host) or host


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()  # takes 0.25 s: reads its list of 10,000 rules
