"""Errors in the form of a policy are shown at their field, and the input is kept."""

import re

import pytest

from tests.plugin.conftest import Office
from tests.plugin.pages.forms import Form
from tests.plugin.pages.test_policy_page import PAGE, PREVIEW, in_force, shown

WRONG = [
    ("window_days", "0", "whole number of days from 1 to 365", "número entero de días"),
    ("window_days", "366", "whole number of days from 1 to 365", "número entero de días"),
    ("window_days", "", "whole number of days from 1 to 365", "número entero de días"),
    ("window_days", '"><b>', "whole number of days from 1 to 365", "número entero de días"),
    ("model", "best", "Choose one of the models", "Elija uno de los modelos"),
    ("alias_match", "maybe", "Choose yes or no", "Elija sí o no"),
    ("campaign_days", "x", "whole number of days from 1 to 365", "número entero de días"),
    ("campaign_days", "9", "Choose a campaign of this account", "Elija una campaña"),
    ("campaign", "\x00", "whole number of days from 1 to 365", "número entero de días"),
    ("campaign_windows.\x00", "9", "Choose a campaign of this account", "Elija una campaña"),
    ("campaign_windows.none", "9", "Choose a campaign of this account", "Elija una campaña"),
    ("campaign_windows.none", "many", "whole number of days from 1 to 365", "número entero de días"),
]


@pytest.mark.parametrize(("field", "value", "english", "spanish"), WRONG)
def test_invalid_input_is_reported_at_its_field_and_kept(
    office: Office, field: str, value: str, english: str, spanish: str
) -> None:
    office.campaign()
    written = {
        "window_days": "21",
        "model": "decay",
        "alias_match": "on",
        "campaign": "",
        "campaign_days": "",
    }
    sent = written | {field: value}
    for method, path in (("GET", PREVIEW), ("POST", PAGE)):
        rest = {"query_string": sent} if method == "GET" else {"data": sent | {"policy": "1"}}
        html = shown(office, path, 422, method=method, **rest)
        (said,) = re.findall(r'role="alert" id="([^"]+)">([^<]+)<', html)
        assert english in said[1]
        wrong = re.findall(r'name="([^"]+)"[^>]*aria-describedby="' + said[0], html)
        assert field in wrong or wrong == ["campaign", "campaign_days"]
        kept = Form(html, PREVIEW).fields
        lost = {name for name in sent if kept[name] != sent[name]}
        assert lost <= {field} & {"model", "alias_match", "campaign"}, "only what no list offers"
    assert spanish in shown(office, PREVIEW, 422, query_string=sent | {"lang": "es"})
    assert in_force(office)["version"] == 1


def test_too_many_campaign_windows_are_reported(office: Office) -> None:
    sent = {f"campaign_windows.{n}": "9" for n in range(1001)}
    office.campaign()
    assert "At most 1000 campaigns" in shown(office, PREVIEW, 422, query_string=sent)


def test_another_accounts_campaign_gets_no_window_and_is_not_named(office: Office) -> None:
    hats = office.campaign(8, name="Secret hats")["id"]
    for sent in ({f"campaign_windows.{hats}": "9"}, {"campaign": hats, "campaign_days": "9"}):
        assert "ecret" not in shown(office, PREVIEW, 422, query_string=sent)
        assert "ecret" not in shown(office, PAGE, 422, method="POST", data=sent | {"policy": "1"})
        assert "ecret" not in shown(office, PAGE, query_string=sent)
    assert in_force(office)["version"] == 1
