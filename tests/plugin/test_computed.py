"""What takes long is computed by the worker: a page shows the last result at once, the API answers 202."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.attribution import previews
from salepixel.computations.use_cases import FRESH
from salepixel.privacy import access
from salepixel.report import comparison, journey_store, journeys, lift
from salepixel.storage.schema import computations
from tests.plugin.api.test_recipients import assigned, buys, made
from tests.plugin.computing import work
from tests.plugin.conftest import HATS, PLACED, SHOES, Office
from tests.plugin.pages.forms import Form

PATH = "/accounts/7/models"


@pytest.fixture
def large(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Every account is large, and a step is one contact."""
    monkeypatch.setattr(comparison, "SMALL_CLICKS", -1)
    monkeypatch.setattr(journey_store, "CLICKS_AT_ONCE", 1)
    monkeypatch.setattr(journeys, "MIN_ORDERS", 1)
    for number, name in enumerate(("Autumn", "Winter")):
        campaign = office.campaign(name=name)
        for contact in ("ana", "ben", "cy"):
            office.click(campaign, contact, PLACED - timedelta(hours=3))
        token = office.click(campaign, "ana", PLACED + timedelta(minutes=30))
        office.order(id=f"o-{number}", number=str(number), click=token)
    return office


def grow_old(office: Office) -> None:
    """Time passes, after which a result is computed again."""
    with office.database.write() as connection:
        old = datetime.now(UTC) - FRESH - timedelta(seconds=1)
        finished = computations.c.finished_at.is_not(None)
        connection.execute(sa.update(computations).where(finished).values(finished_at=old))


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("from", "to", "as_of")}


