"""What people see: the campaigns, their tabs, and why an order was credited."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from salepixel.clicks.tokens import Signal
from tests.plugin.conftest import ALL, PLACED, SHOES, Office

ROOT = Path(__file__).parents[3]
XSS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}",
    "javascript:alert(1)",
    "</title><svg/onload=alert(1)>",
    "%(contact)s %s 100%",
    "‮txt.exe",
]


class Page(HTMLParser):
    """The elements of a page that could do harm, and its links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.language = ""
        self.open: list[str] = []
        self.feed(html)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "html":
            self.language = dict(attrs)["lang"] or ""
        if tag not in ("meta", "link", "input", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @property
    def links(self) -> list[str]:
        return [value for name, value in self.attributes if name in ("href", "action", "src")]


def _check(html: str) -> Page:
    """A page of ours has no script, no inline style and nothing from elsewhere."""
    page = Page(html)
    assert not {"script", "style", "iframe", "object", "foreignobject", "use"} & set(page.tags)
    for name, _ in page.attributes:
        assert not name.startswith("on")
        assert name != "style"
    for link in page.links:
        assert link.startswith(("/", "#")), link
        assert not link.startswith("//")
    return page


def _all_paths(campaign: str, shop: str, order: str) -> list[str]:
    tabs = ["", "/links", "/sales", "/contacts"]
    return ["/", *(f"/campaigns/{campaign}{tab}" for tab in tabs), f"/orders/{shop}/{order}"]


def _form_of(campaign: Any) -> str:
    return f"/campaigns/{campaign['id']}/links/{campaign['links'][0]['id']}"


@pytest.mark.parametrize("text", XSS)
@pytest.mark.parametrize("lang", ["en", "es"])
def test_any_text_is_shown_as_text(office: Office, text: str, lang: str) -> None:
    readable = "".join(c if c.isprintable() else " " for c in text).strip()
    campaign = office.campaign(name=readable, label=readable)
    line = {"item": readable, "sku": readable, "quantity": 1, "amount": "1"}
    token = office.click(campaign, text)
    # A template's marks are refused in an order's id and number, and in nothing else.
    number = readable.replace("{{", "{ {").replace("}}", "} }")
    shop, order = office.order(id=f"{number}/x", number=number, click=token, lines=[line])
    quoted = office.get(f"/campaigns/{campaign['id']}/sales")["rows"][0]["order"]
    assert quoted == number
    for path in (*_all_paths(campaign["id"], shop, order), _form_of(campaign)):
        answer = office.app.test_client().get(
            path, query_string={"lang": lang}, headers={"Authorization": f"Bearer {ALL}"}
        )
        assert answer.status_code == 200, path
        assert _check(answer.text).language == lang
        assert "49" not in re.findall(r"<h1>(.*?)</h1>", answer.text)
    sales = office.page(f"/campaigns/{campaign['id']}/sales").text
    link = next(link for link in Page(sales).links if link.startswith("/orders/"))
    assert office.page(link).status_code == 200, "each sale leads to its order"


def test_the_campaigns_show_their_net_revenue_per_currency(office: Office) -> None:
    campaign = office.campaign()
    for number, currency in enumerate(("EUR", "USD", "EUR")):
        office.order(id=f"o{number}", currency=currency, refunded="9.80", click=office.click(campaign, "c1"))
    page = office.page("/").text
    assert "€60.00" in page
    assert "$30.00" in page
    assert "90.00" not in page, "currencies are never added up"
    spanish = office.page("/?lang=es").text
    assert "60,00\xa0€" in spanish


def test_the_overview_shows_sums_clicks_and_outcomes_of_orders(office: Office) -> None:
    campaign = office.campaign()
    office.order(id="a", refunded="9.80", click=office.click(campaign, "c1"))
    office.order(id="b")
    page = office.page(f"/campaigns/{campaign['id']}").text
    for text in ("€9.80", "€30.00", "Click token on the order", "No click found"):
        assert text in page
    assert "Bot detection" not in page


def test_the_overview_shows_human_and_bot_clicks_and_why(office: Office) -> None:
    campaign = office.campaign()
    office.click(campaign, "c1")
    office.click(campaign, "c2", signals=Signal.OLD_AGENT)
    office.click(campaign, "c3", signals=Signal.HEAD | Signal.GATEWAY)
    path = f"/campaigns/{campaign['id']}"
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", office.page(path).text))
    assert "Human clicks 2 " in page
    assert "Clickers 2 " in page
    assert "Bot clicks: 1. " in page
    assert "Possibly bots: 1 " in page
    assert "From a mail gateway's network, where nobody browses 1" in page
    assert "Desde la red de una pasarela de correo, donde nadie navega" in office.page(f"{path}?lang=es").text


def test_the_sales_table_shows_every_detail_of_a_sale(office: Office) -> None:
    campaign = office.campaign()
    shop, order = office.order(click=office.click(campaign, "c1"), refunded="39.80")
    page = office.page(f"/campaigns/{campaign['id']}/sales").text
    for text in ("c1", "Red shoes", "R-1", "€39.80", "Click token on the order", "99%", "Refunded", "1042"):
        assert text in page
    assert f'href="/orders/{shop}/{order}?back=' in page
    assert "UTC" in page
    for kind in ("csv", "xlsx"):
        assert office.page(f"/campaigns/{campaign['id']}/sales.{kind}").status_code == 200


def test_the_sales_table_shows_some_days_and_their_totals(office: Office) -> None:
    campaign = office.campaign()
    address = f"/campaigns/{campaign['id']}/sales"
    placed = datetime(2026, 10, 30, 12, tzinfo=UTC)
    for currency in ("USD", "KES"):
        reported: dict[str, Any] = {"id": currency, "currency": currency, "placed_at": placed.isoformat()}
        reported |= {"click": office.click(campaign, "c1", placed), "total": "50"}
        office.order(**reported)
        office.order(**reported, refunded="50", updated_at=PLACED.isoformat())
    on_that_day = office.page(f"{address}?from=2026-10-30&to=2026-10-30")
    text = unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", on_that_day.text)))
    _check(on_that_day.text)
    assert "≈ €35.62" in text
    assert "Total converted: €0.00 net, €35.62 gross" in text
    assert "Sales in KES are not included, because there is no rate for their day." in text
    assert "Refunds counted on the day they were made: $39.80 net, $0.00 refunded" in text
    assert 'value="2026-10-30"' in on_that_day.text
    download = f"{address}.csv?from=2026-10-30&amp;to=2026-10-30"
    assert f'href="{download}"' in on_that_day.text
    assert len(office.page(unescape(download)).text.splitlines()) == 3
    later = office.page(f"{address}?from=2026-11-01&to=", headers={"Accept-Language": "es"}).text
    assert "Con cada reembolso en la fecha en que se hizo" in later
    assert "Red shoes" not in later
    wrong = office.page(f"{address}?from=yesterday")
    assert wrong.status_code == 422
    assert "Enter dates such as 2026-11-23" in wrong.text
    for path in (address, f"/campaigns/{campaign['id']}"):
        assert "Total converted" in office.page(path).text


def test_shipping_is_a_row_in_the_readers_language(office: Office) -> None:
    assert office.call("PATCH", "/accounts/7", {"shipping": "included"}).status_code == 200
    campaign = office.campaign()
    office.order(click=office.click(campaign, "c1"), total="45.00")
    spanish = office.page(f"/campaigns/{campaign['id']}/sales?lang=es").text
    assert "Envío" in spanish
    assert "5,20" in spanish


def test_long_lists_are_paged(office: Office) -> None:
    campaign = office.campaign()
    seen: set[str] = set()
    for number in range(60):
        token = office.click(campaign, f"c{number:02}", PLACED - timedelta(minutes=number))
        office.order(id=f"o{number}", number=f"n{number:02}", click=token)
    for tab, pattern in (("sales", r">(n\d\d)</a>"), ("contacts", r">(c\d\d)</a></th>")):
        path, sizes = f"/campaigns/{campaign['id']}/{tab}", []
        seen.clear()
        while path:
            page = office.page(path).text
            found = re.findall(pattern, page)
            sizes.append(len(found))
            seen |= set(found)
            following = re.search(r'rel="next" href="([^"]+)"', page)
            path = following[1].replace("&amp;", "&") if following else ""
        assert sizes == [50, 10]
        assert len(seen) == 60


def test_the_contacts_show_clicks_and_orders(office: Office) -> None:
    campaign = office.campaign()
    office.order(click=office.click(campaign, "buyer"))
    office.click(campaign, "looker", link=1)
    page = office.page(f"/campaigns/{campaign['id']}/contacts").text
    cells = re.findall(r'<th scope="row"><a href="[^"]+">(\w+)</a></th>(.*?)</tr>', page, re.DOTALL)
    numbers = {
        name: re.findall(r'class="number">\s*(?:<(?:span|a)[^>]*>)?([^<]+)', rest) for name, rest in cells
    }
    assert numbers == {"buyer": ["1", "0", "1", "€39.80"], "looker": ["1", "0", "0", "–"]}


def test_an_order_shows_the_winning_and_the_passed_over_clicks_by_time(office: Office) -> None:
    campaign = office.campaign()
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "c1", "email": "ana@example.com"}]})
    office.click(campaign, "c1", PLACED - timedelta(hours=2))
    office.click(campaign, "c1", PLACED - timedelta(hours=3), link=1)
    token = office.click(campaign, "c1", PLACED - timedelta(hours=1))
    shop, order = office.order(click=token, email="ana@example.com")
    page = office.page(f"/orders/{shop}/{order}").text
    story = re.findall(r"<li.*?<strong>(.*?)</strong>", page, re.DOTALL)
    assert story == [
        "Its link is not a sales link.",
        "There was a later click before the order, and the last click gets the credit.",
        "This click gets the credit.",
    ]
    assert "the order itself carries the token of this click" in page
    spanish = office.page(f"/orders/{shop}/1042?lang=es").text
    assert "el propio pedido lleva el token de ese clic" in spanish


