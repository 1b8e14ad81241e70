"""Use cases of the SMTP settings of an account. Each raises Declined."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from salepixel.accounts.audit import Action, differences, record
from salepixel.accounts.declined import BadField, Conflict
from salepixel.accounts.principal import Change, Principal
from salepixel.accounts.store import Account
from salepixel.accounts.use_cases import change_account, see_account
from salepixel.keys import Keys
from salepixel.reading.addresses import BadHost, normal_host
from salepixel.reading.emails import read_recipient
from salepixel.smtp import store
from salepixel.smtp.server import Encryption, Server
from salepixel.smtp.store import StoredServer

_RECORDED = ("host", "port", "encryption", "user", "sender", "sender_name", "password")
_CONCEALED = ("user", "sender", "password")


@dataclass(frozen=True, slots=True)
class SmtpView:
    """How an account sends mails: by `stored`, its own settings, or else by `default`, if there is one."""

    account: Account
    stored: StoredServer | None
    default: Server | None

    @property
    def can_send(self) -> bool:
        """Whether mails can be sent at all."""
        return self.stored is not None or self.default is not None


def see_smtp(
    connection: sa.Connection, principal: Principal, emp_id: int, default: Server | None
) -> SmtpView:
    """How an account sends mails. `default`: the server of the installation's settings. Raises NotFound."""
    account = see_account(connection, principal, emp_id)
    return SmtpView(account, store.get_server(connection, emp_id), default)


def change_smtp(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    emp_id: int,
    wanted: Server,
    at: datetime,
    *,
    keeps_password: bool = False,
) -> StoredServer:
    """Store the SMTP settings of an account.

    `keeps_password`: the stored password stays. Only for the same host, port, encryption and user: else it
    would be sent to another server. Raises NotFound, NotAllowed or BadField.
    """
    change_account(connection, principal, emp_id, Change.ACCESS)
    host, sender = _host(wanted.host), read_recipient(wanted.sender)
    if not sender:
        raise BadField("sender", "must be an e-mail address such as news@shop.example")
    sealed = keys.seal(store.password_place(emp_id), wanted.password)
    before = store.get_server(connection, emp_id)
    if keeps_password and before is not None and before.password:
        now = (host, wanted.port, wanted.encryption, wanted.user)
        if now != (before.host, before.port, before.encryption, before.user):
            raise BadField("password", "must be entered again, because the server or the user changed")
        sealed = before.password
    if wanted.user and not sealed:
        raise BadField("password", "must not be empty if there is a user")
    if sealed and not wanted.user:
        raise BadField("user", "must not be empty if there is a password")
    if sealed and wanted.encryption is Encryption.NONE:
        raise BadField("encryption", "must be starttls or tls if there is a password")
    stored = StoredServer(
        emp_id, host, wanted.port, wanted.encryption, wanted.user, sender, wanted.sender_name, at, sealed
    )
    store.keep_server(connection, stored)
    differs = differences(before, stored, _RECORDED, _CONCEALED)
    record(connection, principal, emp_id, Action.SMTP_CHANGED, str(emp_id), host, differs)
    return stored


def remove_smtp(connection: sa.Connection, principal: Principal, emp_id: int) -> None:
    """Remove the settings of an account; those of the installation apply. Raises NotFound, NotAllowed."""
    change_account(connection, principal, emp_id, Change.ACCESS)
    before = store.get_server(connection, emp_id)
    store.remove_server(connection, emp_id)
    if before is not None:
        record(connection, principal, emp_id, Action.SMTP_REMOVED, str(emp_id), before.host)


def open_smtp(
    connection: sa.Connection, principal: Principal, keys: Keys, emp_id: int, default: Server | None
) -> Server:
    """The server of an account. Raises NotFound, NotAllowed; Conflict if there is none."""
    change_account(connection, principal, emp_id)
    found = store.server_of(connection, keys, emp_id, default)
    if isinstance(found, str):
        raise Conflict(found)
    return found


def keep_test(
    connection: sa.Connection, principal: Principal, emp_id: int, answer: str, at: datetime
) -> None:
    """Store what became of a test e-mail. Raises NotFound, NotAllowed."""
    change_account(connection, principal, emp_id)
    store.keep_answer(connection, emp_id, answer, at)
    record(connection, principal, emp_id, Action.SMTP_TESTED, str(emp_id))


def _host(text: str) -> str:
    try:
        return normal_host(text.strip())
    except BadHost:
        raise BadField("host", "must be a host name such as smtp.example.com") from None
