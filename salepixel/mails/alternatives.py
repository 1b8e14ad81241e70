"""An e-mail that is given as HTML and text: kept as one message, so that both have the same links."""

import hashlib
from itertools import count

from salepixel.mails.charsets import encode_pasted
from salepixel.mails.mail import Kind, Mail, read_mail

_TYPES = {Kind.TEXT: "text/plain", Kind.HTML: "text/html"}


def mail_of(html: str, text: str) -> Mail:
    """The mail with this HTML, this text, or both as alternatives (RFC 2046, 5.1.4).

    Raises Invalid as `read_mail` does.
    """
    if not (html and text):
        return read_mail(encode_pasted(html or text), Kind.HTML if html else Kind.TEXT)
    given = [(kind, one.encode("utf-8", "replace")) for kind, one in ((Kind.TEXT, text), (Kind.HTML, html))]
    whole = b"\0".join(one for _, one in given)
    boundary = next(name for number in count() if (name := _boundary(whole, number)) not in whole)
    lines = [b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="%s"\r\n' % boundary]
    for kind, one in given:
        head = f"Content-Type: {_TYPES[kind]}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        lines.append(b"\r\n--%s\r\n%s\r\n%s" % (boundary, head.encode(), one))
    lines.append(b"\r\n--%s--\r\n" % boundary)
    return read_mail(b"".join(lines), Kind.MESSAGE)


def texts_of(body: bytes, kind: Kind) -> dict[Kind, str]:
    """The HTML and the text of a mail, each as far as it has one."""
    return {part.kind: part.text for part in reversed(read_mail(body, kind).parts)}


def _boundary(whole: bytes, number: int) -> bytes:
    return b"part-" + hashlib.blake2b(whole, digest_size=12, salt=str(number).encode()).hexdigest().encode()