def test_a_link_is_switched_by_its_form(office: Office) -> None:
    campaign = office.campaign()
    path = f"/campaigns/{campaign['id']}/links/{campaign['links'][1]['id']}"
    for value, expected in (("on", True), ("off", False)):
        answer = office.page(path, method="POST", data={"sale_pixel": value})
        assert (answer.status_code, answer.location) == (303, f"/campaigns/{campaign['id']}/links")
        links = office.get(f"/campaigns/{campaign['id']}")["links"]
        assert links[1]["sale_pixel"] is expected


NEW = "https://shop.test/new?a=b&c=d"


def test_a_link_is_changed_by_its_form_and_the_list_shows_the_change(office: Office) -> None:
    campaign = office.campaign()
    base = f"/campaigns/{campaign['id']}/links"
    path = _form_of(campaign)
    assert f'href="{path}"' in office.page(base).text
    form = office.page(path).text
    _check(form)
    assert 'value="https://shop.test/p/1?a=b"' in form
    answer = office.page(path, method="POST", data={"url": NEW, "label": "Hero 2", "active": "on"})
    assert (answer.status_code, answer.location) == (303, base)
    shown = office.page(base).text
    _check(shown)
    for text in (
        "Hero 2",
        NEW.replace("&", "&amp;"),
        "Originally sent with: https://shop.test/p/1?a=b",
        "Last updated: ",
    ):
        assert text in shown
    assert "Inactive" not in shown
    office.page(path, method="POST", data={"url": NEW, "label": "Hero 2", "active": "off"})
    assert "Inactive" in office.page(base).text
    assert "Inactivo" in office.page(f"{base}?lang=es").text
    assert '<option value="off" selected>' in office.page(path).text
    link = office.get(f"/campaigns/{campaign['id']}")["links"][0]
    assert (link["url"], link["label"], link["active"], link["sale_pixel"]) == (NEW, "Hero 2", False, True)


