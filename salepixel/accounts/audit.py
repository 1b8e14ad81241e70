"""The audit list: a row for each change that a person, a key or a command decides.

Use cases call `record` in the transaction of the change. A row never has a secret, an e-mail address, or the
reference of a contact, so an erasure has nothing to delete here. See docs/adr/0061-audit-list.md.
"""

import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import sqlalchemy as sa

from salepixel.accounts.principal import CANARY, HIDDEN, ActorKind, Principal
from salepixel.storage.ids import new_id
from salepixel.storage.schema import audit


class Subject(Protocol):
    """What belongs to an account and has a name, such as a campaign."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def emp_id(self) -> int:
        """Its account."""

    @property
    def name(self) -> str:
        """Its name."""


class Action(StrEnum):
    """What was done: the kind of its subject, and the verb. Stored and shown."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CHANGED = "account.changed"
    PIXEL_SECRET_RENEWED = "account.pixel_secret_renewed"
    MONTH_CLOSED = "account.month_closed"
    POLICY_CHANGED = "account.attribution_changed"
    RETENTION_CHANGED = "account.retention_changed"
    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    CAMPAIGN_CREATED = "campaign.created"
    CAMPAIGN_CHANGED = "campaign.changed"
    CAMPAIGN_ARCHIVED = "campaign.archived"
    CAMPAIGN_RESTORED = "campaign.restored"
    CAMPAIGN_DELETED = "campaign.deleted"
    RECIPIENTS_ADDED = "campaign.recipients_added"
    COUPONS_ADDED = "campaign.coupons_added"
    LINK_CHANGED = "link.changed"
    CONTACTS_CHANGED = "contact.changed"
    OPTED_OUT = "contact.opted_out"
    OPTED_IN = "contact.opted_in"
    ERASURE_BEGUN = "erasure.begun"
    ERASURE_RETRIED = "erasure.retried"
    ERASURE_CLOSED = "erasure.closed"
    DRAFT_CREATED = "draft.created"
    DRAFT_CHANGED = "draft.changed"
    DRAFT_DELETED = "draft.deleted"
    FLOW_CREATED = "flow.created"
    FLOW_CHANGED = "flow.changed"
    LIST_UPLOADED = "list.uploaded"
    LIST_IMPORTED = "list.imported"
    LIST_DELETED = "list.deleted"
    SHOP_ADDED = "shop.added"
    SHOP_CHANGED = "shop.changed"
    SHOP_REMOVED = "shop.removed"
    SHOP_CONNECTED = "shop.connected"
    SMTP_CHANGED = "email.changed"
    SMTP_REMOVED = "email.removed"
    SMTP_TESTED = "email.tested"
    SUBSCRIBED = "report.subscribed"
    UNSUBSCRIBED = "report.unsubscribed"
    REPORTS_RETRIED = "report.retried"
    ALERT_ADDRESS_ADDED = "alert.address_added"
    ALERT_ADDRESS_REMOVED = "alert.address_removed"
    ALERT_TESTED = "alert.tested"
    CANARY_RUN = "alert.canary_run"
    ORDERS_RETRIED = "order.retried"
    FORWARDS_RETRIED = "forward.retried"
    INVITED = "person.invited"
    INVITATION_WITHDRAWN = "person.invitation_withdrawn"
    JOINED = "person.joined"
    MEMBER_CHANGED = "person.role_changed"
    MEMBER_REMOVED = "person.removed"
    PERSON_CHANGED = "person.changed"
    PASSWORD_CHANGED = "person.password_changed"
    PASSWORD_LINK_MADE = "person.password_link_made"
    SECOND_FACTOR_ON = "person.second_factor_on"
    SECOND_FACTOR_OFF = "person.second_factor_off"
    IDENTITY_LINKED = "person.company_account_linked"
    SIGNED_IN = "session.began"
    SIGNED_OUT = "session.ended"
    SESSIONS_ENDED = "session.others_ended"
    SIGN_IN_FAILED = "session.refused"


