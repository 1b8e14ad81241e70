"""A marketer makes a flow of campaigns on pages alone."""

from tests.plugin.conftest import SHOES, Office


def test_a_flow_is_made_of_campaigns(office: Office) -> None:
    first, second = (office.campaign(name=name) for name in ("Welcome 1", "Welcome 2"))
    assert 'href="/accounts/7/flows"' in office.page("/", SHOES).text
    made = office.page("/accounts/7/flows", SHOES, method="POST", data={"name": " Welcome "})
    there = made.headers["Location"]
    assert there in office.page("/accounts/7/flows", SHOES).text
    assert "This flow has no e-mails yet" in office.page(there, SHOES).text
    for campaign in (first, second):
        assert office.page(there, SHOES, method="POST", data={"add": campaign["id"]}).status_code == 303
    office.reconcile(*office.order(click=office.click(second, "c1")))
    text = office.page(there, SHOES).text
    assert text.index("Welcome 1") < text.index("Welcome 2") < text.index("All e-mails of the flow")
    assert f'<option value="{first["id"]}"' not in text, "it is a part already"
    office.page(there, SHOES, method="POST", data={"up": second["id"]})
    text = office.page(f"{there}?lang=es", SHOES).text
    assert text.index("1. <a") < text.index("Welcome 2") < text.index("2. <a") < text.index("Welcome 1</a>")
    assert "Todos los e-mails del flujo" in text
    assert f'href="{there}">Welcome</a>' in office.page(f"/campaigns/{first['id']}", SHOES).text
    office.page(there, SHOES, method="POST", data={"remove": second["id"]})
    assert f'<option value="{second["id"]}"' in office.page(there, SHOES).text


def test_what_cannot_be_done_is_explained(office: Office) -> None:
    assert office.page("/accounts/7/flows", SHOES, method="POST", data={"name": " "}).status_code == 422
    one, other = (
        office.page("/accounts/7/flows", SHOES, method="POST", data={"name": name}).headers["Location"]
        for name in ("One", "Other")
    )
    campaign = office.campaign()["id"]
    office.page(one, SHOES, method="POST", data={"add": campaign})
    answer = office.page(other, SHOES, method="POST", data={"add": campaign})
    assert answer.status_code == 422
    assert "One" in answer.text
    for data in ({}, {"add": "x"}, {"up": "x"}, {"remove": "x"}):
        assert office.page(one, SHOES, method="POST", data=data).status_code in (303, 422)
    assert office.page("/flows/000000000000", SHOES).status_code == 404
    assert office.page("/accounts/8/flows", SHOES).status_code == 404


def test_a_campaign_joins_a_flow_on_its_own_page(office: Office) -> None:
    campaign = office.campaign()["id"]
    manage = f"/campaigns/{campaign}/manage"
    assert 'href="/accounts/7/flows">New flow</a>' in office.page(manage, SHOES).text
    there = office.page("/accounts/7/flows", SHOES, method="POST", data={"name": "Welcome"}).headers[
        "Location"
    ]
    flow = there.rpartition("/")[2]
    assert f'<option value="{flow}">Welcome</option>' in office.page(manage, SHOES).text
    data = {"step": "flow", "flow": flow}
    assert office.page(manage, SHOES, method="POST", data=data).status_code == 303
    assert f'href="{there}">Welcome</a>' in office.page(manage, SHOES).text
    assert office.page(manage, SHOES, method="POST", data={"step": "flow", "flow": "x"}).status_code == 404
