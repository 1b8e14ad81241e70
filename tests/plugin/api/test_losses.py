"""Losses are shown with the report, to the accounts that they affect."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from salepixel.clicks.records import LossRecord
from salepixel.clicks.store import store_loss
from tests.plugin.conftest import SHOES, Office

HOUR = timedelta(hours=1)


def _lose(office: Office, count: int, from_at: datetime, to_at: datetime) -> None:
    first, last = (int(time.timestamp() * 1000) for time in (from_at, to_at))
    with office.database.write() as connection:
        store_loss(connection, "edge-1", first, LossRecord(count, first, last))


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _as_json(count: int, from_at: datetime, to_at: datetime) -> dict[str, Any]:
    names = (time.isoformat().replace("+00:00", "Z") for time in (from_at, to_at))
    return {"count": count, **dict(zip(("from", "to"), names, strict=True))}


def test_a_campaign_shows_the_losses_since_it_was_created(office: Office, now: datetime) -> None:
    campaign = office.campaign()
    sales, page = f"/campaigns/{campaign['id']}/sales", f"/campaigns/{campaign['id']}"
    _lose(office, 1234, now - 5 * HOUR, now - 4 * HOUR)
    assert office.get(sales, SHOES)["losses"] == []
    assert "could not be recorded" not in office.page(page).text
    _lose(office, 4321, now - 2 * HOUR, now + HOUR)  # it began before the campaign
    assert office.get(sales, SHOES)["losses"] == [_as_json(4321, now - 2 * HOUR, now + HOUR)]
    english, spanish = office.page(page, SHOES).text, office.page(f"{page}?lang=es", SHOES).text
    assert "Lost clicks and pixel hits" in english
    assert ": 4,321</li>" in english
    assert "their campaign and account are unknown" in english
    assert "no se conocen su campaña ni su cuenta" in spanish
    assert "1,234" not in english


def test_a_key_for_all_accounts_sees_all_losses(office: Office, now: datetime) -> None:
    assert office.get("/losses") == {"losses": []}
    _lose(office, 3, now - 9 * HOUR, now - 8 * HOUR)
    _lose(office, 2, now - HOUR, now)
    both = [_as_json(2, now - HOUR, now), _as_json(3, now - 9 * HOUR, now - 8 * HOUR)]
    assert office.get("/losses") == {"losses": both}
