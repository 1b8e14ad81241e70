"""Sends due messages, each in a process of its own with a deadline."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from salepixel.keys import BadSeal, Keys
from salepixel.settings import environment
from salepixel.smtp.server import Mail
from salepixel.stack.embedded import die_with_parent
from salepixel.storage.database import Database
from salepixel.watch import send, store, texts
from salepixel.watch.store import Message
from salepixel.wire.outgoing import Network

SECONDS = 30.0
PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
"""After a failed attempt. After the last one, the message is given up, and the page shows it."""

PERMANENT = frozenset({"unknown_service", "recipient_rejected"})
"""After these answers, another attempt would be in vain."""

TURN_SECONDS = 5.0
_CLAIM = timedelta(minutes=2)
"""Longer than a turn and the message that it ends with."""

_ANSWERS = {
    send.SENT: "sent",
    send.UNKNOWN_SERVICE: "unknown_service",
    send.FORBIDDEN: "forbidden_address",
}

log = structlog.get_logger()

Send = Callable[[str, str, str], str]
"""(address of apprise, subject, body) -> sent, or why not."""

SendMail = Callable[[int, Mail], str]
"""(empId, mail) -> sent, or why not."""


def sender(private: Sequence[Network]) -> Send:
    """A function that sends a message to an apprise address."""

    def send_one(address: str, title: str, body: str) -> str:
        wanted = {"address": address, "title": title, "body": body}
        wanted_json = json.dumps(wanted | {"private_networks": list(map(str, private))})
        environ = {name: value for name, value in environment().items() if not name.startswith("SALEPIXEL_")}
        environ["NETRC"] = ""  # the passwords of this machine's user are not for the services of accounts
        try:
            done = subprocess.run(  # our own program; the address goes by its input
                [sys.executable, "-m", "salepixel.watch.send"],
                input=wanted_json.encode(),
                env=environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                preexec_fn=die_with_parent,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "too_slow"
        return _ANSWERS.get(done.returncode, "failed")

    return send_one


def send_due(
    database: Database, keys: Keys, send_one: Send, send_mail: SendMail, emp_id: int, now: datetime
) -> int:
    """Send the messages of an account that are due; returns how many were sent.

    After TURN_SECONDS it sends no other: the messages of other accounts may wait for a thread.
    """
    sent, deadline = 0, time.monotonic() + TURN_SECONDS
    while time.monotonic() < deadline:
        with database.write() as connection:
            message = store.claim_message(connection, emp_id, now, now + _CLAIM)
        if message is None:
            break
        answer = _attempt(keys, message, send_one, send_mail)
        sent += answer == "sent"
        is_last = message.attempts >= len(PAUSES) or answer in PERMANENT or message.phase == "test"
        next_at = None if answer == "sent" or is_last else now + PAUSES[message.attempts]
        log.info("alert_sent" if answer == "sent" else "alert_not_sent", kind=message.kind, answer=answer)
        with database.write() as connection:
            store.record_message(connection, message, answer, now, next_at)
    return sent


def _attempt(keys: Keys, message: Message, send_one: Send, send_mail: SendMail) -> str:
    try:
        address = keys.open(store.address_place(message.address_id), message.address)
    except BadSeal:
        address = ""
    if not address:
        return "not_decrypted"
    at = f"{message.at:%Y-%m-%d %H:%M}"
    account = f"{message.account_name} {message.emp_id}"
    subject, body = texts.write(message.language, message.phase, message.kind, account, message.detail, at)
    if message.service == store.EMAIL:
        return send_mail(message.emp_id, Mail(message.id, address, subject, body))
    return send_one(address, subject, body)
