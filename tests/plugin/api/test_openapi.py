"""The OpenAPI document is complete and true."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import Office

WITHOUT_A_BODY = {
    "/api/v1/erasures/{erasure_id}/retry",
    "/api/v1/erasures/{erasure_id}/close",
    "/api/v1/alert-addresses/{address_id}/test",
    "/api/v1/accounts/{emp_id}/reports/retry",
}
"""Calls for which the address says all."""


@pytest.fixture
def spec(office: Office) -> dict[str, Any]:
    answer = office.browser.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert isinstance(answer.json, dict)
    return answer.json


def test_it_lists_every_call_and_no_other(office: Office, spec: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in office.app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert len(routes) >= 19
    assert {(path, method) for path, methods in spec["paths"].items() for method in methods} == routes


def test_every_reference_resolves(spec: dict[str, Any]) -> None:
    for reference in re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(spec)):
        assert reference in spec["components"]["schemas"]


def test_every_call_has_schemas_for_its_request_and_response(spec: dict[str, Any]) -> None:
    for path, methods in spec["paths"].items():
        for method, call in methods.items():
            if method in ("post", "patch") and path not in WITHOUT_A_BODY:
                assert call["requestBody"]["content"]["application/json"]["schema"]["$ref"], path
                assert "422" in call["responses"], path
            # 202 beside another one: the worker computes what the other one contains.
            known = call["responses"]
            good = [known[status] for status in ("200", "201") if status in known] or [known["202"]]
            assert len(good) == 1, path
            assert all(content["schema"] for content in good[0]["content"].values()), path
            assert call["security"] == [{"bearer": []}]
            assert {"401"} <= set(call["responses"])
            assert call["summary"], path


def test_errors_match_the_document(office: Office, spec: dict[str, Any]) -> None:
    problem = spec["components"]["schemas"]["HTTPError"]
    answer = office.call("GET", "/campaigns/0")
    assert answer.json is not None
    assert sorted(answer.json) == sorted(problem["properties"]) == sorted(problem["required"])


def test_answers_match_the_document(office: Office, spec: dict[str, Any]) -> None:
    campaign = office.campaign()
    office.order(click=office.click(campaign, "c1"))
    for path in ("", "/sales", "/links", "/clicks"):
        schema = spec["paths"][f"/api/v1/campaigns/{{campaign_id}}{path}"]["get"]["responses"]["200"]
        name = schema["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        wanted = spec["components"]["schemas"][name]
        assert sorted(office.get(f"/campaigns/{campaign['id']}{path}")) == sorted(wanted["required"])


def test_every_path_is_in_the_reference_page(spec: dict[str, Any]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text()
    paths = [re.sub(r"{(\w+)}", r"<\1>", path.removeprefix("/api/v1")) for path in spec["paths"]]
    assert [path for path in paths if f"{path}`" not in page] == []
