"""Warnings before a mail is sent."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from salepixel.accounts.store import Account
from salepixel.campaigns.links import Link, LinkSealer, tracked_url
from salepixel.campaigns.utm import Utm
from salepixel.keys import Keys
from salepixel.mails.cautions import GMAIL_BYTES, Risk, cautions_of, sizes_of
from salepixel.mails.mail import Kind, read_mail
from salepixel.mails.proposals import Use
from salepixel.mails.store import Choice, StoredMail
from salepixel.mails.view import MailView, Tracking, label_of_group, proposals_of, view_of

NOW = datetime(2026, 11, 28, tzinfo=UTC)
TRACKING = Tracking(LinkSealer(Keys(1, {1: b"k" * 32})), "https://track.shop.test", "spx")
LINK = '<a href="https://shop.test/{}">Buy</a>'


def view(text: str, utm: str = "", **more: Any) -> MailView:
    mail = read_mail(text.encode(), Kind.HTML)
    account = Account(7, "Shoes", "EUR", NOW, site="shop.test", tracking_host="track.shop.test", utm=utm)
    found = proposals_of(mail, account, TRACKING)
    choices = {place: Choice(one.use, one.label) for place, one in found.items()}
    stored = StoredMail("0" * 12, 7, "Autumn", "plain", "{contact}", Kind.HTML, mail.raw, NOW, NOW, **more)
    return view_of(stored, mail, account, found, choices, None)


def risks(text: str, problem: str = "") -> dict[Risk, Any]:
    return {one.risk: dict(one.words) for one in cautions_of(view(text), TRACKING, problem)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LINK.format("1"), {}),
        ("<p>", {Risk.NO_SALES_LINK: {"number": 1}}),
        (LINK.format("1") * 2, {Risk.REPEATED: {"number": 1}}),
        (LINK.format("1").replace("https", "http"), {Risk.NOT_SECURE: {"number": 1}}),
        (LINK.format("1") + LINK.format("{{ id }}"), {Risk.MERGE_TAGS: {"number": 1}}),
        (LINK.format("?mc_eid=1") + LINK.format("?a=1&amp;spx=2"), {Risk.OLD_TOKENS: {"number": 2}}),
        (LINK.format("#spx=2"), {}),
    ],
)
def test_each_risk_is_named_with_its_number(text: str, found: dict[Risk, Any]) -> None:
    assert risks(text) == found


def test_a_silent_tracking_host_is_named() -> None:
    words = {"host": "track.shop.test", "problem": "it cannot be reached"}
    assert risks(LINK.format("1"), "it cannot be reached") == {Risk.HOST_SILENT: words}


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "192.168.1.7", "nas.local"])
def test_a_host_that_only_this_network_can_open_is_not_called_silent(host: str) -> None:
    """The server does not ask such a host, so it does not know."""
    here = view(LINK.format("1"))
    local = replace(here, account=replace(here.account, tracking_host=""))
    found = cautions_of(local, replace(TRACKING, edge=f"http://{host}"), "it cannot be reached")
    assert {one.risk: dict(one.words) for one in found} == {Risk.HOST_LOCAL: {"host": host}}


def test_gmails_limit_is_compared_with_the_mail_before_and_after() -> None:
    many = "".join(LINK.format(n) for n in range(500))
    assert Risk.CLIPPED not in risks(many[: len(many) // 2])
    found = risks(many + "x" * (GMAIL_BYTES - len(many) - 1000))
    assert found[Risk.CLIPPED] == {"before": 102, "after": 146}
    assert found[Risk.CLIPPED]["before"] * 1024 <= GMAIL_BYTES


@pytest.mark.parametrize("utm", ["", Utm(campaign="{campaign}", content="{link}").as_text()])
def test_the_size_after_tracking_is_exact(utm: str) -> None:
    seen = view(LINK.format("\u00e9") + LINK.format("2") + "<a href=https://shop.test/3>x</a>", utm)
    links = [
        replace(one, choice=replace(one.choice, link_id=f"{n:012x}")) for n, one in enumerate(seen.links)
    ]
    led = seen.destinations()
    addresses = {
        str(one.choice.link_id): tracked_url(
            TRACKING.edge,
            TRACKING.sealer.seal(Link(7, "a" * 12, str(one.choice.link_id), led[one.id])),
            "{contact}",
        )
        for one in links
    }
    assert sizes_of(seen, TRACKING) == (
        len(seen.mail.raw),
        len(replace(seen, links=links).rewritten(addresses)),
    )


def test_a_link_of_another_tracking_host_is_not_tracked_again() -> None:
    token = TRACKING.sealer.seal(Link(7, "a" * 12, "b" * 12, "https://shop.test/"))
    text = f"<a href='https://old.shop.test/c/{token}?k=%7B'>x</a>"
    assert view(text).links[0].choice.use is Use.LEFT
    assert risks(LINK.format("1") + text) == {Risk.TRACKED_ALREADY: {"number": 1}}


def test_links_that_are_one_in_the_report_have_all_their_labels() -> None:
    link = LINK.format("1")
    text = link + "<a href='https://shop.test/1'>Cup</a>" + link
    (group,) = view(text).groups()
    assert label_of_group(group) == "Buy \u00b7 Cup"
    named = [*group[:2], replace(group[2], choice=Choice(Use.SALES, "Hero"))]
    assert label_of_group(named) == "Hero"
    assert [len(one) for one in view(text, merged=False).groups()] == [1, 1, 1]
