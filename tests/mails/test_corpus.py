"""Mails as platforms and builders write them: each link is found, and nothing but addresses changes."""

import re
from email import message_from_bytes
from email.message import Message
from email.policy import default
from html import unescape
from html.parser import HTMLParser

import pytest

from salepixel.mails.mail import Kind, Mail, read_mail
from salepixel.mails.proposals import propose
from salepixel.mails.rewrite import Place, place_of, rewrite, undo
from tests.mails.corpus import CORPUS, FOLDER, Written

STARTS = ["https://track.shop.test/c/"]
TRACKED = re.compile(r"https://track\.shop\.test/c/T(\d+)\?k=\{\{ contact\.ID \}\}")
IDS = [one.name for one in CORPUS]
PAGES = [one for one in CORPUS if not one.name.endswith(".eml")]
MESSAGES = [one for one in CORPUS if one.name.endswith(".eml")]

every_mail = pytest.mark.parametrize("written", CORPUS, ids=IDS)


def tracked_places(mail: Mail) -> dict[Place, str]:
    """A tracked address for each link that can have one."""
    places = [
        place_of(number, link)
        for number, link in mail.links()
        if propose(link, (), lambda one: one.startswith(tuple(STARTS)), "spx").destination
    ]
    return {place: f"{STARTS[0]}T{order}?k={{{{ contact.ID }}}}" for order, place in enumerate(places)}


def track(mail: Mail) -> tuple[bytes, dict[str, list[str]]]:
    """The mail with all its trackable links tracked, and what stood in their places."""
    tracked = tracked_places(mail)
    own = {place_of(number, link): link.raw for number, link in mail.links()}
    return rewrite(mail, tracked), {address: [own[place]] for place, address in tracked.items()}


def replaced(before: str, after: str) -> list[str]:
    """What of `before` has a tracked address in `after`, if everything else is the same."""
    pieces = re.split(rf"(?:\"{TRACKED.pattern}\"|'{TRACKED.pattern}'|{TRACKED.pattern})", after)[::4]
    found = re.fullmatch("([^<>]{1,200}?)".join(map(re.escape, pieces)), before, re.DOTALL)
    assert found is not None, "something else has changed"
    return list(found.groups())


def as_address(raw: str) -> str:
    """An address as a person reads it in the source."""
    return re.sub(r"[\t\r\n]", "", raw[1:-1] if raw[0] in "\"'" else raw).strip()


def leaves(raw: bytes) -> list[Message]:
    """All parts of a message that have no parts, as the standard library reads them."""
    start = re.sub(rb"^(?:\xef\xbb\xbf|From [^\n]*\n)", b"", raw)
    start = re.sub(rb"(?i)(transfer-encoding:)\n +", rb"\1 ", start)  # the library does not read a folded one
    return [part for part in message_from_bytes(start, policy=default).walk() if not part.is_multipart()]


