"""Live: what happened last, with its reason; and a trial, from the click to the decision."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from salepixel.clicks.records import HitRecord
from salepixel.clicks.store import store_clicks
from salepixel.clicks.tokens import Click, Signal, new_click_id
from salepixel.shops.pixel_hits import store_pixel_hit
from salepixel.shops.rejected import count_shop_rejections, list_shop_rejections
from salepixel.shops.saleor.connector import LIFECYCLE
from salepixel.shops.use_cases import SALES_API
from salepixel_plugin.explanations import DELIVERED
from salepixel_plugin.saleor.manifest import LIFECYCLE_EVENTS, ORDER_EVENTS
from tests.plugin.conftest import HATS, NO_SIGNAL, SHOES, Office

NOW = datetime.now(UTC)


def _later_id() -> bytes:
    time.sleep(0.001)  # ids of the same millisecond sort in any order
    return new_click_id()


def click(office: Office, campaign: Any, contact: str, link: int = 0, signals: Signal = NO_SIGNAL) -> Click:
    made = Click(_later_id(), 7, campaign["id"], campaign["links"][link]["id"], contact)
    with office.database.write() as connection:
        store_clicks(connection, [(made, signals)])
    return made


def hit(office: Office, query: str, cookie: str = "", ignored: str = "") -> None:
    record = HitRecord(_later_id(), 7, f"empId=7&{query}", cookie, ignored, signed=False)
    with office.database.write() as connection:
        store_pixel_hit(connection, office.sealer, record)


def test_everything_that_happened_is_shown_with_its_reason(office: Office) -> None:
    campaign = office.campaign()
    made = click(office, campaign, "c1", signals=Signal.KNOWN_AGENT | Signal.GATEWAY)
    click(office, campaign, "c2", link=1)
    hit(office, "order=1042", office.sealer.seal(made))
    hit(office, "order=undefined")
    hit(office, "order=7", ignored="not_a_visit")
    office.order(id="a", number="A-1")
    found = office.get("/accounts/7/live", SHOES)
    second, first = found["clicks"]
    assert (first["contact"], first["verdict"], first["sale_pixel"]) == ("c1", "bot", True)
    assert first["reasons"]
    assert (second["contact"], second["sale_pixel"]) == ("c2", False)
    assert [(one["order"], one["problem"], one["ignored"], one["has_click"]) for one in found["hits"]] == [
        ("7", "not_a_visit", "not_a_visit", False),
        ("", "placeholder_order", "", False),
        ("1042", "", "", True),
    ]
    assert [(one["event"], one["order"], one["unread"]) for one in found["deliveries"]] == [
        ("sales_api", "A-1", "")
    ]
    assert ("A-1", "no_click") in [(one["order"], one["reason"]) for one in found["orders"]]
    page = office.page("/accounts/7/live", SHOES)
    for text in ("not_a_visit", "placeholder_order", "No click found", "Bot", "not a sales link"):
        assert text in page.text
    assert "connect-src 'self'" in page.headers["Content-Security-Policy"]


def test_the_page_says_in_words_what_a_delivery_reports(office: Office) -> None:
    assert {*map(str.lower, ORDER_EVENTS + LIFECYCLE_EVENTS), *LIFECYCLE, SALES_API} == set(DELIVERED)
    office.order(id="a", number="A-1")
    for code, text in (("en", "Orders from a program (sales API)"), ("es", "Pedidos de un programa")):
        page = office.page(f"/accounts/7/live?lang={code}", SHOES).text
        assert text in page
        assert "sales_api" not in page


def test_rejected_deliveries_of_a_shop_are_counted_by_reason(office: Office) -> None:
    added = office.post("/shops", {"empId": 7, "platform": "saleor", "api_url": "https://a.test/graphql/"})
    shop, url = added["id"], "/saleor/webhooks?shop="
    for _ in range(2):
        assert office.app.test_client().post(url + shop, data=b"{}").status_code == 401
    assert office.app.test_client().post(url + "0123456789ab", data=b"{}").status_code == 401
    office.store_counts()
    (one,) = office.get("/accounts/7/live", SHOES)["rejections"]
    assert (one["shop"], one["reason"], one["count"]) == (shop, "unknown_installation", 2)
    assert "unknown_installation" in office.page("/accounts/7/live", SHOES).text
    assert office.get("/accounts/8/live", HATS)["rejections"] == []
    with office.database.write() as connection:
        count_shop_rejections(connection, {(shop, "bad_signature"): (3, NOW), ("none", "busy"): (1, NOW)})
        assert {row.reason: row.deliveries for row in list_shop_rejections(connection, 7)} == {
            "unknown_installation": 2,
            "bad_signature": 3,
        }


def test_unchanged_rows_are_not_sent_again(office: Office) -> None:
    office.order(id="a", number="A-1")
    first = office.page("/accounts/7/live/rows", SHOES)
    assert "A-1" in first.text
    assert "<html" not in first.text
    again = office.page("/accounts/7/live/rows", SHOES, headers={"If-None-Match": first.headers["X-Rows"]})
    assert (again.status_code, again.text) == (304, "")
    office.order(id="b", number="B-2")
    later = office.page("/accounts/7/live/rows", SHOES, headers={"If-None-Match": first.headers["X-Rows"]})
    assert "B-2" in later.text


def test_without_a_script_the_page_reloads_until_its_reader_stops_it(office: Office) -> None:
    assert '<noscript><meta http-equiv="refresh"' in office.page("/accounts/7/live", SHOES).text
    assert 'http-equiv="refresh"' not in office.page("/accounts/7/live?still=1", SHOES).text


@pytest.mark.parametrize("path", ["/accounts/7/live", "/accounts/7/trials/test-6743c800-0123abcd"])
def test_another_account_sees_nothing(office: Office, path: str) -> None:
    assert office.call("GET", path, key=HATS).status_code == 404


def test_a_trial_is_followed_from_the_click_to_the_decision(office: Office) -> None:
    before = office.campaign()
    began = office.post("/accounts/7/trials", {"url": "https://shop.test/p/1"}, SHOES)
    ref, path = began["trial"], f"/accounts/7/trials/{began['trial']}"
    assert began["url"].endswith(f"?k={ref}")
    nothing = office.get(path, SHOES)
    assert (nothing["click"], nothing["hits"], nothing["orders"], nothing["outcome"]) == (None, [], [], None)
    token = re.search(r"/c/([^?]+)", began["url"])
    assert token
    sealer = office.app.extensions["salepixel"].links
    link = sealer.open(token[1])
    made = Click(new_click_id(), 7, link.campaign, link.link, ref)
    with office.database.write() as connection:
        store_clicks(connection, [(made, NO_SIGNAL)])
    assert office.get(path, SHOES)["click"]["contact"] == ref
    hit(office, "order=900")
    hit(office, "order=1042", office.sealer.seal(made))
    found = office.get(path, SHOES)
    assert [one["order"] for one in found["hits"]] == ["1042"]
    assert [one["order"] for one in found["other_hits"]] == ["900"]
    soon = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    office.order(id="other", number="900", placed_at=soon)
    office.order(id="ours", number="1042", placed_at=soon, click=office.sealer.seal(made))
    done = office.get(path, SHOES)
    assert [one["order"] for one in done["orders"]] == ["1042"]
    assert done["outcome"] == "attributed"
    assert "900" in [one["order"] for one in done["other_orders"]]
    clicks = office.get(f"/campaigns/{before['id']}/clicks")["rows"]
    assert clicks == [], "no other campaign counts it"
    again = office.post("/accounts/7/trials", {"url": "https://shop.test/p/1"}, SHOES)
    assert sealer.open(re.search(r"/c/([^?]+)", again["url"])[1]).link == link.link, "one link for all trials"  # type: ignore[index]


def test_the_page_of_a_trial_ticks_its_steps(office: Office) -> None:
    assert office.page("/accounts/7/trial", SHOES, method="POST", data={"url": "nowhere"}).status_code == 422
    begun = office.page("/accounts/7/trial", SHOES, method="POST", data={"url": "https://shop.test/"})
    page = office.page(begun.headers["Location"], SHOES).text
    assert page.count('class="waiting"') == 6
    ref = re.search(r"test-[0-9a-f]{8}-[0-9a-f]{8}", page)
    campaign = re.search(r"campaign=([0-9a-f]{12})", begun.headers["Location"])
    link = re.search(r"link=([0-9a-f]{12})", begun.headers["Location"])
    assert ref
    assert campaign
    assert link
    made = Click(new_click_id(), 7, campaign[1], link[1], ref[0])
    with office.database.write() as connection:
        store_clicks(connection, [(made, NO_SIGNAL)])
    assert office.page(begun.headers["Location"], SHOES).text.count('class="done"') == 2
    soon = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    office.order(id="other", number="900", placed_at=soon)
    lost = office.page(begun.headers["Location"], SHOES).text
    assert "does not pass the click on" in lost
    office.order(id="ours", number="1042", placed_at=soon, click=office.sealer.seal(made))
    done = office.page(begun.headers["Location"], SHOES).text
    assert done.count('class="done"') == 5, "all but the pixel"
