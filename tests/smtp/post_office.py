"""A small real SMTP server on this machine, which keeps the mails that it takes."""

import email
import email.policy
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from kit.ports import free_port

USER, PASSWORD = "news@shop.test", "correct horse"


@dataclass
class PostOffice:
    """The mails that came, and what the server answers to a command instead of taking it."""

    port: int
    answers: Mapping[str, str] = field(default_factory=dict)
    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # as above
        if "DATA" not in self.answers:
            self.raw.append(envelope.original_content)
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            self.mails.append(message)
        return self.answers.get("DATA", "250 OK")


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and data == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=good)


@contextmanager
def post_office(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    answers: Mapping[str, str] | None = None,
    password: bool = False,
) -> Iterator[PostOffice]:
    """The server. `answers`: by command (MAIL, RCPT, DATA). `password`: it asks for USER and PASSWORD."""
    office = PostOffice(free_port(), answers or {})
    settings: dict[str, Any] = {"tls_context": starttls, "require_starttls": True} if starttls else {}
    if password:
        settings |= {
            "authenticator": _authenticate,
            "auth_required": True,
            "auth_require_tls": starttls is not None,
        }
    controller = Controller(
        office, hostname="127.0.0.1", port=office.port, ssl_context=tls, server_hostname="smtp", **settings
    )
    controller.start()
    try:
        yield office
    finally:
        controller.stop()
