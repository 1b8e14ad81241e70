"""The link that ends a subscription without signing in: its id, authenticated."""

import hashlib
import hmac

import sqlalchemy as sa

from salepixel.accounts.audit import Action, record
from salepixel.accounts.principal import NOBODY
from salepixel.keys import Keys
from salepixel.subscriptions import store


def unsubscribe_token(keys: Keys, subscription_id: str) -> str:
    """The token in the link. It stays when keys are rotated, because mails are kept for years."""
    return f"{subscription_id}.{_tag(keys, subscription_id)}"


def read_token(keys: Keys, text: str) -> str | None:
    """The id of the subscription; None if the token is not ours."""
    its_id, _, tag = text.partition(".")
    return its_id if hmac.compare_digest(tag.encode(), _tag(keys, its_id).encode()) else None


def end_by_token(connection: sa.Connection, keys: Keys, text: str) -> bool:
    """End the subscription of a token; False if the token is not ours. Idempotent."""
    its_id = read_token(keys, text)
    if its_id is not None:
        found = store.get_subscription(connection, its_id)
        store.remove_subscription(connection, its_id)
        if found is not None:
            changes = {"what": (found.what, None)}
            record(connection, NOBODY, found.emp_id, Action.UNSUBSCRIBED, its_id, "", changes)
    return its_id is not None


def _tag(keys: Keys, subscription_id: str) -> str:
    key = keys.derive(min(keys.secrets), "unsubscribe")
    return hmac.digest(key, subscription_id.encode(), hashlib.sha256).hex()[:32]
