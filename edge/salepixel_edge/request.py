"""What a request says: pure functions from its query and headers to values."""

import re
from typing import Protocol
from urllib.parse import unquote_to_bytes

from salepixel.clicks import MAX_CONTACT, BadClickToken, Click, ClickSealer, Signal

MAX_COOKIE_HEADER = 4096
MAX_AGENT = 300

# The marks of merge tags that a mailer did not fill in: Handlebars and Jinja, Mailchimp, MailerLite,
# Mautic, Acumbamail, Salesforce; and {contact}, what we give where no mailer is named.
_UNRENDERED = re.compile(
    r"\{\{|\}\}|\{%|\*\||\|\*|\{\$|\{contactfield|\[%|\[\[|\]\]|%%|\{contact\}"
    r"|^%[A-Z_]+%$|^__test_email__$|^c_id$|^(?:0{8}-0{4}-0{4}-0{4}-0{12})?$"
)
_PREFETCH = re.compile(r"prefetch|preview|prerender", re.IGNORECASE)


class Headers(Protocol):
    """The request's headers, names in lower case."""

    def get(self, key: str) -> str | None:
        """The first value of a header."""


def header(headers: Headers, name: str) -> str:
    """A header's value, empty when there is none or it is not text."""
    try:
        return headers.get(name) or ""
    except (ValueError, RuntimeError):  # bytes that are no text
        return ""


def read_contact(query: str) -> tuple[str, bool]:
    """The contact reference in `k=`, and whether a mailer left its merge tag as it was.

    A plus stays a plus: mailers write references as they are, and some are e-mail addresses. What cannot
    be a reference (too long, not text) is an unknown contact, an empty text.
    """
    for part in query.split("&"):
        name, _, raw = part.partition("=")
        if name == "k":
            break
    else:
        return "", False
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeError:
        text = "\0"
    if _UNRENDERED.search(raw) or (text != raw and _UNRENDERED.search(text)):
        return "", True
    return (text if len(text) <= MAX_CONTACT and text.isprintable() else ""), False


def read_signals(method: str, headers: Headers, *, unrendered: bool) -> Signal:
    """What bears on the verdict, as far as it can be seen without looking anything up."""
    signals = Signal.UNRENDERED if unrendered else Signal(0)
    if method == "HEAD":
        signals |= Signal.HEAD
    for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"):
        if _PREFETCH.search(header(headers, name)):
            signals |= Signal.PREFETCH
    if header(headers, "sec-gpc") == "1":
        signals |= Signal.PRIVACY
    if not header(headers, "user-agent").strip():
        signals |= Signal.NO_AGENT
    return signals


def read_agent(headers: Headers) -> str:
    """The user agent, cut to what is worth keeping."""
    return header(headers, "user-agent")[:MAX_AGENT].encode(errors="replace").decode()


def read_host(authority: str | None, headers: Headers) -> str:
    """The host that was asked for, in lower case and without its port."""
    host = (authority or header(headers, "host")).strip().lower()
    return host.rpartition(":")[0] if re.search(r":\d+$", host) else host


def read_cookie(headers: Headers, name: str) -> str:
    """The value of a cookie, empty when there is none; a header of more than 4 kB is not ours."""
    text = header(headers, "cookie")
    if len(text) > MAX_COOKIE_HEADER:
        return ""
    for part in text.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


def open_click(sealer: ClickSealer, emp_id: int, *tokens: str) -> str:
    """The first of these click tokens that opens and is of this account, else an empty text."""
    for token in tokens:
        try:
            click: Click = sealer.open(token)
        except BadClickToken:
            continue
        if click.emp_id == emp_id:
            return token
    return ""
