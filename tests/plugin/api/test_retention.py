"""How long data is kept is read and changed by the API as on the page."""

from typing import Any

import pytest

from salepixel.privacy.retention import DEFAULT_DAYS, Kept
from tests.plugin.conftest import HATS, SHOES, Office

PATH = "/accounts/7/retention"
LEAST = 44
"""Twice the attribution window of 7 days, plus a month."""


def days(answer: dict[str, Any]) -> dict[str, int | None]:
    return {kind: period["days"] for kind, period in answer.items()}


def test_days_are_changed_kind_by_kind(office: Office) -> None:
    assert days(office.get(PATH, SHOES)) == DEFAULT_DAYS
    least = {kind: period["least_days"] for kind, period in office.get(PATH, SHOES).items()}
    assert least == dict.fromkeys(Kept, LEAST) | {
        Kept.DELIVERIES: 1,
        Kept.FORWARDS: 1,
        Kept.AUDIT: 30,
    }
    for changed in ({"deliveries": 30, "clicks": None}, {"contacts": LEAST}, {}):
        answer = office.call("PATCH", PATH, changed, SHOES)
        assert answer.status_code == 200
        assert days(answer.get_json()).items() >= changed.items()
    chosen = {Kept.DELIVERIES: 30, Kept.CLICKS: None, Kept.CONTACTS: LEAST}
    assert days(office.get(PATH, SHOES)) == dict(DEFAULT_DAYS) | chosen
    page = office.page("/accounts/7/people", SHOES).text
    assert 'name="deliveries" inputmode="numeric" class="days" value="30"' in page
    assert 'name="clicks" inputmode="numeric" class="days" value=""' in page


@pytest.mark.parametrize(
    "sent",
    [
        {"clicks": LEAST - 1},
        {"contacts": LEAST - 1},
        {"deliveries": 0},
        {"deliveries": 3651},
        {"deliveries": 10**30},
        {"deliveries": "30"},
        {"deliveries": 1.5},
        {"audit": 29},
        {"unknown": 30},
    ],
)
def test_other_days_are_refused_and_nothing_changes(office: Office, sent: dict[str, object]) -> None:
    answer = office.call("PATCH", PATH, {"forwards": 10} | sent, SHOES)
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == list(sent)
    assert days(office.get(PATH, SHOES)) == DEFAULT_DAYS


def test_only_the_account_s_own_key_reads_and_changes_them(office: Office) -> None:
    assert office.call("GET", PATH, None, HATS).status_code == 404
    assert office.call("PATCH", PATH, {"clicks": 100}, HATS).status_code == 404
    assert office.call("PATCH", "/accounts/99/retention", {"clicks": 100}).status_code == 404
