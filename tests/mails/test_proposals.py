"""Rules for what is proposed for each link of a mail."""

import pytest

from salepixel.mails.found import FoundLink
from salepixel.mails.proposals import Use, Why, label_of, propose

CASES = [
    ("https://shop.test/p", "Buy", Use.SALES, Why.SHOP),
    ("https://www.SHOP.test:443/p", "Buy", Use.SALES, Why.SHOP),
    ("https://shop.test.evil.test/p", "Buy", Use.TRACKED, Why.OTHER_SITE),
    ("https://notshop.test/p", "Buy", Use.TRACKED, Why.OTHER_SITE),
    ("https://shop.test/mesa-baja", "Mesa baja", Use.SALES, Why.SHOP),
    ("https://www.instagram.com/shop", "Instagram", Use.TRACKED, Why.SOCIAL),
    ("https://shop.test/unsubscribe?u=1", "here", Use.LEFT, Why.UNSUBSCRIBE),
    ("https://mail.test/x", "Darse de baja", Use.LEFT, Why.UNSUBSCRIBE),
    ("https://mail.test/x", "Abmelden", Use.LEFT, Why.UNSUBSCRIBE),
    ("https://mail.test/x", "View this email in your browser", Use.LEFT, Why.WEB_VERSION),
    ("https://mail.test/x", "Ver este correo en tu navegador", Use.LEFT, Why.WEB_VERSION),
    ("{{ unsubscribe }}", "Out", Use.LEFT, Why.MERGE_TAG),
    ("*|UNSUB|*", "Out", Use.LEFT, Why.MERGE_TAG),
    ("https://{{ url }}", "Out", Use.LEFT, Why.MERGE_TAG),
    ("%UNSUBSCRIBELINK%", "Out", Use.LEFT, Why.MERGE_TAG),
    ("{unsubscribe_url}", "Out", Use.LEFT, Why.MERGE_TAG),
    ("https://shop.test/p?id={{ product.id }}", "Buy", Use.LEFT, Why.MERGE_TAG_INSIDE),
    ("https://shop.test/p?e=%EMAIL%", "Buy", Use.LEFT, Why.MERGE_TAG_INSIDE),
    ("https://shop.test/p/%%subscriberkey%%", "Buy", Use.LEFT, Why.MERGE_TAG_INSIDE),
    ("https://shop.test/p@TrackLink", "Buy", Use.SALES, Why.SHOP),
    ("%FORWARD2FRIEND%", "Out", Use.LEFT, Why.MERGE_TAG),
    ("{{ base }}/p", "Buy", Use.LEFT, Why.MERGE_TAG_INSIDE),
    ("https://track.shop.test/c/AbC?k={{ x }}", "Buy", Use.LEFT, Why.TRACKED_ALREADY),
    ("https://track.shop.test/prices", "Buy", Use.SALES, Why.SHOP),
    ("", "x", Use.LEFT, Why.EMPTY),
    ("#top", "Up", Use.LEFT, Why.ANCHOR),
    ("mailto:us@shop.test", "Write", Use.LEFT, Why.NOT_WEB),
    ("tel:+34600000000", "Call", Use.LEFT, Why.NOT_WEB),
    ("javascript:alert(1)", "x", Use.LEFT, Why.NOT_WEB),
    ("/p", "Buy", Use.LEFT, Why.RELATIVE),
    ("https://", "Buy", Use.LEFT, Why.INVALID),
    ("https://u:p@shop.test/", "Buy", Use.LEFT, Why.INVALID),
    ("https://a b.test/", "Buy", Use.LEFT, Why.INVALID),
]


@pytest.mark.parametrize(("address", "text", "use", "why"), CASES)
def test_a_link_gets_a_proposal_with_its_reason(address: str, text: str, use: Use, why: Why) -> None:
    link = FoundLink(0, 1, "x", address, "a", text)
    proposal = propose(link, {"shop.test"}, lambda one: one.startswith("https://track.shop.test/c/"), "spx")
    assert (proposal.use, proposal.why) == (use, why)
    assert bool(proposal.destination) or use is Use.LEFT


@pytest.mark.parametrize(
    ("element", "text", "address", "label"),
    [
        ("a", "Buy now", "https://shop.test/p", "Buy now"),
        ("a", "", "https://shop.test/c/red-shoes.html?x=1", "red shoes"),
        ("text", "https://shop.test/red_shoes/", "https://shop.test/red_shoes/", "red shoes"),
        ("a", "", "https://shop.test/", "shop.test"),
        ("a", "", "https://[bad", "https://[bad"),
        ("a", "x" * 100, "https://shop.test/", "x" * 60),
    ],
)
def test_a_label_says_which_link_it_is(element: str, text: str, address: str, label: str) -> None:
    assert label_of(FoundLink(0, 1, "x", address, element, text)) == label
