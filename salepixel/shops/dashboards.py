"""The addresses of a shop's Dashboards: the only sites that may show our pages in a frame.

A Dashboard may be at any address, and the shop does not report it (saleor/app/installation_utils.py sends the
address of the API only). So each shop has a list, which its account fills. Without one, no site may show our
pages.
"""

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from salepixel.accounts.declined import BadField
from salepixel.reading.addresses import BadHost, normal_host

MOST = 5
_MAX_CHARS = 200
_SHAPE = "must be the address of a Dashboard such as https://shop.example/dashboard/"


def read_dashboards(addresses: Sequence[str]) -> str:
    """The addresses as stored, in their normal form, separated by spaces. Raises BadField."""
    if len(addresses) > MOST:
        raise BadField("dashboards", f"must be at most {MOST}")
    return " ".join(dict.fromkeys(_normal(address.strip()) for address in addresses))


def list_dashboards(stored: str) -> list[str]:
    """The addresses of a stored list, each with its path and a final slash."""
    return stored.split()


def origins_of(stored: str) -> list[str]:
    """The origins of a stored list, such as https://shop.example: for frame-ancestors and for messages."""
    return list(dict.fromkeys("/".join(address.split("/")[:3]) for address in stored.split()))


def proposed_dashboard(api_url: str) -> str:
    """Where the Dashboard of a shop probably is: beside the API that the shop reports, as in Saleor Cloud."""
    return "/".join(api_url.split("/")[:3]) + "/dashboard/"


def page_in_dashboard(stored: str, app_id: str | None, path: str, origin: str = "") -> str | None:
    """The address of one of our pages within a Dashboard of the shop; None without one.

    The Dashboard with this origin, otherwise the first. `path` begins with a slash.
    Dashboards from 3.22 on have apps at extensions/app (src/extensions/urls.ts of saleor-dashboard 3.23.27),
    and widgets need 3.22.
    """
    addresses = stored.split()
    if not addresses or not app_id:
        return None
    here = next((one for one in addresses if origin and one.startswith(f"{origin}/")), addresses[0])
    return f"{here}extensions/app/{quote(app_id, safe='')}{path}"


def _normal(address: str) -> str:
    # frame-ancestors takes origins as they are written, so nothing else may get into the header.
    try:
        parts = urlsplit(address)
        host, port = normal_host(parts.hostname or ""), parts.port
    except (BadHost, ValueError):
        raise BadField("dashboards", _SHAPE) from None
    is_plain = parts.username is None and not parts.query and not parts.fragment
    if parts.scheme not in ("http", "https") or not is_plain or len(address) > _MAX_CHARS:
        raise BadField("dashboards", _SHAPE)
    default = {"http": 80, "https": 443}[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, default) else "")
    path = quote(parts.path.strip("/"), safe="/-._~")
    return f"{origin}/{path}/" if path else f"{origin}/"
