"""The code in a manifest's URL connects an installation of the app to a shop of an account.

Saleor does not sign a registration, and any account may add any address. So a registration counts only for
the shop in its code. The code is computed from the installation's keys and the shop's id: nothing is stored,
and nobody can guess the code of another shop.
"""

import hashlib
import hmac

from salepixel.keys import Keys

_SHOP_CHARS = 12
_TAG_BYTES = 16
"""128 bits, too many to guess."""


def manifest_url(plugin_url: str, keys: Keys, shop_id: str) -> str:
    """The URL from which staff of the shop install the app."""
    return f"{plugin_url}/saleor/manifest?code={make_code(keys, shop_id)}"


def make_code(keys: Keys, shop_id: str) -> str:
    """The code of a shop: its id and an authentication tag, 44 hex digits."""
    return shop_id + _tag(keys, keys.active, shop_id)


def read_code(keys: Keys, code: str) -> str | None:
    """The id of the shop that a code was made for, with any of our keys; None if we did not make it."""
    shop_id, tag = code[:_SHOP_CHARS], code[_SHOP_CHARS:]
    # Compared as bytes, because compare_digest does not accept non-ASCII text.
    good = [
        hmac.compare_digest(_tag(keys, key_id, shop_id).encode(), tag.encode()) for key_id in keys.secrets
    ]
    return shop_id if any(good) else None


def _tag(keys: Keys, key_id: int, shop_id: str) -> str:
    key = keys.derive(key_id, "shop code")
    return hmac.digest(key, shop_id.encode(), hashlib.sha256)[:_TAG_BYTES].hex()