@pytest.mark.parametrize(
    ("pasted", "notices"),
    [
        ("https://shop.test/p?a=1&amp;b=2", {"en": ["were decoded"], "es": ["se han decodificado"]}),
        ("https://shop.test/p?spx=x", {"en": ["spx was removed"], "es": ["se ha quitado el parámetro spx"]}),
        (
            "https://shop.test/p?a=1&#38;spx=x",
            {"en": ["were decoded", "spx was removed"], "es": ["se han decodificado", "parámetro spx"]},
        ),
    ],
)
@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_form_of_a_link_says_how_a_pasted_url_was_corrected(
    office: Office, pasted: str, notices: dict[str, list[str]], lang: str
) -> None:
    path = _form_of(office.campaign())
    sent = {"url": pasted, "label": "Hero", "active": "on"}
    answer = office.page(f"{path}?lang={lang}", method="POST", data=sent)
    assert answer.status_code == 200
    _check(answer.text)
    said = re.findall(r"<li>(.*?)</li>", answer.text.split("<main")[1])
    assert [text in line for text, line in zip(notices[lang], said, strict=True)] == [True] * len(said)
    saved = Page(answer.text)
    assert ("value", unescape(pasted).partition("spx")[0].rstrip("?&")) in saved.attributes
    assert 'role="status"' not in office.page(path).text


