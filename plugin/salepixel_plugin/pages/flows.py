"""Flows: series of e-mails that never end, each e-mail with its own numbers."""

from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.declined import Declined
from salepixel.accounts.use_cases import see_account
from salepixel.flows import store, use_cases
from salepixel.reading.text import read_text
from salepixel.report.use_cases import read_flow
from salepixel_plugin.access import principal
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, say
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services

_PAGE = 100
_NO_NAME = N_("Enter a name for the flow.")


@blueprint.get("/accounts/<int:emp_id>/flows")
def list_flows(emp_id: int) -> Response:
    """The flows of an account, and the form for a new one."""
    return _list(emp_id)


@blueprint.post("/accounts/<int:emp_id>/flows")
def add_flow(emp_id: int) -> Response:
    """Create a flow."""
    name = read_text(request.form.get("name", ""), 200)
    if not name:
        return _list(emp_id, language().text(_NO_NAME))
    with services().database.write() as connection:
        made = use_cases.create_flow(connection, principal(), emp_id, name, datetime.now(UTC))
    return _to(made.flow.id)


@blueprint.get("/flows/<flow_id>")
def show_flow(flow_id: str) -> Response:
    """The e-mails of a flow with their numbers, and the sums of all."""
    return _show(flow_id)


@blueprint.post("/flows/<flow_id>")
def change_flow(flow_id: str) -> Response:
    """Add, move or remove an e-mail of a flow: `add` or `remove` has its campaign, `up` moves it up."""
    form = request.form
    try:
        with services().database.write() as connection:
            if campaign := form.get("remove"):
                use_cases.remove_part(connection, principal(), flow_id, campaign)
            elif campaign := form.get("up"):
                parts = [one.id for one in use_cases.see_flow(connection, principal(), flow_id).parts]
                position = parts.index(campaign) if campaign in parts else None
                use_cases.put_part(connection, principal(), flow_id, campaign, position)
            else:
                use_cases.put_part(connection, principal(), flow_id, form.get("add", ""))
    except Declined as declined:
        return _show(flow_id, say(as_refusal(declined)))
    return _to(flow_id)


def _to(flow_id: str) -> Response:
    return cast(Response, redirect(url_for("pages.show_flow", flow_id=flow_id), 303))


def _list(emp_id: int, wrong: str = "") -> Response:
    with services().database.read() as connection:
        account = see_account(connection, principal(), emp_id)
        found = store.list_flows(connection, emp_id, _PAGE, None)
    answer = page("flows.html", account=account, flows=found, wrong=wrong)
    answer.status_code = 422 if wrong else 200
    return answer


def _show(flow_id: str, wrong: str = "") -> Response:
    with services().database.read() as connection:
        report = read_flow(connection, principal(), flow_id)
        others = use_cases.campaigns_to_add(connection, principal(), flow_id)
    answer = page("flow.html", report=report, flow=report.flow, others=others, wrong=wrong)
    answer.status_code = 422 if wrong else 200
    return answer
