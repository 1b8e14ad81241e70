"""Files with bytes of two encodings: a tracked mail is read as the original was."""

import codecs

import pytest

from salepixel.accounts.declined import Invalid
from salepixel.mails.mail import Kind, read_mail
from salepixel.mails.rewrite import place_of, rewrite, undo

TRACKED = "https://track.shop.test/c/T?k={{ contact.ID }}"
ADDRESS = b"<a href='https://shop.test/\xe9'>x</a>"
UTF_8 = "\u00e9".encode()


@pytest.mark.parametrize(
    ("raw", "others"),
    [
        (b"<p>" + UTF_8 + ADDRESS + b"<a href='mailto:" + UTF_8 + b"@x'>y</a>", ["mailto:\u00e9@x"]),
        (ADDRESS + b"<a href='mailto:" + UTF_8 + b"@x'>y</a>", ["mailto:\u00e9@x"]),
        (b"<p>" + UTF_8 + ADDRESS + b"<a href='mailto:\xf1@x'>y</a>", ["mailto:\u00f1@x"]),
        (b"<p>\xf1" + ADDRESS + b"<a href='mailto:" + UTF_8 + b"@x'>y</a>", ["mailto:\u00c3\u00a9@x"]),
        (b"<meta charset=koi8-r>" + ADDRESS + b"<a href='mailto:\xc1@x'>y</a>", ["mailto:\u0430@x"]),
        (b"<meta charset=shift_jis><p>\x83\x5c" + ADDRESS + b"<a href='mailto:\x83\x5c@x'>y</a>", None),
    ],
)
def test_foreign_bytes_in_a_replaced_address_do_not_change_the_reading(
    raw: bytes, others: list[str] | None
) -> None:
    mail = read_mail(raw, Kind.HTML)
    first, *rest = mail.links()
    after = read_mail(rewrite(mail, {place_of(*first): TRACKED}), Kind.HTML)
    assert [link.address for _, link in after.links()] == [TRACKED, *(link.address for _, link in rest)]
    if others is not None:
        assert [link.address for _, link in rest] == others
    assert undo(after, {TRACKED: [first[1].raw]}, mail.charsets()) == raw


def test_an_address_in_another_encoding_is_read_as_browsers_of_old_mails_do() -> None:
    (_, link), _ = read_mail(b"<p>" + UTF_8 + ADDRESS * 2, Kind.HTML).links()
    assert link.address == "https://shop.test/\u00e9"
    assert "\udce9" not in link.text + link.address


@pytest.mark.parametrize("declared", [b"", b"<meta charset=iso-2022-jp>"])
def test_an_escape_that_no_encoding_has_is_read_the_same_after_rewriting(declared: bytes) -> None:
    """Python reads such an escape in ISO-2022-JP or not, by the bytes that follow. Found by fuzzing."""
    raw = declared + b'\x1b<a href="https://shop.test/1">x</a>\x1b$B!!\x1b(B'
    mail = read_mail(raw, Kind.HTML)
    (link,) = mail.links()
    after = read_mail(rewrite(mail, {place_of(*link): TRACKED}), Kind.HTML)
    assert after.charsets() == mail.charsets()
    assert undo(after, {TRACKED: [link[1].raw]}, mail.charsets()) == raw
    japanese = read_mail(b'<a href="https://shop.test/1">\x1b$B!!\x1b(B</a>', Kind.HTML)
    assert japanese.charsets() == ["iso2022_jp"]


@pytest.mark.parametrize(
    "address", ["http://shop.test/\u00e9".encode(), "http://shop.test/\u00e9".encode("cp1252")]
)
def test_a_mail_in_iso_2022_jp_with_8_bit_bytes_in_an_address_is_refused(address: bytes) -> None:
    """The text was read in UTF-8, and in ISO-2022-JP once the address was replaced. Found by fuzzing."""
    with pytest.raises(Invalid, match="mail_binary"):
        read_mail(b"\x1b$BP&\x1b(B:" + address, Kind.TEXT)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_mail_with_the_mark_of_utf_16_before_other_bytes_is_refused(mark: bytes) -> None:
    """It was read in UTF-16 or not by whether its bytes were even in number. Found by fuzzing."""
    with pytest.raises(Invalid, match="mail_binary"):
        read_mail(mark + b"see https://shop.test/1", Kind.TEXT)