def test_the_form_of_a_link_shows_errors_and_keeps_the_input(office: Office) -> None:
    campaign = office.campaign()
    path = _form_of(campaign)
    sent = {"url": 'javascript:alert("1")', "label": "x" * 201, "active": "off"}
    for lang, said in (("en", "Enter the full address of a page"), ("es", "Escriba la dirección completa")):
        answer = office.page(f"{path}?lang={lang}", method="POST", data=sent)
        assert answer.status_code == 422
        _check(answer.text)
        assert said in answer.text
        assert 'value="javascript:alert(&#34;1&#34;)"' in answer.text
        assert answer.text.count('role="alert"') == 2
        assert '<option value="off" selected>' in answer.text
    assert office.get(f"/campaigns/{campaign['id']}")["links"] == campaign["links"]


def test_a_user_sees_nothing_of_another_account(office: Office) -> None:
    campaign = office.campaign(8, name="Secret hats")
    shop, order = office.order(8, click=office.click(campaign, "secret-contact"))
    assert "ecret" not in office.page("/", SHOES).text
    for path in (*_all_paths(campaign["id"], shop, order)[1:], f"/campaigns/{campaign['id']}/sales.csv"):
        answer = office.page(path, SHOES)
        assert answer.status_code == 404
        assert "ecret" not in answer.text
    link = f"/campaigns/{campaign['id']}/links/{campaign['links'][0]['id']}"
    for sent in ({"sale_pixel": "off"}, {"active": "off"}, {"url": "javascript:"}):
        assert office.page(link, SHOES, method="POST", data=sent).status_code == 404
    foreign = office.page(link, SHOES)
    assert foreign.status_code == 404
    assert "ecret" not in foreign.text
    assert office.get(f"/campaigns/{campaign['id']}")["links"][0]["sale_pixel"] is True


def test_days_without_sales_and_reversed_days_are_explained(office: Office) -> None:
    address = f"/campaigns/{office.campaign()['id']}/sales"
    empty = office.page(f"{address}?from=2020-01-01&to=2020-01-02").text
    assert "No sales in this period" in empty
    assert "<table" not in empty
    assert 'value="2020-01-01"' in empty, "other days can be chosen"
    spanish = office.page(f"{address}?from=2020-01-01&to=&lang=es").text
    assert "No hay ventas en este periodo" in spanish or "<table" in spanish
    for path in (address, f"{address}.csv", "/accounts/7/coverage", "/accounts/7/models"):
        answer = office.page(f"{path}?from=2026-11-24&to=2026-11-23&lang=en")
        assert (answer.status_code, "From not later than To" in answer.text) == (422, True)
    api = office.call("GET", f"/campaigns/{office.campaign()['id']}/sales?from=2026-11-24&to=2026-11-23")
    assert api.status_code == 422


def test_a_fully_refunded_order_is_shown_with_its_sums(office: Office) -> None:
    campaign = office.campaign()
    token = office.click(campaign, "c1", PLACED - timedelta(hours=1))
    reported: dict[str, Any] = {"click": token, "total": "39.80"}
    shop, order = office.order(**reported)
    path = f"/orders/{shop}/{order}"
    assert "refunded in full" not in office.page(path).text
    office.order(**reported, refunded="9.95", updated_at=(PLACED + timedelta(minutes=1)).isoformat())
    assert "refunded in full" not in office.page(path).text
    office.order(**reported, refunded="39.80", updated_at=(PLACED + timedelta(minutes=2)).isoformat())
    page = office.page(path).text
    assert "It was refunded in full: €39.80. It adds no net revenue." in page
    assert "The whole order" in page
    assert "Se reembolsó por completo" in office.page(f"{path}?lang=es").text
    decision = office.call("GET", f"{path}/decision").json
    assert decision is not None
    assert "refunded in full: €39.80" in decision["explanation"]


