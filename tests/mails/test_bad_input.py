"""What unlucky people and enemies paste: an answer by name, in linear time, and nothing half-made."""

import pytest

from salepixel.accounts.declined import Invalid
from salepixel.mails.charsets import encode_pasted
from salepixel.mails.found import FoundLink
from salepixel.mails.mail import Kind, read_mail
from salepixel.mails.proposals import Use, Why, label_of, propose

LINK = b"<a href='https://shop.test/'>x</a>"
MESSAGE = b"From: a\nMIME-Version: 1.0\n"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{\\rtf1 https://shop.test/}", "office"),
        (LINK + b"\0", "binary"),
        (MESSAGE + b"Content-Type: text/html\n\n\0" + LINK, "damaged"),
        (MESSAGE + b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n*!*", "damaged"),
        (MESSAGE + b"Content-Type: text/html\nContent-Transfer-Encoding: uuencode\n\n" + LINK, "damaged"),
        (MESSAGE + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 300, "too_many_parts"),
        (
            MESSAGE
            + b"".join(
                b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(20)
            ),
            "too_many_parts",
        ),
        (b"\xef\xbb\xbf \r\n%PDF-1.7 <a href=x>", "pdf"),
        (b"<p>" + b"x" * 10_000_000, "too_large"),
        (b"ref;email;consent\r\nc1;a@b.test;1\r\nc2;https://shop.test/;1\r\n", "table"),
        ("ref,email,consent\nc1,a@b.test,1\nc2,c@d.test,0".encode("utf-16"), "table"),
        (MESSAGE + b"Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nabc", "signed"),
        (
            MESSAGE
            + b"Content-Type: multipart/signed; boundary=b\n\n--b\nContent-Type: text/html\n\n"
            + LINK
            + b"\n--b--\n",
            "signed",
        ),
        (MESSAGE + b"Content-Type: message/rfc822\n\nContent-Type: text/html\n\n" + LINK, "no_text"),
    ],
)
def test_a_mail_that_cannot_be_read_whole_is_named(raw: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=f"^mail_{reason}$"):
        read_mail(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"<!--[if mso]>" * 20_000 + LINK,
        b"<a href='https://shop.test/&#" + b"1" * 5000 + b";'>x</a>",
        b"https://shop.test/" + b")" * 100_000,
        b"<a href='https://shop.test/" + b"{{" * 50_000 + b"'>x</a>",
        MESSAGE + b"Content-Type: text/html; charset=punycode\n\n" + LINK + b"a-b" * 50_000,
    ],
    ids=["nested conditions", "long number", "brackets", "opening marks", "encoding of host names"],
)
def test_a_hostile_mail_has_its_one_link(raw: bytes) -> None:
    mail = read_mail(raw)
    assert len(mail.links()) == 1
    proposal = propose(mail.links()[0][1], ("shop.test",), lambda _: False, "spx")
    assert bool(proposal.destination) or proposal.use is Use.LEFT


def test_a_long_address_in_a_text_is_one_link_and_is_left() -> None:
    ((_, link),) = read_mail(b"https://shop.test/" + b"a" * 5000 + b" end").links()
    assert len(link.raw) == 5018
    assert propose(link, ("shop.test",), lambda _: False, "spx").why is Why.INVALID


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ('<meta charset="windows-1252"><p>caf\u00e9', "windows-1252"),
        ('<meta charset="iso-8859-1"><p>\u201ccaf\u00e9\u201d', "windows-1252"),
        ('<meta charset="windows-1252"><p>\u8336', "utf-8"),
        ('<meta charset="utf-16"><p>caf\u00e9', "utf-8"),
        ("<p>caf\u00e9", "utf-8"),
    ],
)
def test_a_pasted_text_is_read_as_it_was_pasted(text: str, charset: str) -> None:
    raw = encode_pasted(text)
    assert raw == text.encode(charset)
    assert read_mail(raw, Kind.HTML).parts[0].text == text


def test_half_a_surrogate_pair_does_no_harm() -> None:
    assert encode_pasted("<p>\ud83d") == b"<p>?"


def test_a_wrongly_declared_encoding_damages_no_label() -> None:
    raw = MESSAGE + b"Content-Type: text/html; charset=us-ascii\n\n"
    link = "<a href='https://shop.test/'>caf\u00e9</a>"
    for charset in ("utf-8", "windows-1252"):
        assert read_mail(raw + link.encode(charset)).links()[0][1].text == "caf\u00e9"


def test_a_plain_greeting_is_not_taken_for_headers() -> None:
    raw = b"Web: https://shop.test/1\nOffer: 10\n\nSee https://shop.test/2\n"
    mail = read_mail(raw)
    assert (mail.kind, len(mail.links())) == (Kind.TEXT, 2)


def test_a_label_can_be_stored() -> None:
    link = FoundLink(0, 1, "x", "https://shop.test/", "a", "a\x01b\u202e c")
    assert label_of(link) == "ab c"


@pytest.mark.parametrize(
    "text", [b"Dear Ana, Bo, and Cy,\nsee https://shop.test/\n", b"a, b\nc, d\ne, f\n", b"Hello\n\n\n"]
)
def test_a_letter_is_not_taken_for_a_table(text: bytes) -> None:
    assert read_mail(text).kind is Kind.TEXT
