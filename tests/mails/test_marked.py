"""A mail as a page with numbered links, in which no link leads anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.mails.html import find_links
from salepixel.mails.mail import Kind, read_mail
from salepixel.mails.marked import marked_page, shown_part
from tests.mails.corpus import CORPUS, Written


def marked(html: str, *, every: bool = True) -> str:
    mail = read_mail(html.encode(), Kind.HTML)
    places = [(number, link.start) for number, link in mail.links()]
    return marked_page(mail, {place: n + 1 for n, place in enumerate(places)} if every else {})


@pytest.mark.parametrize(
    ("html", "page"),
    [
        ('<a href="https://shop.test/1">One</a>', '<a href="#" data-link-number="1">One</a>'),
        ("<a class=x href=https://shop.test/1>One</a>", '<a class=x href="#" data-link-number="1">One</a>'),
        ("<a href='javascript:alert(1)'>One</a>", '<a href="#" data-link-number="1">One</a>'),
        ("<p>No link, 1 < 2</p>", "<p>No link, 1 < 2</p>"),
    ],
)
def test_each_link_has_its_number_and_leads_nowhere(html: str, page: str) -> None:
    assert marked(html).startswith(page + "<style>")


def test_a_link_without_a_number_has_no_marker_and_leads_nowhere_either() -> None:
    assert marked('<a href="https://shop.test/1">One</a>', every=False).startswith('<a href="#">One</a>')


def test_the_text_of_a_mail_is_shown_as_text() -> None:
    mail = read_mail(b"Buy <b>now</b>: https://shop.test/1 & more", Kind.TEXT)
    (place,) = [(number, link.start) for number, link in mail.links()]
    page = marked_page(mail, {place: 7})
    assert "Buy &lt;b&gt;now&lt;/b&gt;: " in page
    assert '<u data-link-number="7">https://shop.test/1</u> &amp; more' in page


@pytest.mark.parametrize("mail", CORPUS, ids=lambda mail: str(mail.name))
def test_no_link_of_a_real_mail_leads_anywhere(mail: Written) -> None:
    read = read_mail(mail.raw)
    part = shown_part(read)
    assert part is not None
    number = read.parts.index(part)
    page = marked_page(read, {(number, link.start): n for n, link in enumerate(part.links, 1)})
    assert page.count("data-link-number=") == len(part.links)
    assert {link.address for link in find_links(page)} <= {"#"}


@given(st.text(alphabet="<>a href=\"'=/!-#&;pх", max_size=60))
def test_any_text_is_read_and_no_found_address_is_left(text: str) -> None:
    page = marked(f"<a href='https://shop.test/x'>x</a>{text}")
    assert "shop.test" not in page
