"""What a report says: every figure with its meaning, in the reader's language, and nothing as markup."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from salepixel.accounts.store import Account
from salepixel.report.figures import Audience, Counted, Name, Sold
from salepixel.report.overview import Best
from salepixel.subscriptions.report import Report
from salepixel.subscriptions.texts import TITLES, WORDS
from salepixel.subscriptions.write import Links, Written, write

OF_SHOP = {Name.SHARE_OF_REVENUE, Name.SHARE_OF_ORDERS, Name.FIRST_ORDERS, Name.RETURNING_ORDERS}
"""The figures of an account, which a report of a campaign does not have."""

ACCOUNT = Account(7, "Shoes & Söhne", "EUR", datetime(2026, 1, 1, tzinfo=UTC))
FIRST = date(2026, 11, 20)
SOLD = {FIRST + timedelta(n): Sold(2, Decimal("120.50") * n, Decimal("10.00")) for n in range(1, 4)}
NOW = Counted(
    FIRST,
    FIRST + timedelta(7),
    {"EUR": SOLD},
    {FIRST: (120, 30)},
    Audience(1, 5000, 110, 20, {"EUR": Decimal(693)}),
)
EVIL = '<script>alert("1")</script>'
LINKS = Links("https://p.test/campaigns/x?a=1&b=2", "https://p.test/reports/end/t")


def report(
    name: str = "Autumn", now: Counted = NOW, before: Counted | None = None, kind: str = "day_7"
) -> Report:
    best = {"EUR": [Best("l", name, Sold(1, Decimal("50.00"), Decimal(0)))]}
    return Report(kind, ACCOUNT, name, "/campaigns/x", now, before, best)


def written(language: str = "en", **changed: object) -> Written:
    return write(report(**changed), language, "ana@shop.test", LINKS)  # type: ignore[arg-type]


class _Reader(HTMLParser):
    """The texts and tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


@pytest.mark.parametrize(
    ("language", "net", "rate"), [("en", "€693.00", "2.2%"), ("es", "693,00 €", "2,2 %")]
)
def test_figures_are_written_as_the_reader_writes_them(language: str, net: str, rate: str) -> None:
    mail = written(language)
    for text in (mail.text, " ".join(read(mail.html).texts)):
        plain = text.replace("\xa0", " ")
        assert net in plain
        assert rate in plain
        for title, meaning in (TITLES[language][name] for name in Name if name not in OF_SHOP):
            assert title in plain
            assert meaning in plain
    assert f'lang="{language}"' in mail.html


def test_both_forms_have_the_links_and_say_why() -> None:
    mail = written()
    assert read(mail.html).links == list(LINKS)
    for link in LINKS:
        assert link in mail.text
    for text in (mail.text, " ".join(read(mail.html).texts)):
        assert (
            "You get this e-mail because ana@shop.test is subscribed to reports of Shoes & Söhne 7." in text
        )


def test_names_are_text_in_html() -> None:
    mail = written(name=EVIL)
    assert "script" not in read(mail.html).tags
    assert EVIL in "".join(read(mail.html).texts)
    assert mail.subject == f"{EVIL}: the first seven days"


def test_no_picture_and_no_style_sheet_is_needed() -> None:
    assert read(written().html).tags.isdisjoint({"img", "style", "link", "svg", "script"})


def test_a_campaign_without_orders_says_so() -> None:
    nothing = Counted(FIRST, FIRST, {}, {})
    assert "No order has been attributed yet." in written(now=nothing).text
    assert "€0.00" in written(now=nothing).text


def test_a_month_is_compared_and_its_bars_are_weeks() -> None:
    first, last = date(2026, 10, 1), date(2026, 10, 31)
    days = {first: Sold(2, Decimal(100), Decimal(0)), last: Sold(1, Decimal(20), Decimal(0))}
    now = Counted(first, last, {"EUR": days, "USD": {last: Sold(1, Decimal(5), Decimal(0))}}, {})
    before = Counted(
        date(2026, 9, 1), date(2026, 9, 30), {"EUR": {date(2026, 9, 1): Sold(1, Decimal(60), Decimal(0))}}, {}
    )
    mail = written(now=now, before=before, kind="month")
    assert mail.subject == "October 2026 in review: Autumn"
    assert "Net revenue: €120.00 (100% more than before: €60.00;" in mail.text
    assert "29 Oct – 31 Oct: €20.00" in mail.text
    assert mail.text.count("Human clicks") == 1
    assert mail.text.count("Net revenue:") == 2


def test_languages_have_the_same_texts() -> None:
    assert WORDS["en"].keys() == WORDS["es"].keys()
    assert set(TITLES["en"]) == set(TITLES["es"]) == set(Name)
