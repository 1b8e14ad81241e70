"""Sends a test e-mail by the settings of an account, while its reader waits."""

import secrets
import threading
from datetime import UTC, datetime

from salepixel.smtp import use_cases
from salepixel.smtp.send import send
from salepixel.smtp.server import Answer, Mail
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.languages import N_, Language
from salepixel_plugin.services import services, writing

SECONDS = 10.0
_SENDING = threading.BoundedSemaphore(1)
"""Of this process's few threads, one at most waits for a slow server."""

_BUSY = N_("Another check is under way. Try again in a few seconds.")
_SUBJECT = N_("Test e-mail of Salepixel (%(account)s)")
_TEXT = N_("The e-mail settings of %(account)s work: Salepixel can send alerts and reports.")


def send_test_mail(emp_id: int, to: str, language: Language) -> Answer:
    """Send it; returns what became of it. Raises Declined, Refusal."""
    here = services()
    with here.database.read() as connection:
        server = use_cases.open_smtp(connection, principal(), here.keys, emp_id, here.smtp)
        name = use_cases.see_smtp(connection, principal(), emp_id, here.smtp).account.name
    if not _SENDING.acquire(blocking=False):
        raise Refusal(503, "busy", _BUSY, retry_after=int(SECONDS))
    try:
        account = f"{name} {emp_id}"
        subject, text = (language.text(one, account=account) for one in (_SUBJECT, _TEXT))
        answer = send(server, Mail(secrets.token_hex(16), to, subject, text), SECONDS)
    finally:
        _SENDING.release()
    with writing() as connection:
        use_cases.keep_test(connection, principal(), emp_id, answer.reason, datetime.now(UTC))
    return answer
