"""The secret that an account signs its pixels with, encrypted as stored."""

import secrets

import structlog

from salepixel.accounts.store import Account
from salepixel.keys import BadSeal, Keys, Sealed, pixel_secret_place

log = structlog.get_logger()


def new_pixel_secret(keys: Keys, emp_id: int) -> Sealed:
    """A new secret for signing pixels: 32 bytes as hex digits, encrypted."""
    return keys.seal(pixel_secret_place(emp_id), secrets.token_hex(32))


def open_pixel_secret(keys: Keys, account: Account) -> str:
    """The account's decrypted pixel secret, hex digits; empty if there is none, or it cannot be decrypted.

    With an empty secret nothing is signed until the secret is renewed.
    """
    try:
        return keys.open(pixel_secret_place(account.emp_id), account.pixel_secret)
    except BadSeal as error:
        log.error("pixel_secret_not_decrypted", emp_id=account.emp_id, error=str(error))
        return ""