def test_pages_with_nothing_to_show_say_what_to_do(office: Office) -> None:
    first = office.page("/").text
    assert "These steps lead to your first sale" in first
    for guide in re.findall(r"docs/[\w/-]+\.md", first):
        assert (ROOT / guide).exists()
    leads = {link for link in _check(first).links if link.startswith("/accounts/")}
    assert leads
    # A page, the round trip of a browser, or the address of a form.
    assert {office.page(link).status_code for link in leads} <= {200, 302, 405}
    campaign = office.campaign()["id"]
    assert "The Links tab" in office.page(f"/campaigns/{campaign}/sales").text
    assert "merge tag" in office.page(f"/campaigns/{campaign}/contacts").text
    for path in ("/", f"/campaigns/{campaign}", f"/campaigns/{campaign}/contacts", "/login"):
        _check(office.page(path).text)


@pytest.mark.parametrize("path", ["/nothing", "/campaigns/000000000000", "/orders/x/y", "/assets/none.css"])
def test_a_missing_page_is_explained_on_a_page(office: Office, path: str) -> None:
    answer = office.page(path, headers={"Accept-Language": "es-MX,es;q=0.9"})
    assert answer.status_code == 404
    assert _check(answer.text).language == "es"
    assert "Esta página no existe" in answer.text


@pytest.mark.parametrize("cursor", ["x", "é", "W10", "A" * 3000])
def test_a_page_with_an_invalid_cursor_is_refused(office: Office, cursor: str) -> None:
    campaign = office.campaign()["id"]
    for path in ("/", f"/campaigns/{campaign}/sales", f"/campaigns/{campaign}/contacts"):
        answer = office.page(path, query_string={"cursor": cursor})
        assert answer.status_code == 422
        _check(answer.text)


LANGUAGES = [("", "en"), ("es", "es"), ("es-AR,en;q=0.5", "es"), ("de,fr", "en"), ("en-GB,es;q=0.9", "en")]


@pytest.mark.parametrize(("accepted", "language"), LANGUAGES)
def test_a_page_is_in_the_language_of_the_browser(office: Office, accepted: str, language: str) -> None:
    answer = office.page("/", headers={"Accept-Language": accepted})
    assert _check(answer.text).language == answer.headers["Content-Language"] == language


def test_a_chosen_language_stays(office: Office) -> None:
    browser = office.browser
    browser.get("/login?lang=es")
    assert _check(browser.get("/login").text).language == "es"
    browser.get("/login?lang=xx")
    assert _check(browser.get("/login").text).language == "es"


def test_every_page_has_security_headers(office: Office) -> None:
    for path in ("/", "/login", "/nothing", "/campaigns/000000000000", "/assets/pages.css"):
        with office.page(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        if not path.startswith("/assets"):
            assert headers["Cache-Control"] == "no-store"


def test_pages_name_no_file_of_the_documentation() -> None:
    plugin = ROOT / "plugin" / "salepixel_plugin"
    texts = [*(plugin / "pages" / "templates").rglob("*.html"), plugin / "explanations.py"]
    texts.append(plugin / "translations" / "es.po")
    named = {name for text in texts for name in re.findall(r"docs/[\w/-]+\.md", text.read_text())}
    assert not named, "a reader of a page does not have the source"


def test_buttons_are_not_printed() -> None:
    pages = ROOT / "plugin" / "salepixel_plugin" / "pages"
    on_paper = (pages / "static" / "pages.css").read_text().partition("@media print")[2]
    hidden = re.search(r"^.*display: none !important", on_paper, re.MULTILINE)
    assert hidden
    assert ".act," in hidden[0]
    for name in ("failed", "outbox"):
        template = (pages / "templates" / "pages" / f"{name}.html").read_text()
        column = re.findall(r'<t[hd][^>]*>(?:\{\{ _\("Retry"\) \}\}</th>|\s*<form)', template)
        assert len(column) == 2
        assert all('class="act"' in cell for cell in column)