FEEDS = {Action.CONTACTS_CHANGED, Action.RECIPIENTS_ADDED, Action.COUPONS_ADDED, Action.SIGN_IN_FAILED}
"""Programs send these in thousands of calls. One row an hour says all: it names no contact."""

FEED_PAUSE = timedelta(hours=1)

Changes = Mapping[str, tuple[Any, Any]]
"""Field -> its value before and after."""

_ADDRESS = re.compile(r"(?<![^\s@])[^\s@]+(?:@|%40)[^\s@]+")
"""Looked for from the beginning of a word only: from each letter, a long word would take seconds.
Destinations of links have addresses percent-encoded."""

_LONGEST = 200


def record(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    action: Action,
    subject_id: str = "",
    subject: str = "",
    changes: Changes | None = None,
) -> None:
    """Add a row about a change, with the time of the server.

    `emp_id`: an account, or EVERYWHERE for the installation. `subject`: the name of what was changed; empty
    if the name may be about a contact, as the subject of an e-mail is. Empty `changes`: nothing changed, so
    there is no row.
    """
    if emp_id == CANARY or (changes is not None and not changes):
        return
    kind, actor_id = principal.actor
    at = datetime.now(UTC)
    if action in FEEDS and (
        kind is ActorKind.PROGRAM  # it imports a list, and the start of that is a row already
        or _is_recent(connection, emp_id, action, kind, actor_id, subject_id, at)
    ):
        return
    row = {
        "id": new_id(),
        "emp_id": emp_id,
        "at": at,
        "actor_kind": kind,
        "actor_id": actor_id,
        "actor": without_address(principal.name),
        "action": action,
        "subject_id": subject_id,
        "subject": without_address(subject)[:_LONGEST],
        "changes": json.dumps(
            {name: [_plain(one) for one in pair] for name, pair in (changes or {}).items()}
        ),
    }
    connection.execute(sa.insert(audit).values(row))


def record_about(
    connection: sa.Connection,
    principal: Principal,
    action: Action,
    subject: Subject,
    changes: Changes | None = None,
) -> None:
    """The same about something that has an account, an id and a name."""
    record(connection, principal, subject.emp_id, action, subject.id, subject.name, changes)


def record_change(
    connection: sa.Connection,
    principal: Principal,
    action: Action,
    before: Subject,
    after: Subject,
    names: Collection[str],
) -> None:
    """The same about a change of these fields (attributes); no row if none differs."""
    record_about(connection, principal, action, after, differences(before, after, names))


def differences(before: Any, after: Any, names: Collection[str], concealed: Collection[str] = ()) -> Changes:
    """The fields (attributes) that differ; of None, each is None. Values of `concealed` ones are hidden."""
    pairs = {name: (getattr(before, name, None), getattr(after, name, None)) for name in names}
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return {name: (HIDDEN, HIDDEN) if name in concealed else pair for name, pair in changed.items()}


def without_address(text: str) -> str:
    """The text with e-mail addresses hidden: names may have one."""
    return _ADDRESS.sub(HIDDEN, text)


def _plain(value: Any) -> Any:
    """As JSON writes it. Times are RFC 3339, UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return without_address(str(value))[:2000]


def _is_recent(
    connection: sa.Connection,
    emp_id: int,
    action: Action,
    kind: ActorKind,
    actor_id: str,
    subject_id: str,
    at: datetime,
) -> bool:
    """Whether the same is in the list since an hour ago."""
    query = sa.select(audit.c.id).where(
        audit.c.emp_id == emp_id,
        audit.c.action == action,
        audit.c.at > at - FEED_PAUSE,
        audit.c.actor_kind == kind,
        audit.c.actor_id == actor_id,
        audit.c.subject_id == subject_id,
    )
    return connection.execute(query.limit(1)).first() is not None
