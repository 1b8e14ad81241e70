"""The code in a manifest's address: it binds an installation to the shop whose account gave the address out.

A Saleor signs nothing when it registers, and anybody may add its address. So what it proves is proved for the
shop in the code alone. The code is made from the installation's keys and the shop's id: there is nothing
to store, and nobody can guess another shop's.
"""

import hashlib
import hmac

from salepixel.keys import Keys

_SHOP_CHARS = 12
_TAG_BYTES = 16
"""128 bits: nobody can try so many."""


def manifest_url(plugin_url: str, keys: Keys, shop_id: str) -> str:
    """The address from which staff of the shop install the app."""
    return f"{plugin_url}/saleor/manifest?code={make_code(keys, shop_id)}"


def make_code(keys: Keys, shop_id: str) -> str:
    """The code of a shop: its id and an authentication tag, 44 hex digits."""
    return shop_id + _tag(keys, keys.active, shop_id)


def read_code(keys: Keys, code: str) -> str | None:
    """The id of the shop that a code was made for, with any of our keys; None if we did not make it."""
    shop_id, tag = code[:_SHOP_CHARS], code[_SHOP_CHARS:]
    # All of them are compared, as bytes: a text that is not ASCII cannot be.
    good = [
        hmac.compare_digest(_tag(keys, key_id, shop_id).encode(), tag.encode()) for key_id in keys.secrets
    ]
    return shop_id if any(good) else None


def _tag(keys: Keys, key_id: int, shop_id: str) -> str:
    key = keys.derive(key_id, "shop code")
    return hmac.digest(key, shop_id.encode(), hashlib.sha256)[:_TAG_BYTES].hex()
