"""Failed forwards: listed and resent, by each account for itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from salepixel.destinations import outbox
from salepixel.storage import schema
from tests.plugin.conftest import ALL, HATS, SHOES, Office


def _give_up(
    office: Office, emp_id: int, order_id: str, answer: str = "404", shop: str = "0000000000b1"
) -> str:
    """A failed forward; gives its id."""
    at = datetime.now(UTC)
    with office.database.write() as connection:
        urls = {"": f"https://x.test/?a={order_id}&b=1"}
        outbox.announce_order(connection, emp_id, shop, order_id, urls, at - timedelta(minutes=1))
        (claimed,) = outbox.claim_outgoing(connection, at, at, 10)
        outbox.record_attempt(connection, claimed, state="dead", answer=answer, next_at=at)
    return claimed.id


def _states(office: Office) -> dict[str, str]:
    with office.database.read() as connection:
        return {row.order_id: row.state for row in connection.execute(sa.select(schema.outbox))}


def test_failed_forwards_are_listed_with_the_last_answer(office: Office) -> None:
    token = office.click(office.campaign(), "c1")
    shop, order = office.order(click=token)
    letter = _give_up(office, 7, order, "x.test is not in SALEPIXEL_FORWARD_HOSTS", shop)
    (row,) = office.get("/outbox/dead", SHOES)["rows"]
    assert (row["id"], row["empId"], row["order"], row["shop"]) == (letter, 7, "1042", shop)
    assert row["url"] == "https://x.test/?a=o-1&b=1"
    assert "SALEPIXEL_FORWARD_HOSTS" in row["answer"]
    assert row["given_up_at"].endswith("Z")


def test_each_account_sees_and_resends_only_its_own(office: Office) -> None:
    hats = _give_up(office, 8, "secret-hat")
    _give_up(office, 7, "shoe")
    assert [row["order"] for row in office.get("/outbox/dead", SHOES)["rows"]] == ["shoe"]
    assert len(office.get("/outbox/dead", ALL)["rows"]) == 2
    assert office.call("POST", "/outbox/dead/retry", {"empId": 8}, SHOES).status_code == 403
    assert office.post("/outbox/dead/retry", {"empId": 7, "id": hats}, SHOES) == {"waiting": 0}
    assert _states(office) == {"secret-hat": "dead", "shoe": "dead"}
    assert office.post("/outbox/dead/retry", {"empId": 7}, SHOES) == {"waiting": 1}
    assert _states(office) == {"secret-hat": "dead", "shoe": "waiting"}
    page = office.page("/outbox", SHOES).text
    assert "No failed forwards" in page
    assert "ecret" not in page
    for sent in ({"id": hats}, {}):
        assert office.page("/outbox", SHOES, method="POST", data=sent).status_code == 303
    assert _states(office)["secret-hat"] == "dead"
    assert office.page("/outbox", HATS, method="POST").status_code == 303
    assert _states(office)["secret-hat"] == "waiting"


def test_a_failed_forward_is_resent_once(office: Office) -> None:
    first, second = (_give_up(office, 7, name) for name in ("first", "second"))
    for expected in (1, 0):
        assert office.post("/outbox/dead/retry", {"empId": 7, "id": first}) == {"waiting": expected}
    assert [row["id"] for row in office.get("/outbox/dead")["rows"]] == [second]


@pytest.mark.parametrize(
    "body",
    [{}, {"empId": "7"}, {"empId": 7, "id": None}, {"empId": 7, "id": 7}, {"empId": 7, "ids": []}],
)
def test_a_resend_must_name_one_forward_or_all(office: Office, body: dict[str, Any]) -> None:
    _give_up(office, 7, "shoe")
    assert office.call("POST", "/outbox/dead/retry", body).status_code == 422
    assert _states(office) == {"shoe": "dead"}


def test_the_list_is_paged(office: Office) -> None:
    for number in range(5):
        _give_up(office, 7, f"o{number}")
    seen: list[str] = []
    query = "limit=2"
    while query:
        page = office.get(f"/outbox/dead?{query}")
        seen += [row["order"] for row in page["rows"]]
        query = f"limit=2&cursor={page['next']}" if page["next"] else ""
    assert seen == ["o4", "o3", "o2", "o1", "o0"]
    assert office.call("GET", "/outbox/dead?cursor=x").status_code == 422
    assert office.page("/outbox?cursor=x").status_code == 422


def test_the_page_shows_failed_forwards_and_resends_them(office: Office) -> None:
    assert "/outbox" not in office.page("/", SHOES).text
    letter = _give_up(office, 7, "o-1", '<b>"410"')
    _give_up(office, 7, "o-2")
    assert "Failed forwards: 2" in office.page("/", SHOES).text
    page = office.page("/outbox", SHOES).text
    for text in ("o-1", "&lt;b&gt;&#34;410&#34;", "https://x.test/?a=o-1&amp;b=1", "Shoes", letter):
        assert text in page
    assert "Reintentar todo" in office.page("/outbox?lang=es", SHOES).text
    assert office.page("/outbox", SHOES, method="POST", data={"id": ""}).status_code == 303
    assert _states(office) == {"o-1": "dead", "o-2": "dead"}, "a form that names none by mistake sends none"
    answer = office.page("/outbox", SHOES, method="POST", data={"id": letter})
    assert (answer.status_code, answer.location) == (303, "/outbox")
    assert _states(office) == {"o-1": "waiting", "o-2": "dead"}
    office.page("/outbox", SHOES, method="POST")
    assert _states(office) == {"o-1": "waiting", "o-2": "waiting"}


def test_another_site_cannot_resend(office: Office) -> None:
    _give_up(office, 7, "o-1")
    browser = office.browser
    browser.post("/login", data={"key": SHOES})
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post("/outbox", headers=foreign).status_code == 403
    assert _states(office) == {"o-1": "dead"}
