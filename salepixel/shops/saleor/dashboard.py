"""The token with which a Dashboard shows that one of the shop's staff looks at our page.

A JSON Web Token (RS256, five minutes) for our app, signed with the key that signs webhooks
(saleor/core/jwt.py, create_access_token_for_app_extension). The app's own token is never in a browser.
"""

from dataclasses import dataclass
from typing import Any

import jwt

from salepixel.shops.contract import UnknownKey
from salepixel.shops.shop import Shop
from salepixel.shops.signatures import OWN_KEY, BadKeySet, read_keys

CLOCK_SECONDS = 10
"""How far the clocks of the shop and of this server may differ."""

_MAX_CHARS = 16_384
_ALGORITHM = "RS256"


class BadToken(Exception):
    """A token that is not for this shop's app, or not for staff. `reason` is the name that is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class StaffUser:
    """One of a shop's staff: the e-mail address, and all permissions in the shop, such as MANAGE_ORDERS."""

    email: str
    permissions: frozenset[str]


def read_token(token: str, shop: Shop) -> StaffUser:
    """The staff user of a token. Raises BadToken, or UnknownKey if reloaded keys may verify it.

    The algorithm is never taken from the token, and the key only from the keys of this shop. The issuer must
    be the registered address of the API; the official app-sdk does not check it.
    """
    claims = _verified(token, shop)
    user, email = claims.get("user_permissions"), claims.get("email")
    if claims.get("type") != "thirdparty":
        raise BadToken("other_type")
    if not shop.app_id or claims.get("app") != shop.app_id:
        raise BadToken("other_app")
    if claims.get("is_staff") is not True or not isinstance(email, str):
        raise BadToken("not_staff")
    if not isinstance(user, list) or not all(isinstance(code, str) for code in user):
        raise BadToken("no_permissions")
    return StaffUser(email, frozenset(user))


def _verified(token: str, shop: Shop) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token) if len(token) <= _MAX_CHARS else {}
    except (jwt.PyJWTError, ValueError):
        raise BadToken("malformed") from None
    if header.get("alg") != _ALGORITHM or any(name in header for name in OWN_KEY):
        raise BadToken("bad_algorithm")
    kid = header.get("kid")
    try:
        key = read_keys(shop.jwks or "").get(kid)
    except BadKeySet:
        key = None
    if key is None:
        raise UnknownKey("unknown_key", "Signed with a key that is not in the shop's JWKS.", kid)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=shop.api_url,
            leeway=CLOCK_SECONDS,
            options={"require": ["exp", "iat", "iss"]},
        )
    except jwt.InvalidSignatureError:
        raise UnknownKey("bad_signature", "The signature does not fit the token.", kid) from None
    except jwt.ExpiredSignatureError:
        raise BadToken("expired") from None
    except (jwt.InvalidIssuerError, jwt.MissingRequiredClaimError):
        raise BadToken("other_issuer") from None
    except (jwt.PyJWTError, ValueError):
        raise BadToken("malformed") from None
    return claims
