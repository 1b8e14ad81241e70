"""The life of a campaign after it was created: renamed, duplicated, archived, taken back, deleted."""

import re
from typing import Any

import sqlalchemy as sa

from salepixel.storage.schema import campaigns, links, mails
from tests.plugin.conftest import HATS, SHOES, Office

MAIL = {"empId": 7, "name": "Autumn", "text": "<a href='https://shop.test/'>Shoes</a>"}


def mailed(office: Office) -> tuple[str, str]:
    """A campaign that was made from an e-mail, and the e-mail."""
    mail = office.post("/mails", MAIL)["id"]
    made = office.call("PUT", f"/mails/{mail}/campaign").json
    assert made is not None
    return made["campaign_id"], mail


def press(office: Office, campaign: str, step: str, key: str = SHOES, **fields: Any) -> Any:
    data = {"step": step, **fields}
    return office.page(f"/campaigns/{campaign}/manage", key, method="POST", data=data)


def test_a_campaign_is_renamed_with_its_mail(office: Office) -> None:
    campaign, mail = mailed(office)
    assert press(office, campaign, "rename", name=" Winter  sale ").status_code == 303
    assert "<h1>Winter sale</h1>" in office.page(f"/campaigns/{campaign}", SHOES).text
    assert "<h1>Winter sale</h1>" in office.page(f"/mails/{mail}", SHOES).text
    answer = press(office, campaign, "rename", name=" ")
    assert (answer.status_code, "Enter a name" in answer.text) == (422, True)


def test_an_archived_campaign_leaves_the_lists_and_keeps_its_pages(office: Office) -> None:
    campaign, _ = mailed(office)
    listed = f"/campaigns/{campaign}"
    assert listed in office.page("/", SHOES).text
    press(office, campaign, "archive")
    front = office.page("/", SHOES).text
    assert (listed in front, "Archived campaigns" in front) == (False, True)
    assert listed in office.page("/?archived=1", SHOES).text
    assert "Archived" in office.page(f"{listed}/links", SHOES).text
    assert office.get("/campaigns", SHOES)["campaigns"] == []
    (only,) = office.get("/campaigns?archived=true", SHOES)["campaigns"]
    press(office, campaign, "archive")  # again: the first time stays
    assert office.get(listed, SHOES)["archived_at"] == only["archived_at"] is not None
    press(office, campaign, "restore")
    assert listed in office.page("/", SHOES).text
    assert office.get(listed, SHOES)["archived_at"] is None


def test_a_campaign_with_a_mail_is_duplicated_as_a_draft(office: Office) -> None:
    campaign, mail = mailed(office)
    there = press(office, campaign, "copy").headers["Location"]
    copy = office.get(there, SHOES)
    assert (copy["name"], copy["campaign_id"], copy["id"] != mail) == ("Autumn (copy)", None, True)
    assert [one["link_id"] for one in copy["links"]] == [None]


def test_a_campaign_without_a_mail_is_duplicated_with_its_links(office: Office) -> None:
    campaign = office.campaign()
    made = office.call("POST", f"/campaigns/{campaign['id']}/copy", {"name": "Again"}).json
    assert made is not None
    copy = office.get(f"/campaigns/{made['campaign_id']}")
    same = ("url", "label", "sale_pixel")
    assert [[one[name] for name in same] for one in copy["links"]] == [
        [one[name] for name in same] for one in campaign["links"]
    ]
    assert copy["links"][0]["tracked_url"] != campaign["links"][0]["tracked_url"]
    assert (copy["name"], copy["utm_campaign"]) == ("Again", "")


def test_a_campaign_without_clicks_is_deleted_with_its_mail(office: Office) -> None:
    campaign, mail = mailed(office)
    assert "Delete it for good" in office.page(f"/campaigns/{campaign}/manage", SHOES).text
    assert press(office, campaign, "delete", HATS).status_code == 404
    assert press(office, campaign, "delete").status_code == 303
    assert office.page(f"/campaigns/{campaign}", SHOES).status_code == 404
    assert office.page(f"/mails/{mail}", SHOES).status_code == 404
    with office.database.read() as connection:
        for table in (campaigns, links, mails):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_a_campaign_with_a_click_is_not_deleted(office: Office) -> None:
    campaign = office.campaign()
    office.click(campaign, "c1")
    answer = press(office, campaign["id"], "delete")
    assert (answer.status_code, "cannot be deleted" in answer.text) == (422, True)
    answer = office.call("DELETE", f"/campaigns/{campaign['id']}")
    assert (answer.status_code, answer.json and answer.json["reason"]) == (409, "campaign_in_use")
    assert office.get(f"/campaigns/{campaign['id']}")["name"] == "Autumn"


def test_an_order_by_a_link_of_a_deleted_campaign_is_decided_and_shown(office: Office) -> None:
    campaign = office.campaign()
    office.call("DELETE", f"/campaigns/{campaign['id']}")
    token = office.click(campaign, "c1")
    shop, order = office.order(id="o-1", number="1", click=token)
    answer = office.page(f"/orders/{shop}/{order}")
    assert (answer.status_code, "is attributed to the click of c1" in answer.text) == (200, True)


def test_the_tab_is_in_spanish_too(office: Office) -> None:
    campaign, _ = mailed(office)
    page = office.page(f"/campaigns/{campaign}/manage?lang=es", SHOES).text
    assert re.search("Archivar la campa\u00f1a.*Eliminarla definitivamente", page, re.DOTALL)