def test_a_program_gets_202_then_what_a_small_account_gets_at_once(
    large: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = large.call("GET", PATH, key=SHOES)
    assert (first.status_code, first.headers["Retry-After"]) == (202, "2")
    asked: Any = first.json
    assert (asked["state"], asked["kind"]) == ("queued", "models")
    there = first.headers["Location"].removeprefix("/api/v1")
    assert large.get(there, SHOES) == asked
    progress = [0]
    while (state := large.get(there, SHOES))["state"] != "done":
        assert large.call("GET", PATH, key=SHOES).status_code == 202, "the same computation"
        assert state["done"] >= progress[-1]
        progress.append(state["done"])
        work(large, steps=1)
    assert len(set(progress)) > 5
    by_worker = large.get(PATH, SHOES)
    monkeypatch.setattr(comparison, "SMALL_CLICKS", 1000)
    assert without_times(large.get(PATH, SHOES)) == without_times(by_worker)
    assert by_worker["orders"] == 2
    assert by_worker["as_of"] == large.get(there, SHOES)["as_of"]


def test_a_computation_belongs_to_its_account(large: Office) -> None:
    there = large.call("GET", PATH, key=SHOES).headers["Location"].removeprefix("/api/v1")
    assert large.call("GET", there, key=HATS).status_code == 404
    assert large.call("GET", "/computations/0123456789ab").status_code == 404


def test_a_page_shows_the_progress_then_the_result_and_then_the_last_result(large: Office) -> None:
    shown = large.page(PATH, SHOES).text
    assert "Being computed" in shown
    assert '<meta http-equiv="refresh" content="2">' in shown
    assert "No attributed orders" not in shown
    work(large, steps=3)
    value, most = progress_of(large.page(PATH, SHOES).text)
    assert 0 < value < most
    work(large)
    shown = large.page(PATH, SHOES).text
    assert "€79.60" in shown
    assert "As of " in shown
    assert "omputed" not in shown
    assert "http-equiv" not in shown
    grow_old(large)
    shown = large.page(f"{PATH}?lang=es", SHOES).text
    assert "Se está calculando un resultado más reciente" in shown
    assert "79,60\xa0€" in shown
    assert "http-equiv" not in shown, "the reader is not interrupted"
    assert large.call("GET", PATH, key=SHOES).status_code == 202
    work(large)
    assert "omputed" not in large.page(f"{PATH}?lang=en", SHOES).text


def progress_of(shown: str) -> tuple[int, int]:
    found = re.search(r'<progress max="(\d+)" value="(\d+)"', shown)
    assert found is not None, shown
    return int(found[2]), int(found[1])


def test_with_other_settings_it_is_another_computation(large: Office) -> None:
    large.call("GET", PATH, key=SHOES)
    work(large, steps=1)
    large.post("/accounts/7/policies", {"window_days": 1}, SHOES)
    assert large.call("GET", PATH, key=SHOES).status_code == 202
    work(large)
    assert large.get(PATH, SHOES)["window_days"] == 1
    with large.database.read() as connection:
        states = set(connection.scalars(sa.select(computations.c.state)))
    assert states == {"done", "failed"}


def test_a_failure_is_shown_and_attempted_again_later(large: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(comparison, "_count_clicks", lambda *_: 1 / 0)
        large.call("GET", PATH, key=SHOES)
        large.page(PATH, SHOES)  # its days end at midnight, so it is another computation
        work(large)
    answer = large.call("GET", PATH, key=SHOES)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "900")
    assert answer.json
    assert answer.json["error"].startswith("ZeroDivisionError")
    shown = large.page(PATH, SHOES).text
    assert "This could not be computed" in shown
    assert "ZeroDivisionError" in shown
    grow_old(large)
    assert large.call("GET", PATH, key=SHOES).status_code == 202


def test_too_many_computations_are_refused(large: Office) -> None:
    days = [(PLACED - timedelta(days=n)).isoformat() for n in range(21)]
    answers = [large.call("GET", PATH, key=SHOES, query_string={"from": day}) for day in days]
    assert [answer.status_code for answer in answers] == [202] * 20 + [409]
    assert answers[-1].json
    assert answers[-1].json["reason"] == "too_many_computations"


def test_the_lift_of_many_recipients_is_that_of_few(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = made(office)
    mail, out = assigned(office, campaign)
    for ref in (*mail[:60], *out[:3]):
        buys(office, ref)
    path = f"/campaigns/{campaign}/lift"
    at_once = office.get(path, SHOES)
    monkeypatch.setattr(lift, "SMALL_RECIPIENTS", 0)
    monkeypatch.setattr(lift, "RECIPIENTS_AT_ONCE", 30)
    assert office.call("GET", path, key=SHOES).status_code == 202
    assert "Being computed" in office.page(path, SHOES).text
    work(office, steps=5)
    value, most = progress_of(office.page(path, SHOES).text)
    assert (value, most) == (150, 400)
    work(office)
    assert office.get(path, SHOES) | {"as_of": ""} == at_once | {"as_of": ""}
    assert at_once["explanation"] in unescape(office.page(path, SHOES).text)


def test_a_preview_of_many_orders_is_that_of_few_and_its_button_applies_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = office.campaign(name="Old"), office.campaign(name="New")
    for number in range(7):
        office.click(old, f"c{number}", PLACED - timedelta(days=1))
        office.order(id=f"o{number}", number=f"n{number}", click=office.click(new, f"c{number}"))
    change, address = {"model": "linear"}, "/accounts/7/policies/preview"
    at_once = office.post(f"{address}?limit=5", change, SHOES)
    assert len(at_once["moves"]) == 5
    monkeypatch.setattr(previews, "SMALL_ORDERS", 0)
    monkeypatch.setattr(previews, "ORDERS_AT_ONCE", 2)
    assert office.call("POST", f"{address}?limit=5", change, SHOES).status_code == 202
    work(office)
    by_worker = office.post(f"{address}?limit=5", change, SHOES)
    assert by_worker | {"as_of": ""} == at_once | {"as_of": ""}
    assert by_worker["next"]

    page = "/accounts/7/policy/preview?model=linear&lang=en"
    shown = office.page(page, SHOES).text
    assert "Being computed" in shown
    assert "<button>Apply" not in shown
    assert "Linear" in shown, "what changes is shown at once"
    work(office, steps=2)
    assert progress_of(office.page(page, SHOES).text) == (4, 7)
    work(office)
    shown = office.page(page, SHOES).text
    assert "€139.30" in shown
    assert "As of " in shown
    form = Form(shown, "/accounts/7/policy")
    answer = office.page(form.action, SHOES, method="POST", data=form.fields)
    assert answer.status_code == 303
    assert office.get("/accounts/7/policies", SHOES)["policies"][0]["model"] == "linear"


def test_a_person_is_looked_for_in_many_deliveries_by_the_worker(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign, address = office.campaign(), "ana@example.com"
    office.post("/contacts", {"empId": 7, "contacts": [{"ref": "ana", "email": address}]})
    for number in range(7):
        whose = address if number % 2 else f"bo{number}@example.com"
        office.order(id=f"o{number}", number=f"n{number}", email=whose, click=office.click(campaign, "ana"))
    wanted = {"empId": 7, "contact": address}
    at_once = office.post("/contacts/export", wanted, SHOES)
    assert len(at_once["tables"]["deliveries"]) == 3
    monkeypatch.setattr(access, "SMALL_DELIVERIES", 0)
    parts = tuple((name, read, 2) for name, read, _ in access._PARTS)
    monkeypatch.setattr(access, "_PARTS", parts)
    assert office.call("POST", "/contacts/export", wanted, SHOES).status_code == 202
    with office.database.read() as connection:
        (parameters,) = connection.scalars(sa.select(computations.c.parameters))
    assert address not in parameters
    work(office, steps=4)
    assert office.call("POST", "/contacts/export", wanted, SHOES).status_code == 202
    work(office)
    by_worker = office.post("/contacts/export", wanted, SHOES)
    assert by_worker | {"exported_at": ""} == at_once | {"exported_at": ""}

    sent = office.page("/accounts/7/people/export", SHOES, method="POST", data={"contact": "ana"})
    assert sent.status_code == 303
    there = sent.headers["Location"]
    assert "ana" not in there
    assert "Being computed" in office.page(there, SHOES).text
    assert office.page(there, HATS).status_code == 404
    assert office.page(there.replace("/7/", "/8/")).status_code == 404
    work(office)
    assert "The file is ready" in office.page(there, SHOES).text
    file = office.page(f"{there}?file=1", SHOES)
    assert file.json
    assert file.json["tables"] == at_once["tables"]
