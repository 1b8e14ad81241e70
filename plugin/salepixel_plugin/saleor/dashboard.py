"""The staff user who looks at our page in a Dashboard, as a principal.

Each request brings the Dashboard's token (salepixel/shops/saleor/dashboard.py). There is no session and no
cookie: a browser does not send cookies to a frame of another site.
"""

from functools import partial

from flask import current_app

from salepixel.accounts.principal import ActorKind, Principal, Rights, Role
from salepixel.shops.contract import BadSignature
from salepixel.shops.saleor.api import PERMISSION
from salepixel.shops.saleor.dashboard import BadToken, StaffUser, read_token
from salepixel.shops.shop import Shop, State
from salepixel.shops.store import get_shop
from salepixel.storage.ids import is_id
from salepixel_plugin.access import Refusal
from salepixel_plugin.languages import N_
from salepixel_plugin.rejections import count_refusal
from salepixel_plugin.saleor.jwks import KeyReloads, KeysUnavailable
from salepixel_plugin.services import services

SOURCE = "saleor_dashboard"
MANAGE_APPS = "MANAGE_APPS"
"""Who may install apps in the shop may also change campaigns and settings here; others of the staff read."""

MANAGE_USERS = "MANAGE_USERS"
"""Who may see the shop's customers sees contacts, too."""

NOT_CONNECTED = N_(
    "This shop is not connected with salepixel. Install the app again, from the address on the page Shops of "
    "salepixel."
)
_BAD_TOKEN = N_("The Dashboard's token is not valid. Reload the page of the Dashboard.")
_NO_PERMISSION = N_("You need the permission to manage orders in Saleor to see this.")
_NO_KEYS = N_("The shop's signing keys are not available. Try again in a moment.")
_KEYS_SECONDS = 5


def principal_of(shop_id: str, token: str) -> tuple[Shop, Principal]:
    """The shop, and the rights of a staff user in its account.

    MANAGE_ORDERS reads the report, MANAGE_USERS its contacts, and MANAGE_APPS changes content, as an editor:
    people, keys and privacy are for those who sign in to salepixel.
    Raises a Refusal: 401, 403, or 503 without the shop's keys.
    """
    shop, user = _verified(shop_id, token)
    if PERMISSION not in user.permissions:
        raise _refuse(403, "no_permission", _NO_PERMISSION)
    role = Role.EDITOR if MANAGE_APPS in user.permissions else Role.VIEWER
    rights = Rights(role, contacts=MANAGE_USERS in user.permissions)
    return shop, Principal({shop.emp_id: rights}, user.email, kind=ActorKind.STAFF)


def connected_shop(shop_id: str) -> Shop | None:
    """A shop in which our app is installed, or None."""
    with services().database.read() as connection:
        shop = get_shop(connection, shop_id) if is_id(shop_id) else None
    if shop is None or shop.app_id is None or shop.state in (State.REMOVED, State.DISCONNECTED):
        return None
    return shop


def _verified(shop_id: str, token: str) -> tuple[Shop, StaffUser]:
    shop = connected_shop(shop_id)
    if shop is None:
        raise _refuse(401, "not_connected", NOT_CONNECTED)
    reloads: KeyReloads = current_app.extensions["salepixel_key_reloads"]
    try:
        shop = reloads.verify(partial(_check, token), shop, services().database)
        return shop, read_token(token, shop)
    except KeysUnavailable as error:
        raise _refuse(503, "keys_unavailable", _NO_KEYS, _KEYS_SECONDS) from error
    except BadSignature as error:
        raise _refuse(401, error.reason, _BAD_TOKEN) from error
    except BadToken as error:
        raise _refuse(401, error.reason, _BAD_TOKEN) from error


def _check(token: str, shop: Shop) -> None:
    read_token(token, shop)


def _refuse(status: int, reason: str, message: str, retry_after: int = 0) -> Refusal:
    count_refusal(SOURCE, reason)
    return Refusal(status, reason, message, retry_after=retry_after)
