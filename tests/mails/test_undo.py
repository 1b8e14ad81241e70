"""Undoing: the stored original byte by byte, edits stay, and tokens alone suffice."""

import quopri
from datetime import UTC, datetime

import pytest

from salepixel.accounts.declined import Invalid
from salepixel.accounts.principal import FULL, INSTALLATION, Principal
from salepixel.accounts.use_cases import create_account
from salepixel.campaigns.links import Link, LinkSealer, tracked_url
from salepixel.keys import Keys
from salepixel.mails import use_cases
from salepixel.mails.mail import read_mail
from salepixel.mails.view import Tracking
from salepixel.storage.database import Database

NOW = datetime(2026, 11, 28, tzinfo=UTC)
KEYS = Keys(1, {1: b"k" * 32})
TRACKING = Tracking(LinkSealer(KEYS), "https://edge.test", "spx")
BODY = "<p>caf\u00e9 <a href='https://shop.test/a-long-address-that-has-its-own-line?a=1&amp;b=2'>A</a>\r\n"
HTML = (BODY + "<a href=https://shop.test/2>B</a>").encode()
HEAD = b"From: a\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
QUOTED = HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quopri.encodestring(HTML)


def track(database: Database, raw: bytes) -> bytes:
    mail = read_mail(raw)
    with database.write() as connection:
        values = {"emp_id": 7, "name": "n", "currency": "EUR", "site": "shop.test"}
        create_account(connection, INSTALLATION, KEYS, values, NOW)
        view = use_cases.add_mail(connection, INSTALLATION, TRACKING, 7, "n", "plain", None, mail, NOW)
        view = use_cases.make_campaign(connection, INSTALLATION, TRACKING, view, NOW)
        return use_cases.tracked_mail(connection, INSTALLATION, TRACKING, view.stored.id)[1]


def undone(database: Database, raw: bytes, tracking: Tracking = TRACKING) -> bytes:
    with database.read() as connection:
        return use_cases.undo_mail(connection, INSTALLATION, tracking, read_mail(raw))


@pytest.mark.parametrize("raw", [HTML, QUOTED], ids=["html", "quoted-printable"])
def test_what_was_not_changed_since_comes_back_byte_by_byte(sqlite: Database, raw: bytes) -> None:
    tracked = track(sqlite, raw)
    assert tracked != raw
    assert undone(sqlite, tracked) == raw
    # Another tracking host: the addresses in the mail count.
    moved = tracked.replace(b"https://edge.test", b"https://edgy.test")
    assert undone(sqlite, moved) == raw


def test_edits_stay_and_the_links_are_the_original_ones(sqlite: Database) -> None:
    edited = track(sqlite, HTML).replace("caf\u00e9".encode(), b"tea").replace(b"{contact}", b"ana")
    assert undone(sqlite, edited) == HTML.replace("caf\u00e9".encode(), b"tea")


def test_links_of_a_campaign_without_a_mail_get_the_destination_of_their_token(sqlite: Database) -> None:
    token = TRACKING.sealer.seal(Link(7, "a" * 12, "b" * 12, "https://shop.test/?a=1&b=2"))
    address = tracked_url("https://edge.test", token, "{contact}").encode()
    raw = b"<a href='%s'>x</a> <a href=\"%s\">y</a>" % (address, address)
    own = b"https://shop.test/?a=1&amp;b=2"
    assert undone(sqlite, raw) == b"<a href='%s'>x</a> <a href=\"%s\">y</a>" % (own, own)


def test_a_stranger_gets_nothing(sqlite: Database) -> None:
    tracked = track(sqlite, HTML)
    stranger = Principal({8: FULL}, "hats")
    with sqlite.read() as connection, pytest.raises(Invalid, match="mail_not_tracked"):
        use_cases.undo_mail(connection, stranger, TRACKING, read_mail(tracked))


def test_a_tracked_mail_that_is_tracked_again_does_not_change(sqlite: Database) -> None:
    tracked = track(sqlite, QUOTED)
    mail = read_mail(tracked)
    with sqlite.write() as connection:
        view = use_cases.add_mail(connection, INSTALLATION, TRACKING, 7, "n", "plain", None, mail, NOW)
        assert view.groups() == []
        assert view.rewritten({}) == tracked
