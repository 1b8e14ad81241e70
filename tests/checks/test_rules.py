"""The checks of shop, tag, campaign, click and sale say what is missing, by name."""

from datetime import UTC, datetime, timedelta

import pytest

from salepixel.checks.result import Finding, Result, State
from salepixel.checks.sales import check_account, check_campaign, check_click, check_sale
from salepixel.checks.sentences import SENTENCES, TITLES
from salepixel.checks.shop import ShopFacts, check_shop
from salepixel.checks.tag import check_tag, find_tag

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PAGE = "https://shop.test/"
DONE, WAITING, BROKEN = State.DONE, State.WAITING, State.BROKEN


def _is(result: Result, state: State, reason: str) -> None:
    assert (result.state, result.reason) == (state, reason)
    assert result.name in TITLES
    for text in SENTENCES[reason]:
        assert text % result.words is not None


def _saleor(cause: str = "", last: datetime | None = None) -> ShopFacts:
    return ShopFacts("saleor", "Shoes", cause, last)


PIXEL = ShopFacts("pixel", "", "", None)


@pytest.mark.parametrize(
    ("shops", "state", "reason"),
    [
        ([], WAITING, "shop_missing"),
        ([_saleor("removed")], WAITING, "shop_pixel_only"),
        ([PIXEL], WAITING, "shop_pixel_only"),
        ([_saleor("waiting")], WAITING, "shop_waiting"),
        *(
            ([_saleor(cause, NOW)], BROKEN, f"shop_{cause}")
            for cause in (
                "inactive",
                "disconnected",
                "paused",
                "app_inactive",
                "permission_removed",
                "token_refused",
                "unavailable",
            )
        ),
        ([_saleor()], WAITING, "shop_silent"),
        ([_saleor(), PIXEL], WAITING, "shop_silent"),
        ([_saleor(last=NOW - timedelta(days=9))], DONE, "shop_connected"),
        ([_saleor(last=NOW), _saleor("paused")], BROKEN, "shop_paused"),
        ([ShopFacts("api", "", "", NOW), PIXEL], DONE, "shop_connected"),
    ],
)
def test_orders_of_the_shops_arrive(shops: list[ShopFacts], state: State, reason: str) -> None:
    _is(check_shop(shops), state, reason)


def test_the_last_delivery_of_all_shops_is_named() -> None:
    result = check_shop([_saleor(last=NOW), _saleor(last=NOW - timedelta(days=1))])
    assert result.words["time"] == NOW


@pytest.mark.parametrize(
    ("page", "finding", "last_hit", "state", "reason"),
    [
        ("", None, None, WAITING, "site_needed"),
        ("", None, NOW, DONE, "tag_reports"),
        (PAGE, None, None, WAITING, "tag_not_checked"),
        (PAGE, Finding("https://old.test/", "", NOW), None, WAITING, "tag_not_checked"),
        (PAGE, Finding(PAGE, "", NOW), None, DONE, "tag_found"),
        (PAGE, Finding(PAGE, "not_found", NOW), NOW, DONE, "tag_reports"),
        *(
            (PAGE, Finding(PAGE, why, NOW), None, WAITING, f"tag_{why}")
            for why in (
                "not_found",
                "unreachable",
                "too_slow",
                "too_large",
                "bad_certificate",
                "bad_status",
            )
        ),
        (PAGE, Finding(PAGE, "other_account", NOW), None, BROKEN, "tag_other_account"),
        (PAGE, Finding(PAGE, "other_host", NOW), None, BROKEN, "tag_other_host"),
    ],
)
def test_the_tag_is_in_the_shop(
    page: str, finding: Finding | None, last_hit: datetime | None, state: State, reason: str
) -> None:
    _is(check_tag(page, finding, last_hit), state, reason)


TAG = '<script src="https://track.shop.test/sp.js" data-emp-id="7" async></script>'


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        (f"<html><head>{TAG}</head>", ""),
        (TAG.replace('"', "'").upper().replace("/SP.JS", "/sp.js"), ""),
        ("<script src=//track.shop.test/sp.js data-emp-id=7></script>", ""),
        ("<script async src=https://track.shop.test/sp.js></script>", ""),
        ("<p><img src='https://track.shop.test/track/sale?empId=7&amp;IMPORTE=1'>", ""),
        ("<script>new Image().src = 'https://track.shop.test/track/sale?empId=7'</script>", ""),
        ("", "not_found"),
        ("<!doctype html><div id=root></div>", "not_found"),
        ("<script src=https://cdn.test/sp.js></script>", "not_found"),
        ("<img src='https://track.mdrctr.com/track/sale?empId=7'>", "not_found"),
        ("<script src='https://[x/sp.js'></script><img src='//[y'>", "not_found"),
        (f"<!-- {TAG} -->", "not_found"),
        (TAG.replace('"7"', '"8"'), "other_account"),
        (TAG.replace('"7"', '"8"') + TAG, ""),
        (TAG.replace("track.shop", "old.shop"), "other_host"),
    ],
)
def test_the_tag_is_found_however_a_page_writes_it(html: str, reason: str) -> None:
    assert find_tag(html, {"track.shop.test"}, 7) == reason


@pytest.mark.parametrize(
    ("result", "state", "reason"),
    [
        (check_account("Shoes", ""), WAITING, "site_missing"),
        (check_account("Shoes", "shop.test"), DONE, "account_ready"),
        (check_campaign(0, 0), WAITING, "campaign_missing"),
        (check_campaign(0, 2), WAITING, "campaign_draft"),
        (check_campaign(1, 2), DONE, "campaign_made"),
        (check_click(0, 0), WAITING, "click_missing"),
        (check_click(0, 3), WAITING, "click_by_bots"),
        (check_click(1, 3), DONE, "click_counted"),
        (check_sale(0, 0), WAITING, "sale_missing"),
        (check_sale(5, 0), WAITING, "sale_without_evidence"),
        (check_sale(5, 1), DONE, "sale_attributed"),
    ],
)
def test_each_step_to_the_first_sale_says_what_is_missing(result: Result, state: State, reason: str) -> None:
    _is(result, state, reason)
