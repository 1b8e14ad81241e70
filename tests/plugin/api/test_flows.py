"""A flow by API: each e-mail has its own numbers, and the flow has their sums."""

from tests.plugin.conftest import HATS, SHOES, Office


def test_a_flow_adds_up_the_numbers_of_its_e_mails(office: Office) -> None:
    flow = office.post("/flows", {"empId": 7, "name": "Welcome"}, SHOES)
    first, second = (office.campaign(name=name) for name in ("Welcome 1", "Welcome 2"))
    place = f"/flows/{flow['id']}"
    for campaign in (first, second):
        answer = office.call("PUT", f"{place}/parts/{campaign['id']}", {}, SHOES)
        assert answer.status_code == 200, answer.text
    for campaign, contact in ((first, "c1"), (second, "c2"), (second, "c3")):
        office.reconcile(*office.order(click=office.click(campaign, contact), id=f"o-{contact}"))
    office.store_counts()
    found = office.get(place, SHOES)
    parts = [
        (part["name"], part["position"], [t["orders"] for t in part["totals"]]) for part in found["parts"]
    ]
    assert parts == [("Welcome 1", 1, [1]), ("Welcome 2", 2, [2])]
    own = [office.get(f"/campaigns/{one['id']}/sales", SHOES)["totals"] for one in (first, second)]
    assert [part["totals"] for part in found["parts"]] == own
    (total,) = found["totals"]
    assert total["orders"] == 3
    assert total["net"] == f"{3 * float(own[0][0]['net']):.2f}"
    assert found["human_clicks"] + found["bot_clicks"] == sum(
        part["human_clicks"] + part["bot_clicks"] for part in found["parts"]
    )
    assert [part["sent_at"] for part in found["parts"]] == [None, None]
    assert [one["id"] for one in office.get("/flows", SHOES)["flows"]] == [flow["id"]]
    moved = office.call("PUT", f"{place}/parts/{second['id']}", {"position": 1}, SHOES).json
    assert [part["name"] for part in moved["parts"]] == ["Welcome 2", "Welcome 1"]  # type: ignore[index]
    left = office.call("DELETE", f"{place}/parts/{second['id']}", key=SHOES).json
    assert [part["name"] for part in left["parts"]] == ["Welcome 1"]  # type: ignore[index]
    assert len(office.get(f"/campaigns/{second['id']}/sales", SHOES)["rows"]) == 2


def test_a_flow_belongs_to_its_account(office: Office) -> None:
    flow = office.post("/flows", {"empId": 7, "name": "Welcome"}, SHOES)
    campaign = office.campaign()
    for method, path in (
        ("GET", f"/flows/{flow['id']}"),
        ("PUT", f"/flows/{flow['id']}/parts/{campaign['id']}"),
        ("DELETE", f"/flows/{flow['id']}/parts/{campaign['id']}"),
    ):
        assert office.call(method, path, {} if method == "PUT" else None, HATS).status_code == 404
    assert office.get("/flows", HATS) == {"flows": [], "next": None}
    assert office.call("POST", "/flows", {"empId": 7, "name": "x"}, HATS).status_code == 403
    assert office.call("POST", "/flows", {"empId": 7, "name": ""}, SHOES).status_code == 422


def test_a_part_of_another_flow_is_refused_with_its_name(office: Office) -> None:
    one, other = (office.post("/flows", {"empId": 7, "name": name}, SHOES)["id"] for name in ("One", "Other"))
    campaign = office.campaign()["id"]
    assert office.call("PUT", f"/flows/{one}/parts/{campaign}", {}, SHOES).status_code == 200
    answer = office.call("PUT", f"/flows/{other}/parts/{campaign}", {}, SHOES)
    assert answer.status_code == 409
    assert "One" in answer.text
