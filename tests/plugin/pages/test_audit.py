"""The audit list, by page, file and API."""

import csv
import io
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from salepixel.accounts.audit import Action
from salepixel.accounts.principal import ActorKind
from salepixel_plugin.audit_words import ACTION, ACTOR, say_value
from salepixel_plugin.languages import LANGUAGES
from tests.plugin.conftest import ALL, HATS, SHOES, Office

PAGE, CALL = "/accounts/7/audit", "/audit?empId=7"


def _rename(office: Office, name: str) -> Any:
    campaign = office.campaign()
    assert office.call("PATCH", f"/campaigns/{campaign['id']}", {"name": name}, SHOES).status_code == 200
    return campaign


def test_a_change_is_in_the_list_with_its_values(office: Office) -> None:
    campaign = _rename(office, "<b>Winter")
    changed, created = office.get(CALL, SHOES)["rows"][:2]
    assert (changed["action"], created["action"]) == ("campaign.changed", "campaign.created")
    assert changed["subject"] == {"kind": "campaign", "id": campaign["id"], "name": "<b>Winter"}
    assert changed["changes"] == [{"field": "name", "before": "Autumn", "after": "<b>Winter"}]
    assert changed["actor_kind"] == "key"
    shown = office.page(PAGE, key=SHOES)
    assert "Campaign changed" in shown.text
    assert "Name: Autumn → &lt;b&gt;Winter" in shown.text
    assert "Campaña cambiada" in office.page(f"{PAGE}?lang=es", key=SHOES).text


def test_a_value_is_written_for_people() -> None:
    values = [18000, ["Welcome 1", "Welcome 2"], [], True]
    assert [say_value(value, LANGUAGES["es"]) for value in values] == [
        "18.000",
        "Welcome 1, Welcome 2",
        "–",
        "sí",
    ]


def test_a_refusal_leaves_no_row(office: Office) -> None:
    campaign = office.campaign()
    before = office.get(CALL)["rows"]
    assert office.call("PATCH", f"/campaigns/{campaign['id']}", {"name": "x"}, HATS).status_code == 404
    assert office.call("POST", "/accounts/7/keys", {"name": ""}).status_code == 422
    assert office.get(CALL)["rows"] == before


def test_filters_find_an_actor_an_action_and_a_day(office: Office) -> None:
    _rename(office, "Winter")
    rows = office.get(CALL)["rows"]
    actor = rows[0]["actor"]
    assert office.get(f"{CALL}&actor={actor}&action=campaign.changed")["rows"] == rows[:1]
    assert office.get(f"{CALL}&actor=person:0123456789ab")["rows"] == []
    assert office.get(f"{CALL}&to=2026-01-01")["rows"] == []
    assert "Campaign changed" in office.page(f"{PAGE}?actor={actor}").text
    assert "No such changes" in office.page(f"{PAGE}?to=2026-01-01").text
    for wrong in ("actor=somebody", "action=x", "from=2026-13-01", "cursor=x"):
        assert office.call("GET", f"{CALL}&{wrong}").status_code == 422
        assert office.page(f"{PAGE}?{wrong}").status_code == 422


def test_pages_lead_in_both_directions(office: Office) -> None:
    _rename(office, "Winter")
    every = [row["id"] for row in office.get(CALL)["rows"]]
    first = office.get(f"{CALL}&limit=1")
    second = office.get(f"{CALL}&limit=1&cursor={first['next']}")
    again = office.get(f"{CALL}&limit=1&cursor={second['previous']}")
    assert [first["rows"][0]["id"], second["rows"][0]["id"]] == every[:2]
    assert (first["previous"], again["rows"]) == (None, first["rows"])


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_file_has_the_rows_of_the_page(form: str, office: Office) -> None:
    _rename(office, "=1+1")
    body = office.page(f"/accounts/7/audit.{form}?action=campaign.changed").data
    if form == "csv":
        rows: list[Any] = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    else:
        rows = [list(row) for row in openpyxl.load_workbook(io.BytesIO(body)).worksheets[0].values]
    assert len(rows) == 2
    assert rows[1][3:] in (
        ["Campaign changed", "'=1+1", "Name: Autumn → =1+1"],
        ["Campaign changed", "=1+1", "Name: Autumn → =1+1"],
    )


def test_owners_of_all_accounts_see_the_list_of_the_installation(office: Office) -> None:
    office.post("/accounts", {"empId": 9, "name": "Hats", "currency": "EUR"})
    assert {row["action"] for row in office.get("/audit")["rows"]} == {"account.created", "key.created"}
    assert "Account created" in office.page("/audit", key=ALL).text
    assert office.page("/audit", key=SHOES).status_code == 403
    assert office.call("GET", "/audit", key=SHOES).status_code == 403
    assert office.call("GET", CALL, key=HATS).status_code == 404


def test_every_action_and_every_actor_has_words() -> None:
    assert (set(ACTION), set(ACTOR)) == (set(Action), set(ActorKind))
