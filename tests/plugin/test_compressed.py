"""Pages are compressed for who takes gzip, without their length revealing a secret."""

import gzip

import pytest
from werkzeug.test import TestResponse

from tests.plugin.conftest import SHOES, Office

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def _page(office: Office, path: str, headers: dict[str, str] = GZIP) -> TestResponse:
    answer = office.page(path, SHOES, headers=headers)
    assert answer.data
    answer.close()  # a file stays open otherwise
    return answer


@pytest.mark.parametrize("path", ["/accounts/7/models", "/assets/pages.css"])
def test_a_page_is_compressed_for_who_takes_gzip(office: Office, path: str) -> None:
    packed, plain = _page(office, path), _page(office, path, {})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path", ["/accounts/7/first-steps", "/accounts/7/coverage", "/accounts/7/alerts", "/login"]
)
def test_a_page_that_may_have_a_secret_is_not_compressed(office: Office, path: str) -> None:
    assert "Content-Encoding" not in _page(office, path).headers


def test_a_list_of_campaigns_with_the_address_of_an_app_is_not_compressed(office: Office) -> None:
    api_url = "https://shop.test/graphql/"
    office.post("/shops", {"empId": 7, "platform": "saleor", "api_url": api_url})
    answer = _page(office, "/accounts/7/campaigns")
    assert "/saleor/manifest?" in answer.text
    assert "Content-Encoding" not in answer.headers


def test_the_same_page_has_different_lengths(office: Office) -> None:
    lengths = {len(_page(office, "/accounts/7/models").data) for _ in range(20)}
    assert len(lengths) > 1, "20 of 100 lengths are equal in one of 10^38 runs"


def test_files_are_sent_as_they_are(office: Office) -> None:
    campaign = office.campaign()["id"]
    for kind in ("csv", "xlsx"):
        assert "Content-Encoding" not in _page(office, f"/campaigns/{campaign}/sales.{kind}").headers
