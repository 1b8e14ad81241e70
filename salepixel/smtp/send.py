"""Sends a mail through an SMTP server (RFC 5321, 3207, 4954), by Python's smtplib over our own connection.

The connection is that of wire/outgoing.py: one deadline for everything, public addresses only, the server's
certificate is checked. With STARTTLS, nothing is sent before the connection is encrypted.
"""

import smtplib
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import structlog

from salepixel.reading.text import read_text
from salepixel.smtp.server import Answer, Encryption, Mail, Server
from salepixel.wire import outgoing
from salepixel.wire.outgoing import CallFailed

SECONDS = 20.0
"""For everything, from the DNS lookup to the answer to the mail."""

MAX_SAID = 200

SENT = "sent"

_POLICY = SMTP.clone(max_line_length=900, cte_type="7bit")
"""With short lines, a long address in a header would be written as encoded words, which no program follows
(RFC 5322, 2.1.1, allows 998). Not all servers take 8 bits."""

log = structlog.get_logger()

_FAILED_CALLS: tuple[tuple[type[CallFailed], str], ...] = (
    (outgoing.UnknownName, "unknown_name"),
    (outgoing.ConnectionRefused, "connection_refused"),
    (outgoing.Forbidden, "forbidden_address"),
    (outgoing.BadCertificate, "bad_certificate"),
    (outgoing.BadTls, "bad_tls"),
    (outgoing.TooSlow, "too_slow"),
)


class _Failed(Exception):
    """The mail was not sent. `reason`: by name; `said`: the server's words."""

    def __init__(self, reason: str, said: bytes = b"") -> None:
        self.reason, self.said = reason, said
        super().__init__(reason)


class _Client(smtplib.SMTP):
    """smtplib's client on a connection of ours."""

    def open(self, server: Server, seconds: float) -> None:
        """Connect, greet and encrypt."""
        encrypted = server.encryption is Encryption.TLS
        self.sock = outgoing.connect(
            server.host, server.port, seconds=seconds, encrypted=encrypted, own=server.own
        )
        self._expect(220, *self.getreply())
        self.ehlo_or_helo_if_needed()
        if server.encryption is Encryption.STARTTLS:
            if not self.has_extn("starttls"):
                raise _Failed("no_starttls")
            self._expect(220, *self.docmd("STARTTLS"))
            self.sock = outgoing.encrypt(self.sock, server.host)
            # What came before is not trusted (RFC 3207, 4.2), nor what was received with the answer.
            self.file = self.helo_resp = self.ehlo_resp = None
            self.esmtp_features = {}
            self.does_esmtp = False
            self.ehlo_or_helo_if_needed()
        if server.password:
            self.login(server.user, server.password)

    @staticmethod
    def _expect(code: int, answered: int, said: bytes) -> None:
        if answered != code:
            raise _Failed("not_smtp" if answered == -1 else "not_available", said)


def send(server: Server, mail: Mail, seconds: float = SECONDS) -> Answer:
    """Send a mail; returns "sent", or why not. It ends after `seconds` at the latest."""
    domain = server.sender.rpartition("@")[2]
    client = _Client(local_hostname=domain)  # otherwise smtplib asks the DNS, without a time-out
    try:
        client.open(server, seconds)
        client.send_message(_as_message(server, mail, domain), server.sender, [mail.to])
        answer = Answer(SENT)
        with suppress(Exception):  # it is sent, whatever the server answers now
            client.quit()
    except _Failed as failure:
        answer = _answer(server, failure.reason, failure.said)
    except CallFailed as failure:
        known = (reason for kind, reason in _FAILED_CALLS if isinstance(failure, kind))
        answer = Answer(next(known, failure.reason))
    except smtplib.SMTPException as error:
        answer = _answer(server, *_explain(error))
    except OSError:
        answer = Answer("connection_lost")
    except ValueError:  # a header that cannot be written, or an answer that is not SMTP
        answer = Answer("not_smtp")
    finally:
        client.close()
    if answer.reason != SENT:
        log.warning("mail_not_sent", host=server.host, reason=answer.reason)
    return answer


def _answer(server: Server, reason: str, said: bytes = b"") -> Answer:
    # What a server of the operator says is for the operator.
    return Answer(reason, "" if server.own else read_text(said.decode("utf-8", "replace"), MAX_SAID))


def _explain(error: smtplib.SMTPException) -> tuple[str, bytes]:
    match error:
        case smtplib.SMTPHeloError():
            return "not_available", _bytes(error.smtp_error)
        case smtplib.SMTPRecipientsRefused():
            code, said = next(iter(error.recipients.values()))
            return "try_later" if code < 500 else "recipient_rejected", said
        case smtplib.SMTPSenderRefused():
            reason = "needs_password" if error.smtp_code == 530 else "sender_rejected"
            return reason if error.smtp_code >= 500 else "try_later", _bytes(error.smtp_error)
        case smtplib.SMTPAuthenticationError():
            return "wrong_password" if error.smtp_code >= 500 else "try_later", _bytes(error.smtp_error)
        case smtplib.SMTPNotSupportedError():
            return "not_supported", b""
        case smtplib.SMTPServerDisconnected():
            return "connection_lost", b""
        case smtplib.SMTPDataError():
            return "message_rejected" if error.smtp_code >= 500 else "try_later", _bytes(error.smtp_error)
        case smtplib.SMTPResponseException():  # a line of more than 8,192 bytes
            return "not_smtp", b""
    return "no_login", b""  # the server knows no way to log in that smtplib knows


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


def _as_message(server: Server, mail: Mail, domain: str) -> EmailMessage:
    message = EmailMessage(policy=_POLICY)
    name, _, at = server.sender.rpartition("@")
    message["From"] = Address(server.sender_name, name, at)
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{mail.id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is reported to us
    for header, value in mail.headers.items():
        message[header] = value
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message