def decoded(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def test_the_corpus_has_all_its_files() -> None:
    assert sorted(IDS) == sorted(path.name for path in FOLDER.iterdir() if path.name != "index.json")
    assert len(CORPUS) >= 40


@every_mail
def test_exactly_the_links_that_a_person_counted_are_found(written: Written) -> None:
    mail = read_mail(written.raw)
    assert [link.address for _, link in mail.links()] == written.addresses
    places = tracked_places(mail)
    assert [
        link.address for number, link in mail.links() if place_of(number, link) in places
    ] == written.trackable


@pytest.mark.parametrize("written", PAGES, ids=lambda one: one.name)
def test_a_page_or_text_changes_in_its_addresses_only(written: Written) -> None:
    raw = written.raw
    rewritten, _ = track(read_mail(raw))
    before, after = raw.decode(written.charset), rewritten.decode(written.charset)
    own = replaced(before, after)
    escaped = unescape if written.name.endswith(".html") and written.name != "entities.html" else str
    if written.name not in ("entities.html", "ses.html"):  # the library reads "&copy=3" as a sign
        assert [as_address(escaped(one)) for one in own] == written.trackable
    assert len(own) == len(written.trackable)
    assert [int(number) for number in re.findall(TRACKED, after)] == list(range(len(own)))


@pytest.mark.parametrize("written", MESSAGES, ids=lambda one: one.name)
def test_a_message_keeps_its_headers_and_other_parts(written: Written) -> None:
    raw = written.raw
    rewritten, _ = track(read_mail(raw))
    own = []
    for before, after in zip(leaves(raw), leaves(rewritten), strict=True):
        assert before.items() == after.items()
        if after.get_content_maintype() == "text" and TRACKED.search(decoded(after).decode(written.charset)):
            one = replaced(decoded(before).decode(written.charset), decoded(after).decode(written.charset))
            own += [as_address(unescape(found)) for found in one]
        else:
            assert before.get_payload() == after.get_payload()
    assert own == written.trackable
    assert re.split(rb"\r?\n\r?\n", rewritten)[0] == re.split(rb"\r?\n\r?\n", raw)[0]
    assert max(map(len, rewritten.splitlines())) <= max(300, *map(len, raw.splitlines()))


@every_mail
def test_it_can_be_undone(written: Written) -> None:
    mail = read_mail(written.raw)
    rewritten, originals = track(mail)
    again = read_mail(rewritten)
    assert [part.charset for part in again.parts] == [part.charset for part in mail.parts]
    back = undo(again, originals, mail.charsets())
    if b"quoted-printable" in written.raw:  # a soft line break in an address is not written again
        assert re.sub(rb"=\r?\n", b"", back) == re.sub(rb"=\r?\n", b"", written.raw)
    else:
        assert back == written.raw


@every_mail
def test_a_tracked_mail_is_not_tracked_again(written: Written) -> None:
    rewritten, _ = track(read_mail(written.raw))
    again = read_mail(rewritten)
    assert tracked_places(again) == {}
    assert rewrite(again, {}) == rewritten


class Library(HTMLParser):
    """The links as the standard library reads them; it skips comments, so those with conditions are fed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(reversed(attrs)).get("href")
        if href and (tag in ("a", "area") or tag.startswith("v:")):
            self.found.append(re.sub(r"[\t\r\n]", "", href).strip())

    def handle_comment(self, data: str) -> None:
        if re.match(r"\[if [^\]]*\]>", data):
            inner = Library()
            inner.feed(data.partition(">")[2])
            self.found += inner.found


PLAIN = [
    *("bom-utf8", "crlf-single", "foundation", "image-map", "mjml", "vml-buttons", "mdirector", "acumbamail"),
    *(
        "utf-16le",
        "utf-16be",
        "utf-16-no-mark",
        "windows-1252",
        "undeclared-1252",
        "iso-2022-jp",
        "shift-jis",
    ),
]


@pytest.mark.parametrize("name", PLAIN)
def test_the_standard_library_finds_the_same_links(name: str) -> None:
    written = next(one for one in CORPUS if one.name == f"{name}.html")
    library = Library()
    library.feed(written.raw.decode(written.charset).removeprefix("\ufeff"))
    assert library.found == [link.address for _, link in read_mail(written.raw).links()]


def test_a_mail_of_two_megabytes_changes_in_its_addresses_only() -> None:
    condition = '{% if a > b %}class="x"{% endif %}'
    link = '<a href="https://shop.test/{}?a=1&amp;b=2">Buy</a>'
    rows = [f"<tr {condition}><td>A&ntilde;o {link.format(number)}</td></tr>\r\n" for number in range(400)]
    filler = "<!-- a comment -->\r\n<p style='margin:0'>" + "x " * 2500 + "</p>\r\n"
    raw = ("\ufeff<html>" + filler.join(rows) + "</html>").encode()
    assert len(raw) > 2_000_000
    mail = read_mail(raw)
    assert mail.kind is Kind.HTML
    rewritten, originals = track(mail)
    for order in range(400):
        own = f'"https://shop.test/{order}?a=1&amp;b=2"'
        assert originals[f"{STARTS[0]}T{order}?k={{{{ contact.ID }}}}"] == [own]
    places = [f'"{STARTS[0]}T{order}?k={{{{ contact.ID }}}}"' for order in range(400)]
    pieces = re.split(r'"https://shop\.test/\d+\?a=1&amp;b=2"', raw.decode())
    assert rewritten.decode() == "".join(
        piece + address for piece, address in zip(pieces, [*places, ""], strict=True)
    )
    assert undo(read_mail(rewritten), originals, mail.charsets()) == raw
