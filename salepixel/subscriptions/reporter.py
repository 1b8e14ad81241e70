"""Writes down which reports are due, and sends them: a thread of the worker.

A report is a row before it is sent, and the row stays. If the process dies after the server took the mail
and before the row says so, the mail is sent again, with the same Message-ID: a repeated report is better than
a lost one.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from salepixel.keys import BadSeal, Keys
from salepixel.smtp.send import SECONDS
from salepixel.smtp.server import Mail
from salepixel.storage.database import Database
from salepixel.subscriptions import store
from salepixel.subscriptions.report import read_report
from salepixel.subscriptions.store import ReportMail, address_place
from salepixel.subscriptions.tokens import unsubscribe_token
from salepixel.subscriptions.write import Links, write
from salepixel.watch.threads import AccountThreads

TURN_SECONDS = 30.0
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (5, 30, 120, 360, 720))
"""After a failed attempt. After the last one, the report is given up, and the page shows it."""

GONE = "gone"
"""The answer for a report whose subscription or campaign was removed."""

NOT_DECRYPTED = "not_decrypted"
PERMANENT = frozenset({"recipient_rejected", NOT_DECRYPTED, GONE})
"""After these answers, another attempt would be in vain."""

_CLAIM = timedelta(seconds=3 * SECONDS)
"""Longer than an attempt."""

log = structlog.get_logger()

SendMail = Callable[[int, Mail], str]
"""(empId, mail) -> sent, or why not."""


class Reporter:
    """Runs beside the worker's jobs. Several processes may run one: rows are claimed."""

    def __init__(self, database: Database, keys: Keys, send_mail: SendMail, plugin_url: str) -> None:
        """`plugin_url`: the public address of the pages, for the links in the mails."""
        self._database, self._keys = database, keys
        self._send_mail, self._plugin_url = send_mail, plugin_url
        self._sending = AccountThreads("reports")

    def start(self) -> None:
        """Start the thread; it runs until the process ends."""
        threading.Thread(target=self._run, name="reporter", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self.turn(datetime.now(UTC))
            except Exception:
                log.exception("reports_failed")  # for example, the database is down: try again
            time.sleep(TURN_SECONDS)

    def turn(self, now: datetime) -> list[threading.Thread]:
        """Write down what is due, and begin to send it. Returns the threads."""
        with self._database.write() as connection:
            if written := store.write_due(connection, now):
                log.info("reports_due", count=written)
        with self._database.read() as connection:
            due = store.accounts_with_reports(connection, now)
        return self._sending.begin(due, lambda emp_id: self.send_due(emp_id, now))

    def send_due(self, emp_id: int, now: datetime) -> int:
        """Send the reports of an account that are due; returns how many attempts were made."""
        attempts = 0
        while True:
            with self._database.write() as connection:
                mail = store.claim_report(connection, emp_id, now, now + _CLAIM)
            if mail is None:
                return attempts
            attempts += 1
            answer = self._attempt(mail)
            is_last = answer == "sent" or answer in PERMANENT or mail.attempts > len(PAUSES)
            next_at = None if is_last else now + PAUSES[mail.attempts - 1]
            log.info("report_attempted", emp_id=emp_id, kind=mail.kind, answer=answer)
            with self._database.write() as connection:
                store.record_report(connection, mail, answer, now, next_at)

    def _attempt(self, mail: ReportMail) -> str:
        with self._database.read() as connection:
            subscription = store.get_subscription(connection, mail.subscription_id)
            report = read_report(connection, mail)
        if subscription is None or report is None:
            return GONE
        try:
            address = self._keys.open(address_place(subscription.id), subscription.address)
        except BadSeal:
            return NOT_DECRYPTED
        end = f"{self._plugin_url}/reports/end/{unsubscribe_token(self._keys, subscription.id)}"
        written = write(report, subscription.language, address, Links(self._plugin_url + report.path, end))
        headers = {"List-Unsubscribe": f"<{end}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        return self._send_mail(
            mail.emp_id, Mail(mail.id, address, written.subject, written.text, written.html, headers)
        )
