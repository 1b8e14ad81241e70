"""The design's example, call by call, and the report of a campaign."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from salepixel.campaigns.links import LinkSealer
from salepixel.clicks.tokens import Signal
from salepixel_worker.sweep import settle_verdicts
from tests.plugin.conftest import PLACED, Office


def test_the_design_example_works_exactly(office: Office, links: LinkSealer) -> None:
    account = {"name": "Bags", "tracking_host": "track.shop.test", "site": "shop.test", "currency": "EUR"}
    made = office.call("POST", "/accounts", {"empId": 9, **account})
    assert made.status_code == 201
    link = {"url": "https://shop.test/p/1?a=b", "label": "Hero", "sale_pixel": True}
    wanted = {"empId": 9, "name": "Autumn", "mailer": "plain", "links": [link]}
    answer = office.call("POST", "/campaigns", wanted)
    assert answer.status_code == 201
    campaign = answer.json
    assert isinstance(campaign, dict)
    tracked = campaign["links"][0].pop("tracked_url")
    unchanged = {"active": True, "original_url": link["url"], "changed_at": None, "dynamic": False}
    assert campaign["links"] == [link | unchanged | {"id": campaign["links"][0]["id"]}]
    found = re.fullmatch(r"http://track\.shop\.test/c/([\w-]+)\?k=\{contact\}", tracked)
    assert found
    assert links.open(found[1]).url == "https://shop.test/p/1?a=b"
    contacts = {"empId": 9, "contacts": [{"ref": "c1", "email": "ana@example.com"}]}
    assert office.post("/contacts", contacts) == {"stored": 1}
    shop = {"empId": 9, "platform": "saleor", "api_url": "http://127.0.0.1:8000/graphql/"}
    assert office.call("POST", "/shops", shop).status_code == 201

    token = office.click(campaign, "c1")
    shop_id, order_id = office.order(9, click=token)

    report = office.get(f"/campaigns/{campaign['id']}/sales")
    placed = PLACED.isoformat().replace("+00:00", "Z")
    sums = {
        "currency": "EUR",
        "orders": 1,
        "quantity": 2,
        "gross": "39.80",
        "refunded": "0.00",
        "net": "39.80",
    }
    assert report == {
        "rows": [
            {
                "contact": "c1",
                "item": "Red shoes",
                "sku": "R-1",
                "quantity": 2,
                "amount": "39.80",
                "currency": "EUR",
                "refunded": "0.00",
                "purchased_at": placed,
                "order": "1042",
                "campaign": campaign["id"],
                "link": campaign["links"][0]["id"],
                "evidence": "token",
                "confidence": 0.99,
                "status": "confirmed",
                "share": 1.0,
                "refunded_at": None,
                "converted": "39.80",
                "converted_currency": "EUR",
                "rate": "1",
                "rate_date": placed[:10],
                "refunded_later": "0.00",
            }
        ],
        "totals": [sums],
        "totals_by_refund_date": [sums],
        "converted": {
            "currency": "EUR",
            "gross": "39.80",
            "refunded": "0.00",
            "net": "39.80",
            "without_rate": [],
        },
        "losses": [],
        "next": None,
    }
    for name in (order_id, "1042"):
        decision = office.get(f"/orders/{shop_id}/{name}/decision")
        assert decision["order"] == "1042"
        assert (decision["outcome"], decision["reason"]) == ("attributed", "click_token_on_order")
        assert decision["policy"] == 1
        assert [c["contact"] for c in decision["candidates"]] == ["c1"]
        assert "c1" in decision["explanation"]
    clicks = office.get(f"/campaigns/{campaign['id']}/clicks")["rows"]
    assert [(c["contact"], c["verdict"], c["reasons"]) for c in clicks] == [("c1", "human", [])]


def test_a_click_has_its_verdict_its_reasons_and_whether_it_is_final(office: Office) -> None:
    campaign = office.campaign()
    office.click(campaign, "c1", signals=Signal.GATEWAY_LIKELY)
    office.click(campaign, "c2", signals=Signal.FETCH_MISSING | Signal.GATEWAY_LIKELY)

    def reported() -> list[tuple[Any, ...]]:
        rows = office.get(f"/campaigns/{campaign['id']}/clicks")["rows"]
        return sorted((c["contact"], c["verdict"], c["reasons"], c["score"], c["final"]) for c in rows)

    assert reported() == [
        ("c1", "unknown", ["likely_gateway_network"], 0.5, False),
        ("c2", "bot", ["fetch_missing", "likely_gateway_network"], 0.8, False),
    ]
    assert settle_verdicts(office.database, datetime.now(UTC), 5) == 2
    assert [row[-1] for row in reported()] == [True, True]


def test_the_sent_time_of_a_campaign_can_be_set_and_changed(office: Office) -> None:
    wanted = {"empId": 7, "name": "Autumn", "links": [{"url": "https://shop.test/"}]}
    sent = (PLACED - timedelta(hours=1, seconds=5)).isoformat()
    campaign = office.post("/campaigns", wanted)
    path = f"/campaigns/{campaign['id']}"
    assert campaign["sent_at"] is None
    office.click(campaign, "c1", signals=Signal.GATEWAY_LIKELY)

    def verdict() -> str:
        settle_verdicts(office.database, datetime.now(UTC), 5)
        (row,) = office.get(f"{path}/clicks")["rows"]
        assert row["final"]
        return str(row["verdict"])

    assert verdict() == "unknown"
    changed = office.call("PATCH", path, {"sent_at": sent})
    assert changed.status_code == 200
    assert datetime.fromisoformat(office.get(path)["sent_at"]) == datetime.fromisoformat(sent)
    assert verdict() == "bot"
    assert office.call("PATCH", path, {"sent_at": None}).status_code == 200
    assert verdict() == "unknown"
    assert office.post("/campaigns", wanted | {"sent_at": sent})["sent_at"] is not None
    for wrong in ("1999-01-01T00:00:00Z", "2026-11-23T10:00:00", "9999-12-31T23:59:59-14:00"):
        assert office.call("PATCH", path, {"sent_at": wrong}).status_code == 422
    assert office.call("PATCH", path, {"sent_at": sent}).status_code == 200
    assert office.call("PATCH", path, {}).status_code == 200
    assert datetime.fromisoformat(office.get(path)["sent_at"]) == datetime.fromisoformat(sent), (
        "nothing is changed"
    )
    assert office.call("PATCH", "/campaigns/ffffffffffff", {"sent_at": sent}).status_code == 404


def test_an_order_without_a_click_is_explained_in_both_languages(office: Office) -> None:
    shop, order = office.order()
    decision = office.get(f"/orders/{shop}/{order}/decision")
    assert (decision["outcome"], decision["reason"]) == ("unattributed", "no_click")
    assert decision["explanation"].startswith("No click was found for order 1042")
    spanish = office.get(f"/orders/{shop}/{order}/decision?lang=es")
    assert spanish["explanation"].startswith("No se encontró ningún clic para el pedido 1042")


def test_an_order_that_is_not_processed_yet_is_pending(office: Office) -> None:
    order = {
        "id": "fresh",
        "currency": "EUR",
        "placed_at": PLACED.isoformat(),
        "lines": [{"item": "Hat", "quantity": 1, "amount": 5}],
    }
    office.post("/sales", {"empId": 7, "orders": [order]})
    shop = office.get("/shops")["shops"][-1]["id"]
    decision = office.get(f"/orders/{shop}/fresh/decision")
    assert (decision["outcome"], decision["reason"]) == ("pending", "not_processed_yet")
    assert decision["candidates"] == []


def test_an_unpaid_order_does_not_credit_a_click_yet(office: Office) -> None:
    token = office.click(office.campaign(), "c1")
    shop, order = office.order(click=token, paid=False)
    decision = office.get(f"/orders/{shop}/{order}/decision")
    assert decision["reason"] == "unpaid"
    assert [candidate["credited"] for candidate in decision["candidates"]] == [False]


def test_a_click_of_another_account_is_not_shown(office: Office) -> None:
    hats = office.campaign(8, name="Secret hats")
    shop, order = office.order(7, click=office.click(hats, "hats-contact"))
    decision = office.get(f"/orders/{shop}/{order}/decision")
    assert decision["reason"] == "other_account"
    assert (
        decision["candidates"][0] | {"campaign": None, "link": None, "contact": None}
        == (decision["candidates"][0])
    )


def test_link_activity_counts_human_and_bot_clicks_and_orders(office: Office) -> None:
    campaign = office.campaign()
    office.order(click=office.click(campaign, "c1"))
    office.click(campaign, "c1", PLACED - timedelta(days=1))
    office.click(campaign, "c2", link=1)
    hero, about = office.get(f"/campaigns/{campaign['id']}/links")["links"]
    names = ("human_clicks", "bot_clicks", "contacts", "orders", "sale_pixel")
    assert [hero[name] for name in names] == [2, 0, 1, 1, True]
    assert [about[name] for name in names] == [1, 0, 1, 0, False]
    assert hero["tracked_url"] == campaign["links"][0]["tracked_url"]


def test_a_link_that_is_switched_on_earns_earlier_orders(office: Office) -> None:
    campaign = office.campaign()
    token = office.click(campaign, "c1", link=1)
    shop, order = office.order(click=token)
    path = f"/orders/{shop}/{order}/decision"
    assert office.get(path)["reason"] == "not_a_sales_link"
    link = f"/campaigns/{campaign['id']}/links/{campaign['links'][1]['id']}"
    answer = office.call("PATCH", link, {"sale_pixel": True})
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["sale_pixel"] is True
    office.reconcile(shop, order)
    assert office.get(path)["reason"] == "click_token_on_order"


def test_lists_are_paged_without_gaps_or_repetition(office: Office) -> None:
    campaign = office.campaign()
    for number in range(5):
        token = office.click(campaign, f"c{number}", PLACED - timedelta(minutes=number // 2))
        office.order(id=f"o{number}", number=f"n{number}", click=token)
    office.campaign(name="Second")
    office.campaign(name="Third")
    base = f"/campaigns/{campaign['id']}"
    for path, rows in ((f"{base}/sales", "rows"), (f"{base}/clicks", "rows"), ("/campaigns", "campaigns")):
        whole = office.get(f"{path}?limit=1000")
        pages: list[object] = []
        cursor: str | None = ""
        while cursor is not None:
            page = office.get(f"{path}?limit=2" + (f"&cursor={cursor}" if cursor else ""))
            assert len(page[rows]) <= 2
            pages += page[rows]
            cursor = page["next"]
        assert pages == whole[rows]
        assert len(pages) == (3 if path == "/campaigns" else 5)
        assert whole["next"] is None


@pytest.mark.parametrize("cursor", ["x", "é", "W10", "WzEsMiwzLDRd", "WyJhIiwiYiIsImMiLCJkIl0", "A" * 2001])
def test_an_invalid_cursor_is_refused(office: Office, cursor: str) -> None:
    campaign = office.campaign()["id"]
    for path in ("/campaigns", f"/campaigns/{campaign}/sales", f"/campaigns/{campaign}/clicks"):
        assert office.call("GET", path, query_string={"cursor": cursor}).status_code == 422


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x","y")']


def test_no_cell_of_the_csv_is_a_formula(office: Office) -> None:
    campaign = office.campaign()
    for number, text in enumerate(FORMULAS):
        line = {"item": text, "sku": text, "quantity": 1, "amount": "1,5".replace(",", ".")}
        office.order(id=f"o{number}", number=text, click=office.click(campaign, text), lines=[line])
    answer = office.call("GET", f"/campaigns/{campaign['id']}/sales.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sorted(row["item"] for row in rows) == sorted(f"'{text}" for text in FORMULAS)
    for row in rows:
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert (row["amount"], row["currency"], row["status"]) == ("1.50", "EUR", "confirmed")


def test_the_csv_has_all_rows_of_the_report(office: Office) -> None:
    campaign = office.campaign()
    for number in range(3):
        office.order(id=f"o{number}", click=office.click(campaign, "Peña, Ana"))
    rows = list(
        csv.DictReader(io.StringIO(office.call("GET", f"/campaigns/{campaign['id']}/sales.csv").text))
    )
    report = office.get(f"/campaigns/{campaign['id']}/sales")["rows"]
    assert rows == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in report
    ]


def days(at: datetime) -> str:
    return f"from={at.date()}&to={at.date()}"


def test_sums_of_days_show_refunds_by_sale_date_and_by_refund_date(office: Office) -> None:
    campaign = office.campaign()
    address = f"/campaigns/{campaign['id']}/sales"
    sold_at, refunded_at = PLACED - timedelta(days=5), PLACED - timedelta(days=2)
    for number, refunded in ((1, "0"), (2, "9.80")):
        reported: dict[str, Any] = {
            "id": f"o{number}",
            "number": str(number),
            "placed_at": sold_at.isoformat(),
            "click": office.click(campaign, "c1", sold_at),
        }
        office.order(**reported)
        office.order(**reported, updated_at=refunded_at.isoformat(), refunded=refunded)

    def sums(query: str) -> tuple[list[Any], list[Any], int]:
        report = office.get(f"{address}?{query}")
        kinds = (report["totals"], report["totals_by_refund_date"])
        a, b = ([(t["orders"], t["gross"], t["refunded"], t["net"]) for t in kind] for kind in kinds)
        return a, b, len(report["rows"])

    both = [(2, "79.60", "9.80", "69.80")]
    assert sums("") == (both, both, 2)
    assert sums(days(sold_at)) == (both, [(2, "79.60", "0.00", "79.60")], 2)
    assert sums(days(refunded_at)) == ([], [(0, "0.00", "9.80", "-9.80")], 0)
    assert sums(f"to={(sold_at - timedelta(days=1)).date()}") == ([], [], 0)
    assert sums(f"from={sold_at.date()}&limit=1")[2] == 1
    row = next(row for row in office.get(address)["rows"] if row["order"] == "2")
    assert row["refunded_at"] == refunded_at.isoformat().replace("+00:00", "Z")
    for query, lines in (("", 2), (days(sold_at), 2), (days(refunded_at), 0)):
        text = office.call("GET", f"{address}.csv?{query}").text
        assert len(list(csv.DictReader(io.StringIO(text)))) == lines
    for wrong in ("from=yesterday", "to=2026-02-30", "from=1026-01-01", "from=9999-12-31"):
        assert office.call("GET", f"{address}?{wrong}").status_code == 422


def test_sums_are_given_per_currency_and_once_converted(office: Office) -> None:
    campaign = office.campaign()
    placed = datetime(2026, 10, 31, 12, tzinfo=UTC)  # a Saturday
    for currency in ("EUR", "USD", "KES"):
        click = office.click(campaign, "c1", placed)
        office.order(
            id=currency, number=currency, currency=currency, placed_at=placed.isoformat(), click=click
        )
    report = office.get(f"/campaigns/{campaign['id']}/sales")
    rows = {row["order"]: row for row in report["rows"]}
    names = ("amount", "currency", "converted", "converted_currency", "rate", "rate_date")
    assert [tuple(rows[code][name] for name in names) for code in ("EUR", "KES", "USD")] == [
        ("39.80", "EUR", "39.80", "EUR", "1", "2026-10-31"),
        ("39.80", "KES", None, None, None, None),
        ("39.80", "USD", "35.62", "EUR", "0.895094880057", "2026-10-30"),
    ]
    assert [total["currency"] for total in report["totals"]] == ["EUR", "KES", "USD"]
    assert report["converted"] == {
        "currency": "EUR",
        "gross": "75.42",
        "refunded": "0.00",
        "net": "75.42",
        "without_rate": ["KES"],
    }


def test_a_fully_refunded_sale_is_worth_nothing_at_any_later_rate(office: Office) -> None:
    campaign = office.campaign()
    placed = datetime(2026, 10, 30, 12, tzinfo=UTC)
    reported: dict[str, Any] = {"currency": "USD", "placed_at": placed.isoformat()}
    reported["click"] = office.click(campaign, "c1", placed)
    office.order(**reported)
    office.order(**reported, refunded="39.80", updated_at=PLACED.isoformat())
    converted = office.get(f"/campaigns/{campaign['id']}/sales")["converted"]
    assert (converted["gross"], converted["refunded"], converted["net"]) == ("35.62", "35.62", "0.00")
