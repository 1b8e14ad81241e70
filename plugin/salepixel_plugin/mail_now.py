"""Sends an e-mail by the settings of an account, while somebody waits for it: a test, an invitation."""

import secrets
import threading
from datetime import UTC, datetime

from salepixel.smtp import use_cases
from salepixel.smtp.send import send
from salepixel.smtp.server import Answer, Mail, Server
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.languages import N_, Language
from salepixel_plugin.rejections import count_refusal
from salepixel_plugin.services import services, writing

SECONDS = 10.0
_SENDING = threading.BoundedSemaphore(1)
"""Of this process's few threads, one at most waits for a slow server."""

_TOO_MANY = N_("Too many e-mails were sent for this account. Try again in %(minutes)s minutes.")
_BUSY = N_("Another check is under way. Try again in a few seconds.")
_SUBJECT = N_("Test e-mail of Salepixel (%(account)s)")
_TEXT = N_("The e-mail settings of %(account)s work: Salepixel can send alerts and reports.")


def send_test_mail(emp_id: int, to: str, language: Language) -> Answer:
    """Send it; returns what became of it. Raises Declined, Refusal."""
    here = services()
    with here.database.read() as connection:
        server = use_cases.open_smtp(connection, principal(), here.keys, emp_id, here.smtp)
        name = use_cases.see_smtp(connection, principal(), emp_id, here.smtp).account.name
    account = f"{name} {emp_id}"
    subject, text = (language.text(one, account=account) for one in (_SUBJECT, _TEXT))
    answer = send_now(server, emp_id, to, subject, text)
    with writing() as connection:
        use_cases.keep_test(connection, principal(), emp_id, answer.reason, datetime.now(UTC))
    return answer


def send_now(server: Server, emp_id: int, to: str, subject: str, text: str) -> Answer:
    """Send an e-mail of an account; returns what became of it.

    Raises a Refusal: 429 after too many e-mails of this account, 503 while another one is being sent.
    """
    if not _SENDING.acquire(blocking=False):
        raise Refusal(503, "busy", _BUSY, retry_after=int(SECONDS))
    try:
        if pause := services().rate_limits.count_mail(emp_id):
            count_refusal("mail", "too_many_mails")
            raise Refusal(429, "too_many_mails", _TOO_MANY, retry_after=pause, minutes=-(-pause // 60))
        return send(server, Mail(secrets.token_hex(16), to, subject, text), SECONDS)
    finally:
        _SENDING.release()
