"""An SMTP server, and a mail. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Encryption(StrEnum):
    """How the connection is encrypted. The values are stored."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


PORTS = {Encryption.STARTTLS: 587, Encryption.TLS: 465, Encryption.NONE: 25}
"""The usual ports (RFC 8314, 3; RFC 5321, 4.5.4.2)."""


@dataclass(frozen=True, slots=True)
class Server:
    """An SMTP server, and the sender of mails that go through it.

    `user`: empty for a server that asks for no password. `own`: the one of the operator's settings, which may
    have a private address.
    """

    host: str
    port: int
    encryption: Encryption
    user: str
    sender: str
    sender_name: str
    own: bool = False
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one person. `html` may be empty.

    `id`: the same for each attempt to send it, so that mailboxes can recognise a repeated one.
    """

    id: str
    to: str = field(repr=False)
    subject: str
    text: str
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """`reason`: "sent", or by name why not. `said`: the server's own words, if they explain it."""

    reason: str
    said: str = ""
