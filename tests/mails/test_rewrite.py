"""Rules of rewriting: only the bytes of addresses change, and they can be changed back."""

import base64
import quopri
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.declined import Invalid
from salepixel.mails.mail import Kind, Mail, read_mail
from salepixel.mails.rewrite import place_of, rewrite, undo

HTML = """<!DOCTYPE html>\r
<html><head><meta charset="{charset}"><style>a {{ color: red }}</style></head><body>\r
<p>Caf\u00e9, {{{{ name }}}}: <a href='https://shop.test/p?a=1&amp;b=2'>caf\u00e9</a>\r
<!--[if mso]><v:roundrect href="https://shop.test/p?a=1&amp;b=2">Buy</v:roundrect><![endif]-->\r
<a href=https://shop.test/bare>x</a> <a href="{{{{ unsubscribe }}}}">Out</a></body></html>\r
"""


def tracked_url(number: int) -> str:
    return f"https://track.shop.test/c/T{number}?k={{{{ contact.ID }}}}"


def all_tracked(mail: Mail) -> tuple[bytes, dict[str, list[str]]]:
    """The mail with each web address tracked, and what stood in their places."""
    tracked, originals = {}, dict[str, list[str]]()
    for order, (number, link) in enumerate(mail.links()):
        if link.address.startswith("http"):
            tracked[place_of(number, link)] = tracked_url(order)
            originals[tracked_url(order)] = [link.raw]
    return rewrite(mail, tracked), originals


UNICODE = [("utf-8", ""), ("utf-8", "\ufeff"), ("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff")]
OTHERS = [("windows-1252", ""), ("iso-8859-15", ""), ("shift_jis", ""), ("gb18030", "")]


@pytest.mark.parametrize(("charset", "mark"), [*UNICODE, *OTHERS])
def test_only_addresses_change_in_any_encoding(charset: str, mark: str) -> None:
    text = mark + HTML.format(charset=charset).replace(
        "\u00e9", "\u8868" if charset == "shift_jis" else "\u00e9"
    )
    raw = text.encode(charset)
    rewritten, originals = all_tracked(read_mail(raw))
    expected = text
    for address, (own,) in originals.items():
        quote = "'" if own[0] == "'" else '"'
        expected = expected.replace(own, f"{quote}{address}{quote}", 1)
    assert rewritten == expected.encode(charset)
    assert len(originals) == 3
    assert undo(read_mail(rewritten), originals, read_mail(raw).charsets()) == raw


def message(html: str, transfer: str, text: str = "Hola: https://shop.test/t\n") -> bytes:
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = "shop@shop.test", "you@mail.test", "Caf\u00e9"
    mail.set_content(text, cte=transfer)
    mail.add_alternative(html, subtype="html", cte=transfer)
    mail.add_attachment(
        b"<a href='https://shop.test/no'>", maintype="text", subtype="html", filename="a.html"
    )
    return mail.as_bytes()


@pytest.mark.parametrize("transfer", ["8bit", "quoted-printable", "base64"])
def test_a_message_keeps_its_other_parts_and_lines(transfer: str) -> None:
    raw = message(HTML.format(charset="utf-8"), transfer)
    mail = read_mail(raw)
    assert (mail.kind, [part.kind for part in mail.parts]) == (Kind.MESSAGE, [Kind.TEXT, Kind.HTML])
    rewritten, originals = all_tracked(mail)
    assert len(originals) == 4
    after = message_from_bytes(rewritten, policy=policy.default)
    plain, html = after.get_body(("plain",)), after.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert tracked_url(0) in plain.get_content()
    for order in (1, 2, 3):
        assert tracked_url(order) in html.get_content()
    if transfer != "8bit":
        assert max(map(len, rewritten.splitlines())) <= max(map(len, raw.splitlines()))
    assert message_from_bytes(rewritten)["Subject"] == message_from_bytes(raw)["Subject"]
    again = message_from_bytes(undo(read_mail(rewritten), originals, mail.charsets()), policy=policy.default)
    before = message_from_bytes(raw, policy=policy.default)
    for kind in ("plain", "html"):
        ours, theirs = again.get_body((kind,)), before.get_body((kind,))
        assert ours is not None
        assert theirs is not None
        assert ours.get_payload(decode=True) == theirs.get_payload(decode=True)


def test_letters_that_stand_in_addresses_only_are_undone() -> None:
    raw = "<a href='https://shop.test/\u00e9'>x</a>".encode("windows-1252")
    rewritten, originals = all_tracked(read_mail(raw))
    assert undo(read_mail(rewritten), originals, read_mail(raw).charsets()) == raw


def test_a_mail_without_changes_is_the_same() -> None:
    for transfer in ("8bit", "quoted-printable", "base64"):
        raw = message(HTML.format(charset="utf-8"), transfer)
        assert rewrite(read_mail(raw), {}) == raw


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300), st.integers(1, 60))
def test_quoted_printable_is_read_as_the_library_reads_it(text: str, width: int) -> None:
    raw = quopri.encodestring(text.encode())
    head = b"From: a\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    mail = read_mail(head + b"Content-Transfer-Encoding: quoted-printable\n\n" + raw, Kind.MESSAGE)
    assert mail.parts[0].text.encode() == quopri.decodestring(raw)


ATTRIBUTES = st.sampled_from(["href=", "HREF = ", "class=x href=", "id='y' href="])
ADDRESSES = st.sampled_from(
    [
        "https://shop.test/p?a=1&amp;b=2",
        "https://shop.test/\u00e9",
        "mailto:a@b.test",
        "{{ url }}",
        "#top",
        "",
    ]
)
QUOTES = st.sampled_from(["'", '"', ""])


@st.composite
def mails(draw: st.DrawFn) -> str:
    pieces = []
    for _ in range(draw(st.integers(0, 6))):
        address, quote = draw(ADDRESSES), draw(QUOTES)
        pieces.append(draw(st.text("<>a\u00e9{%}*|\"'& \r\n-!", max_size=12)))
        pieces.append(f"<a {draw(ATTRIBUTES)}{quote}{address}{quote}>x</a>")
    return "".join(pieces)


@given(mails(), st.sampled_from(["", "quoted-printable", "base64"]))
def test_what_was_rewritten_can_be_undone(html: str, transfer: str) -> None:
    body = html.encode()
    encoded = {
        "": body,
        "quoted-printable": quopri.encodestring(body),
        "base64": base64.encodebytes(body),
    }[transfer]
    head = f"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: {transfer}\n\n"
    mail = read_mail(head.encode() + encoded, Kind.MESSAGE)
    rewritten, originals = all_tracked(mail)
    again = read_mail(rewritten, Kind.MESSAGE)
    assert [link.address for _, link in again.links()] == [
        tracked_url(order) if link.address.startswith("http") else link.address
        for order, (_, link) in enumerate(mail.links())
    ]
    assert (
        read_mail(undo(again, originals, mail.charsets()), Kind.MESSAGE).parts[0].text.encode()
        == mail.parts[0].text.encode()
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b" \r\n", "empty"),
        (b"%PDF-1.7 ...", "pdf"),
        (b"PK\x03\x04...", "zip"),
        (b"\x89PNG\r\n", "picture"),
        (b"a\0b", "binary"),
        (b"x" * 3_000_001, "too_large"),
        (b"From: a\nContent-Type: image/png\n\nabc", "no_text"),
    ],
)
def test_a_file_that_is_no_mail_is_named(raw: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=f"^mail_{reason}$"):
        read_mail(raw)
