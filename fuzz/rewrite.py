"""Any mail is read to its end, rewritten in its addresses only, undone, and not tracked a second time."""

import base64
import quopri

from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.declined import Invalid
from salepixel.mails.mail import Mail, read_mail
from salepixel.mails.proposals import propose
from salepixel.mails.rewrite import Place, place_of, rewrite, undo

_START = "https://track.shop.test/c/"
_TAGS = [
    "<a ",
    "<A\r\n",
    "<area ",
    "<v:rect ",
    "<base ",
    ">",
    "/>",
    "</a>",
    "<p title=",
    "<script>",
    "</script>",
]
_COMMENTS = ["<!--", "-->", "<!--[if mso]>", "<![endif]-->", "<!-->", "<![if !mso]>"]
_TEMPLATES = ["{{", "}}", "{%", "%}", "*|", "|*", "%%[", "]%%", "%%=", "=%%", "[[", "]]", "<%", "%>", "%%"]
_VALUES = ["href=", " href = ", '"', "'", "=", "&amp;", "&#38;", "&", "&#", "\ufeff", "\n", "\r\n", " ", "<"]
_ADDRESSES = [
    "https://shop.test/p?a=1&amp;b=2",
    "http://shop.test/\u00e9",
    "//x",
    "#",
    "@TrackLink",
    f"{_START}A?k=1",
]
_WHOLE = [
    '<a href="https://shop.test/1">x</a>',
    "<a href='https://shop.test/2?a&amp;b'>\u00f1</a>",
    "<a href=https://shop.test/3>",
]
_PIECES = st.sampled_from(_TAGS + _COMMENTS + _TEMPLATES + _VALUES + _ADDRESSES + _WHOLE * 5)
_TEXTS = st.lists(_PIECES | st.text(st.characters(codec="utf-8"), max_size=5), max_size=40).map("".join)
_CHARSETS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "windows-1252", "iso-2022-jp", "shift_jis", "utf-7"]


@st.composite
def _files(draw: st.DrawFn) -> bytes:
    charset = draw(st.sampled_from(_CHARSETS))
    body = draw(_TEXTS).encode(charset, "replace")
    if draw(st.booleans()):  # as in a mail that several people pasted together
        body += draw(_TEXTS).encode(draw(st.sampled_from(["utf-8", "windows-1252"])), "replace")
    transfer = draw(st.sampled_from(["", "", "8bit", "quoted-printable", "base64"]))
    if not transfer:
        return body
    if transfer != "8bit":
        body = quopri.encodestring(body) if transfer == "quoted-printable" else base64.encodebytes(body)
    kind = draw(st.sampled_from(["text/html", "text/plain", "text/x-amp-html"]))
    declared = draw(st.sampled_from([charset, "", "us-ascii", "unknown", "punycode"]))
    head = f"Content-Type: {kind}; charset={declared}\nContent-Transfer-Encoding: {transfer}\n\n".encode()
    if draw(st.booleans()):
        return b"From: a\nMIME-Version: 1.0\n" + head + body
    start = b"From: a\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
    return (
        start + head + body + b"\n--b\n" + head + body + draw(st.sampled_from([b"\n--b--\n", b"\n--b", b""]))
    )


def _places(mail: Mail) -> dict[Place, str]:
    places = [
        place_of(number, link)
        for number, link in mail.links()
        if propose(link, ("shop.test",), lambda address: address.startswith(_START), "spx").destination
    ]
    return {place: f"{_START}T{order}?k={{{{ contact.ID }}}}" for order, place in enumerate(places)}


def _outside(mail: Mail) -> list[list[str]]:
    """What stands between the addresses, in each part."""
    pieces = []
    for part in mail.parts:
        ends = [0, *(link.end for link in part.links)]
        starts = [*(link.start for link in part.links), len(part.text)]
        pieces.append([part.text[end:start] for end, start in zip(ends, starts, strict=True)])
    return pieces


@given(_files())
def check_any_mail(raw: bytes) -> None:
    """Check that any bytes are refused with a reason, or follow all rules of a mail."""
    try:
        mail = read_mail(raw)
    except Invalid:
        return
    assert rewrite(mail, {}) == raw
    tracked, own = _places(mail), {place_of(number, link): link.raw for number, link in mail.links()}
    after = read_mail(rewrite(mail, tracked), mail.kind)
    assert [link.address for _, link in after.links()] == [
        tracked.get(place_of(number, link), link.address) for number, link in mail.links()
    ]
    assert _outside(after) == _outside(mail)
    assert _places(after) == {}
    back = read_mail(
        undo(after, {tracked[place]: [own[place]] for place in tracked}, mail.charsets()), mail.kind
    )
    assert [part.text for part in back.parts] == [part.text for part in mail.parts]
    if b"\n\n" not in raw:
        assert back.raw == raw
